"""NGCC-PHAT: the published system, its sizes and names, delays, and a system in a pipeline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from networks import NETWORKS
from seldkit import Pipeline
from seldkit.compat import ngcc
from seldkit.compat.dcase import unpack_multi_accdoa
from seldkit.features import presets
from seldkit.formats import MultiACCDOA
from seldkit.losses import tdoa_loss
from seldkit.models import NGCCPHAT, NGCCSELD, cst_former, ngcc_seld, seldnet

Golden = Callable[[str], Path]
UNUSED = 32 * 16 * 3 + 16 + 2 * 16  # a convolution and its norm that the published code holds
SYSTEM: dict[str, Any] = {"in_channels": 100, "distance": True, "bounded": False}
FRONT: dict[str, Any] = {
    "num_mels": 16,
    "channels": 4,
    "out_channels": 2,
    "max_lag": 2,
    "frame_length": 32,
    "sample_rate": 16000,
}


@pytest.fixture(scope="module")
def published(golden: Golden) -> tuple[NGCCSELD, dict[str, Tensor]]:
    """Return the published system, and its weights."""
    weights = load_file(golden("recent/ngcc_cst_weights.safetensors"))
    system = ngcc_seld(cst_former(13, hidden=(256,), **SYSTEM)).eval()
    system.load_state_dict(ngcc.convert(weights))
    return system, weights


def test_the_published_system(golden: Golden, published: tuple[NGCCSELD, Any]) -> None:
    with np.load(golden("recent/ngcc_cst_system.npz")) as file:
        frames, wanted = (torch.from_numpy(file[name]).float() for name in ("x", "y"))
    with torch.no_grad():
        found = published[0](frames)
    assert isinstance(found, Tensor)
    wanted = unpack_multi_accdoa(wanted, 3, 13)
    # Levels in decibels are some tens, so float32 keeps less of them than of the output.
    torch.testing.assert_close(found, wanted, rtol=0, atol=5e-5)


def test_published_levels(golden: Golden, published: tuple[NGCCSELD, Any]) -> None:
    with np.load(golden("recent/ngcc_phat.npz")) as file:
        frames, wanted = (torch.from_numpy(file[name]) for name in ("x", "feat"))
    with torch.no_grad():
        found = published[0].front(frames)
    assert found.shape == wanted.shape
    # The correlations of this file come of other weights, of the training for delays.
    torch.testing.assert_close(found[:, :4], wanted[:, :4], rtol=0, atol=5e-5)


def test_delays_of_white_sound(published: tuple[NGCCSELD, Any]) -> None:
    """The learnt bands keep the delays of a sound, and their mean correlation peaks there."""
    sound = torch.randn(1, 4800 + 10)
    shifts = (0, 3, -2, 5)
    waveform = torch.cat([sound[:, 5 - s : 4805 - s] for s in shifts]).reshape(1, 4, 10, 480)
    correlation = published[0].front.correlation
    with torch.no_grad():
        bands = correlation._bands(waveform.reshape(4, 1, -1)).unflatten(2, (10, 480))
        lags = correlation._correlations(bands.unsqueeze(0).transpose(2, 3)).mean(dim=(2, 3))
    found = (lags.argmax(dim=-1) - 6)[0, :5].tolist()  # of the last pair -7, beyond the lags
    assert found == [-3, 2, -5, 5, -2]


def test_published_sizes() -> None:
    def size(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    with torch.device("meta"):
        assert size(NGCCPHAT(num_tracks=3)) == 61_939 - UNUSED
        small = cst_former(13, hidden=(256,), **SYSTEM)
        large = cst_former(13, hidden=(256,), pool_freq=(1, 1, 1), **SYSTEM)
        assert size(ngcc_seld(small)) == 663_292 - UNUSED
        assert size(ngcc_seld(large)) == 1_486_588 - UNUSED
        assert size(ngcc_seld(seldnet(13, **SYSTEM))) == 857_532 - UNUSED


def test_names_are_pinned() -> None:
    pinned = json.loads(Path(__file__).with_name("ngcc_keys.json").read_text())
    with torch.device("meta"):
        front = NGCCPHAT(num_tracks=3)
    assert {k: list(x.shape) for k, x in front.state_dict().items()} == pinned


def test_every_weight_learns() -> None:
    front = NGCCPHAT(2, num_tracks=2, **FRONT)
    features, delays = front.with_delays(torch.randn(2, 2, 5, 32))
    assert features.shape == (2, 4, 5, 16)
    assert delays.shape == (2, 5, 5, 2, 1)
    (features.square().mean() + delays.square().mean()).backward()
    for name, parameter in front.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_loss_of_delays_falls() -> None:
    front = NGCCPHAT(2, num_tracks=1, **FRONT)
    sound = torch.randn(1, 1, 8 * 32)
    shifts = (-2, 0, 1)
    waveform = torch.cat([torch.cat((sound, sound.roll(s, 2)), dim=1) for s in shifts])
    frames = waveform.unflatten(2, (8, 32))
    target = (2 - torch.tensor(shifts)).reshape(3, 1, 1, 1).expand(3, 8, 1, 1)
    active = torch.ones(3, 8, 1, dtype=torch.bool)
    optimizer = torch.optim.Adam(front.parameters(), 0.01)
    losses = []
    for _ in range(25):
        loss = tdoa_loss(front.delays(frames), target, active)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_both_ways_give_the_same() -> None:
    front, frames = NGCCPHAT(2, num_tracks=2, **FRONT).eval(), torch.randn(1, 2, 5, 32)
    features, delays = front.with_delays(frames)
    assert torch.equal(front(frames), features)
    assert torch.equal(front.delays(frames), delays)


def test_clips_of_a_batch_do_not_mix() -> None:
    front, frames = NGCCPHAT(2, **FRONT).eval(), torch.randn(3, 2, 5, 32)
    frames[0] *= 1000
    torch.testing.assert_close(front(frames)[1:2], front(frames[1:2]), rtol=1e-4, atol=1e-4)


def test_a_pipeline_of_it_is_saved(tmp_path: Path) -> None:
    network = seldnet(
        3,
        in_channels=4,
        num_bins=16,
        widths=(4,),
        pool_time=(5,),
        pool_freq=(4,),
        rnn_channels=4,
        num_heads=2,
        hidden=(4,),
    )
    model = ngcc_seld(network, 2, **FRONT).eval()
    extractor = presets.ngcc_phat(num_microphones=2, frame_length=32, sample_rate=16000)
    pipeline = Pipeline(extractor, model, MultiACCDOA(3), window_s=0.1, label_rate=100.0)
    pipeline.save(tmp_path / "system")
    again = Pipeline.load(tmp_path / "system")
    waveform = 0.1 * torch.randn(1, 2, 3200)
    assert torch.equal(again(waveform), pipeline(waveform))


def test_it_is_among_the_networks() -> None:
    assert isinstance(NETWORKS["ngcc_seld"].build(), NGCCSELD)


@pytest.mark.messages
def test_messages(published: tuple[NGCCSELD, dict[str, Tensor]]) -> None:
    with pytest.raises(ValueError, match="network must have in_channels=100 of the features"):
        ngcc_seld(cst_former(13))
    with pytest.raises(ValueError, match="num_tracks must be given to tell delays, got None"):
        NGCCPHAT(2, **FRONT).delays(torch.zeros(1, 2, 5, 32))
    with pytest.raises(ValueError, match="num_microphones must be at least 2, got 1"):
        NGCCPHAT(1)
    with pytest.raises(ValueError, match=r"frames must be at least 2, got shape \(1, 2, 1, 32\)"):
        NGCCPHAT(2, **FRONT)(torch.zeros(1, 2, 1, 32))
    weights = dict(published[1])
    del weights["ngcc.mlp.1.0.bias"]
    with pytest.raises(KeyError, match=r"missing: \['mlp.1.0.bias \(here correlation.lag_filters"):
        ngcc.convert(weights)
