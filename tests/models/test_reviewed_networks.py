"""SoundDoA, SoundDet and the U-style network: sizes, learning, pipelines, names of their states."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks import NETWORKS
from seldkit import Pipeline
from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.features import FeatureExtractor, presets
from seldkit.formats import ClassWise, TrackWise
from seldkit.losses import class_wise_loss, trackwise_pit_loss
from seldkit.models import (
    ProposalMaps,
    RecurrentUNet,
    SoundDet,
    WaveformEncoder,
    proposal_losses,
    proposal_targets,
    sound_det,
    sound_doa,
    u_rnn,
)
from seldkit.outputs import combine
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("reviewed_keys.json")
NAMES = ("sound_doa", "sound_det", "u_rnn")
BANKS = ("front_end.filters", "filters")
RATE = 4000


def small(name: str) -> Any:
    """Return a network of few weights."""
    torch.manual_seed(0)
    return NETWORKS[name].build()


def number(module: nn.Module) -> int:
    """Return how many parameters a module has."""
    return sum(p.numel() for p in module.parameters())


def blocks(block_size: int) -> FeatureExtractor:
    """Return an extractor of blocks of the waveform."""
    return presets.waveform_blocks(sample_rate=RATE, block_size=block_size)


def doa(block_size: int = 50) -> nn.Module:
    """Return SoundDoA for labels of 100 ms at 4 kHz."""
    return sound_doa(
        2,
        1,
        sample_rate=RATE,
        block_size=block_size,
        num_filters=16,
        kernel_size=63,
        widths=(8, 8),
        pool_time=(4, 2),
        pool_freq=(4, 4),
        num_layers=1,
        dropout=0.0,
    )


def det() -> SoundDet:
    """Return SoundDet for labels of 100 ms at 4 kHz."""
    return sound_det(
        2,
        sample_rate=RATE,
        stride=50,
        num_filters=8,
        kernel_size=63,
        max_delay=4.0,
        widths=(8, 8, 8, 8, 8),
        num_raised=2,
        rnn_channels=8,
        max_duration=6,
        num_points=4,
        hidden=8,
    )


def scene() -> tuple[Tensor, Events]:
    """Return a second of first-order noise on the left, of class 1, from 0.3 to 0.7 s."""
    torch.manual_seed(1)
    noise = torch.randn(RATE)
    noise[: 3 * RATE // 10] = noise[7 * RATE // 10 :] = 0
    waveform = torch.stack((noise, noise, 0 * noise, 0 * noise))
    frames = [3, 4, 5, 6]
    return waveform, Events.from_degrees(frames, [1] * 4, [90.0] * 4, [0.0] * 4)


def test_sizes_of_the_defaults() -> None:
    with torch.device("meta"):
        networks = [sound_doa(13), sound_det(13), u_rnn(13)]
    banks = [network.get_submodule(name) for network, name in zip(networks, BANKS, strict=False)]
    assert [number(bank) for bank in banks] == [512, 1536]
    assert [number(network) for network in networks] == [18_867_336, 7_859_022, 3_327_156]


def test_lengths_are_those_of_labels() -> None:
    for network, size in ((doa(), 50), (det(), 50)):
        for frames in (8, 40, 47):
            output = network.eval()(torch.randn(1, 4, frames, size))
            assert output.activity.shape[1] - frames // 8 in (0, 1)
    whole = det().eval()
    x = torch.randn(1, 4, 40, 50)
    regrouped = x.reshape(1, 4, 20, 100)  # blocks of any size are the same waveform
    torch.testing.assert_close(whole(regrouped).activity, whole(x).activity)
    for steps in (1, 2, 7, 40):
        encoder = WaveformEncoder(3, widths=(4, 4, 4), num_raised=1).eval()
        assert encoder(torch.zeros(1, steps, 3)).shape == (1, -(-steps // 4), 8)


def test_levels_matter_to_levels_alone() -> None:
    front = doa().eval().get_submodule("front_end")
    x = torch.randn(1, 4, 8, 50)
    quiet, loud = front(x), front(10 * x)
    torch.testing.assert_close(loud[:, 4:], quiet[:, 4:], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(loud[:, :4], quiet[:, :4], atol=0.1)
    assert quiet[:, 4:].abs().max() <= 4  # of the mean power of four channels
    same = front(x[:, :1].expand(1, 4, 8, 50))
    torch.testing.assert_close(same[:, 4:10], torch.ones_like(same[:, 4:10]), rtol=0, atol=1e-4)
    assert same[:, 10:].abs().max() < 1e-4


def test_sound_doa_learns_a_scene() -> None:
    torch.manual_seed(0)
    waveform, events = scene()
    model, features = doa(), blocks(50)(waveform.unsqueeze(0))
    target = combine(torch.stack, [TrackWise(2, num_tracks=1).encode(events, 10)])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(25):
        losses = trackwise_pit_loss(model(features), target)
        loss = losses.sed + losses.doa
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    assert all(p.grad is not None for p in model.parameters())


def test_sound_det_learns_a_scene_and_proposes_its_event() -> None:
    torch.manual_seed(0)
    waveform, events = scene()
    model, features = det(), blocks(50)(waveform.unsqueeze(0))
    single = ClassWise(2).encode(events, 10)
    target = combine(torch.stack, [single])
    maps = ProposalMaps(*(x.unsqueeze(0) for x in proposal_targets(single, 6)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        seld, found = model(features, proposals=True)
        frame, whole = class_wise_loss(seld, target), proposal_losses(found, maps)
        losses.append(frame.sed + frame.doa + whole["overlap"] + whole["smoothness"])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.6 * losses[0]
    assert all(p.grad is not None for p in model.parameters())
    score = found.overlap.sigmoid()[0]
    place = score.flatten().argmax()
    assert (place // 60, place // 10 % 6 + 1, place % 10) == (1, 4, 3)


def test_the_u_style_network_sees_every_frame() -> None:
    model = RecurrentUNet(2, num_bins=9, widths=(4, 6), pool_time=1, rnn_channels=4).eval()
    x = torch.randn(1, 2, 12, 9, requires_grad=True)
    model(x)[0, :, 6].sum().backward()
    assert x.grad is not None
    assert (x.grad[0].abs().sum(dim=(0, 2)) > 0).all()
    for format, shape in (("accdoa", (3, 3)), ("multi_accdoa", (3, 3, 3))):
        network = u_rnn(3, widths=(4, 4), bottleneck_channels=4, rnn_channels=4, format=format)  # type: ignore[arg-type]
        assert network(torch.zeros(1, 7, 12, 64)).shape == (1, 2, *shape)


@pytest.mark.parametrize("name", ["sound_doa", "sound_det"])
def test_from_audio_to_events_and_saved(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = doa() if name == "sound_doa" else det()
    format: Any = TrackWise(2, 1) if name == "sound_doa" else ClassWise(2)
    pipeline = Pipeline(blocks(50), model, format, window_s=1.0).eval()
    waveform = 0.1 * torch.randn(4, 2 * RATE)
    events = pipeline.predict(waveform, RATE, check=None)
    assert events.num_frames == 20
    pipeline.save(tmp_path / "saved")
    again = Pipeline.load(tmp_path / "saved").scan(waveform, RATE, check=None)
    wanted = pipeline.scan(waveform, RATE, check=None)
    torch.testing.assert_close(again.activity, wanted.activity)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_interface_and_the_call_is_kept(name: str) -> None:
    state = {key: list(x.shape) for key, x in small(name).state_dict().items()}
    assert json.loads(KEYS.read_text())[name] == state
    call = built_by(small(name))
    assert call is not None
    assert call.name == name


@pytest.mark.transforms
def test_proposals_export() -> None:
    class Proposing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = small("sound_det").eval()

        def forward(self, x: Tensor) -> Tensor:
            return self.network(x, proposals=True).maps.overlap  # type: ignore[no-any-return]

    assert_compiles_and_exports(Proposing(), torch.randn(2, 4, 8, 16))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="rnn_channels must be even, got 3"):
        sound_det(3, rnn_channels=3)
    with pytest.raises(ValueError, match="num_raised must be below the number of widths, 2, got 2"):
        sound_det(3, widths=(4, 4), num_raised=2)
    with pytest.raises(ValueError, match="num_bins must be at least 1024"):
        sound_doa(3, num_filters=64, pool_freq=(4, 8, 8, 4))
    with pytest.raises(ValueError, match=r"blocks must be \(batch, channel=4, time, block=16\)"):
        small("sound_doa")(torch.zeros(1, 4, 40, 17))
    with pytest.raises(ValueError, match="channel=4"):
        small("sound_det")(torch.zeros(1, 3, 40, 17))
    with pytest.raises(ValueError, match="widths must be of two levels at least"):
        u_rnn(3, widths=(4,))
