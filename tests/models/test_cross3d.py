"""Cross3D: published sizes, no look ahead, streams, and from audio to events."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from seldkit import Pipeline
from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.features import presets
from seldkit.formats import ACCDOA
from seldkit.layers import step_size, stream_step
from seldkit.losses import accdoa_loss
from seldkit.models import SequenceSELD, cross3d
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("tracker_keys.json")
SIZES: dict[str, Any] = {"channels": 3, "hidden": 4, "kernel_time": 2}


def small(grid_shape: tuple[int, int] = (4, 8), **arguments: Any) -> SequenceSELD:
    """Return a network of few weights."""
    return cross3d(grid_shape, **SIZES | arguments)


@pytest.mark.parametrize(
    ("grid_shape", "millions", "layers"),
    [
        ((4, 8), 0.526, 2),
        ((8, 16), 0.946, 3),
        ((16, 32), 1.694, 4),
        ((32, 64), 5.626, 4),
        ((64, 128), 21.355, 4),
    ],
)
def test_sizes_of_the_published_networks(
    grid_shape: tuple[int, int], millions: float, layers: int
) -> None:
    with torch.device("meta"):
        model = cross3d(grid_shape)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 3) == millions
    assert len(list(model.get_submodule("trunk.cross.azimuth").children())) == layers


@settings(max_examples=8)
@given(st.integers(0, 11))
def test_no_frame_sees_a_later_one_or_one_too_old(frame: int) -> None:
    model, features = small().eval(), torch.randn(2, 3, 12, 32)
    output = model(features)
    later = features.clone()
    later[:, :, frame + 1 :] = torch.nan
    torch.testing.assert_close(model(later)[:, : frame + 1], output[:, : frame + 1])
    reach = 1 + 1 + 2 * 1 + 2 + 2  # by the first stage, both stages of a stack, and over time
    changed = features.clone()
    changed[:, :, frame] += 10.0
    same = model(changed)[:, frame + reach :]
    torch.testing.assert_close(same, output[:, frame + reach :])


def test_by_default_a_frame_sees_37_maps() -> None:
    model, features = cross3d((16, 32), channels=1, hidden=2).double(), torch.zeros(1, 3, 40, 512)
    features = features.double().requires_grad_()
    model(features)[0, -1].sum().backward()
    assert features.grad is not None
    seen = features.grad[0].abs().sum(dim=(0, 2)) > 0
    assert seen.nonzero().flatten().tolist() == [*range(3, 40)]


@settings(max_examples=10)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_steps_make_the_whole(sizes: list[int]) -> None:
    model, features = small().eval(), torch.randn(1, 3, sum(sizes), 32)
    state, made = None, []
    for piece in features.split(sizes, dim=2):
        output, state = stream_step(model, piece, state)
        made.append(output)
    torch.testing.assert_close(torch.cat(made, dim=1), model(features))
    assert step_size(model) == (1, 1)


def by_steps(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return the output of two stages a stack by the published steps, without any layer of ours."""

    def stage(x: Tensor, name: str, beyond: int, pool: tuple[int, int, int]) -> Tensor:
        batch, _, frames = x.shape[:3]
        flat = functional.pad(x.flatten(0, 2).unsqueeze(1), (0, 0, beyond, beyond), mode="reflect")
        flat = functional.pad(flat, (beyond, beyond, 0, 0), mode="circular")
        maps = functional.pad(flat.reshape(batch, -1, frames, *flat.shape[2:]), (0,) * 4 + (1, 0))
        maps = functional.conv3d(maps, weights[f"{name}.conv.weight"], weights[f"{name}.conv.bias"])
        return functional.prelu(functional.max_pool3d(maps, pool), weights[f"{name}.prelu.weight"])

    def over_time(x: Tensor, name: str) -> Tensor:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.conv1d(functional.pad(x, (2, 0)), weight, bias, dilation=2)

    x = stage(x.unflatten(3, (4, 8)), "trunk.whole", 2, (1, 1, 1))
    fine = wide = x
    for number in range(2):
        fine = stage(fine, f"trunk.cross.elevation.{number}", 1, (1, 1, 2))
        wide = stage(wide, f"trunk.cross.azimuth.{number}", 1, (1, 2, 1))
    x = torch.cat((fine.flatten(3), wide.flatten(3)), dim=3).transpose(2, 3).flatten(1, 2)
    x = functional.prelu(over_time(x, "sequence.conv"), weights["sequence.prelu.weight"])
    return over_time(x, "branches.0").tanh().mT.unsqueeze(2)


def test_it_is_the_published_steps() -> None:
    model, features = small(pole_shift=False), torch.randn(2, 3, 5, 32)
    for name, parameter in model.named_parameters():
        if name.endswith("prelu.weight"):
            torch.nn.init.uniform_(parameter, -1, 1)
    torch.testing.assert_close(model(features), by_steps(model.state_dict(), features))


def test_paddings_differ_at_the_poles_alone() -> None:
    features = torch.randn(1, 3, 2, 32)
    outputs = []
    for pole_shift in (True, False):
        torch.manual_seed(0)
        outputs.append(small(pole_shift=pole_shift).eval()(features))
    assert not torch.allclose(*outputs)
    assert small((5, 7), pole_shift=False)(torch.zeros(1, 3, 2, 35)).shape == (1, 2, 1, 3)
    assert small((3, 4), upper_half=True)(torch.zeros(1, 3, 2, 12)).shape == (1, 2, 1, 3)


def test_one_talker_is_learned_and_decoded() -> None:
    torch.manual_seed(0)
    talker = Events.from_degrees([1, 2, 3], [0] * 3, [90.0, 80.0, 70.0], [0.0, 0.0, 10.0])
    format = ACCDOA(1)
    target = format.encode(talker, num_frames=5).unsqueeze(0)
    model, features = small(), torch.randn(1, 3, 5, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(80):
        loss = accdoa_loss(model(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.03
    found = format.decode(model(features).detach()[0])
    assert found.frame.tolist() == [1, 2, 3]
    assert all(p.grad is not None for p in model.parameters())


def test_from_audio_to_events_whole_saved_and_in_a_stream(tmp_path: Path) -> None:
    torch.manual_seed(1)
    sizes: dict[str, Any] = {"sample_rate": 8000, "n_fft": 512, "hop_length": 400}
    extractor = presets.cross3d(grid_shape=(4, 8), **sizes)
    format = ACCDOA(1, threshold=0.0)
    pipeline = Pipeline(
        extractor, small(), format, window_s=None, label_rate=extractor.frame_rate
    ).eval()
    waveform: Tensor = 0.1 * torch.randn(4, 8000)
    events = pipeline.predict(waveform, 8000)
    assert events.num_frames == 20
    assert len(events) == 20
    pipeline.save(tmp_path / "saved")
    again = Pipeline.load(tmp_path / "saved").predict(waveform, 8000)
    torch.testing.assert_close(again.direction, events.direction)
    stream = pipeline.stream()
    assert stream.latency_s == pytest.approx(512 / 8000)
    parts = [stream.push(chunk) for chunk in waveform.split(700, dim=1)]
    directions = [part.direction for part in [*parts, stream.flush()]]
    torch.testing.assert_close(torch.cat(directions), events.direction, rtol=0, atol=1e-5)


def test_keys_are_interface_and_the_call_is_kept() -> None:
    names = {name: list(x.shape) for name, x in small().state_dict().items()}
    assert json.loads(KEYS.read_text())["cross3d"] == names
    call = built_by(small())
    assert call is not None
    assert call.arguments == {"grid_shape": (4, 8), **SIZES}


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(small((3, 4)), torch.randn(2, 3, 4, 12))


def test_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        output = small()(torch.randn(1, 3, 4, 32))
    assert output.isfinite().all()


@pytest.mark.messages
@pytest.mark.parametrize(
    ("grid_shape", "arguments", "message"),
    [
        ((4,), {}, "grid_shape must be rows and columns, got"),
        ((2, 8), {}, "grid_shape must be at least 3 x 2, got 2 x 8"),
        ((5, 6), {}, "grid_shape must have a multiple of 4 columns with pole_shift, got 5 x 6"),
        ((4, 8), {"num_layers": 3}, "num_layers must be at most 2 for 4 x 8, got 3"),
        ((4, 8), {"channels": 0}, "channels must be at least 1, got 0"),
    ],
)
def test_messages(grid_shape: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(grid_shape, **arguments)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=3, time, freq=32\)"):
        small()(torch.zeros(1, 3, 4, 31))
