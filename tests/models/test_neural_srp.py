"""Neural-SRP: the published size, any array, any order of pairs, and how far it looks ahead."""

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
from seldkit.arrays import ArrayGeometry
from seldkit.features import PairSelection, presets
from seldkit.formats import TrackWise
from seldkit.layers import MicPairMetadata
from seldkit.losses import trackwise_pit_loss
from seldkit.models import NeuralSRP, neural_srp
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("tracker_keys.json")
SIZES: dict[str, Any] = {
    "num_lags": 8,
    "widths": (3, 4),
    "pool_time": (5, 1),
    "pool_lag": (2, 2),
    "rnn_channels": 5,
    "joint": (6, 4),
    "activity_hidden": (3, 3),
    "direction_hidden": (3,),
}
ARRAY = ArrayGeometry.tetrahedron()


def small(num_tracks: int = 2, **arguments: Any) -> NeuralSRP:
    """Return a network of few weights for 8 lags."""
    return neural_srp(num_tracks, **SIZES | arguments)


def both(output: SELDOutput) -> Tensor:
    """Return activity and direction as one."""
    return torch.cat((output.activity, output.direction), dim=-1)


def test_size_of_the_published_network() -> None:
    model = neural_srp()
    output = model(torch.randn(1, 6, 25, 64), torch.randn(1, 6, 6))
    assert sum(p.numel() for p in model.parameters()) == 923_792
    buffers = sum(x.numel() for name, x in model.named_buffers() if name != "metadata")
    assert 923_792 + buffers == 924_563
    assert output.activity.shape == (1, 5, 2, 1)
    assert output.direction.shape == (1, 5, 2, 3)


@settings(max_examples=15)
@given(st.permutations(range(4)), st.integers(1, 4))
def test_any_number_of_pairs_in_any_order(order: list[int], count: int) -> None:
    model, x, told = small().eval(), torch.randn(2, 4, 11, 8), torch.randn(2, 4, 6)
    order = order[:count]
    some, listed = model(x[:, order], told[:, order]), sorted(order)
    torch.testing.assert_close(both(some), both(model(x[:, listed], told[:, listed])))
    assert some.direction.shape == (2, 2, 2, 3)


def test_it_is_a_sum_over_pairs_of_the_published_steps() -> None:
    model, x, told = small().eval(), torch.randn(2, 3, 11, 8), torch.randn(2, 3, 6)
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    encoder: Any = model.get_submodule("pairs.encoder")
    gru = torch.nn.GRU(8, 5, 2, batch_first=True)
    gru.load_state_dict(encoder.recurrent.state_dict())
    total = torch.zeros(2, 2, 4)
    for pair in range(3):
        maps = x[:, pair : pair + 1]
        for stage in encoder.trunk:
            maps = functional.prelu(stage.norm(stage.conv(maps)), stage.activation.weight)
            maps = functional.max_pool2d(maps, stage.pool.kernel_size)
        states = gru(maps.transpose(1, 2).flatten(2))[0].tanh()
        both_sides = torch.cat((states, told[:, pair, None].expand(-1, 2, -1)), dim=2)
        total += model.get_submodule("pairs.joint")(both_sides)
    activity, direction = model.activity(total), model.direction(total)
    torch.testing.assert_close(both(model(x, told)), both(model.head(activity, direction)))


def test_the_places_of_microphones_matter() -> None:
    model, x = small().eval(), torch.randn(1, 6, 5, 8)
    near, far = (
        MicPairMetadata()(torch.as_tensor(array.positions).float().unsqueeze(0))
        for array in (ARRAY, ArrayGeometry.tetrahedron(0.1))
    )
    assert not torch.allclose(both(model(x, near)), both(model(x, far)))


def test_it_looks_ahead_by_a_frame_and_two_steps() -> None:
    model = small(widths=(3, 4, 4), pool_time=(5, 1, 1), pool_lag=(2, 2, 2)).eval()
    x, told, step = torch.randn(1, 3, 40, 8), torch.randn(1, 3, 6), 3
    last = 5 * (step + 1 + 2)  # the first frame that is one step too far, by the maxima
    later = x.clone()
    later[:, :, last + 1 :] = 100.0
    same = both(model(later, told))[:, : step + 1]
    torch.testing.assert_close(same, both(model(x, told))[:, : step + 1])
    later[:, :, last] = 100.0
    assert not torch.allclose(both(model(later, told))[:, step], both(model(x, told))[:, step])


@pytest.mark.parametrize(
    ("metadata", "entries"), [("both", 6), ("difference", 3), ("direction", 4), ("number", 1)]
)
def test_what_is_told_of_a_pair(metadata: Any, entries: int) -> None:
    model = small(metadata=metadata, array=ARRAY)
    assert model.metadata is not None
    assert model.metadata.shape == (6, entries)
    joint: Any = model.get_submodule("pairs.joint.0.linear")
    assert joint.in_features == 5 + entries


def test_its_own_array_speaks_for_itself() -> None:
    first = PairSelection("first")
    model, x = small(array=ARRAY, selection=first).eval(), torch.randn(2, 3, 5, 8)
    told = 100 * torch.cat((ARRAY.positions[:1].expand(3, -1), ARRAY.positions[1:]), dim=1)
    wanted = model(x, told.float().expand(2, -1, -1))
    torch.testing.assert_close(both(model(x)), both(wanted))
    assert "own pairs: 3" in repr(model)
    assert "metadata" not in model.state_dict()


def test_talkers_are_learned() -> None:
    torch.manual_seed(0)
    model, x, told = small(), torch.randn(2, 3, 10, 8), torch.randn(2, 3, 6)
    target = SELDOutput(
        torch.tensor([1.0, 0.0]).reshape(1, 1, 2, 1).expand(2, 2, 2, 1),
        torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]).expand(2, 2, 2, 3),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        loss = sum(trackwise_pit_loss(model(x, told), target), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(p.grad is not None for p in model.parameters())


def test_from_audio_to_events_and_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    array, selection = ArrayGeometry.circle(5, 0.05), PairSelection("distinct_angles")
    extractor = presets.neural_srp(array, selection=selection)
    sizes = SIZES | {"num_lags": 64}
    model = neural_srp(array=array, selection=selection, **sizes)
    pipeline = Pipeline(extractor, model, TrackWise(1, threshold=0.0), window_s=0.5).eval()
    waveform = 0.1 * torch.randn(5, 16000)
    events = pipeline.predict(waveform, 16000)
    assert len(events) == 2 * 10
    pipeline.save(tmp_path / "saved")
    again = Pipeline.load(tmp_path / "saved").predict(waveform, 16000)
    torch.testing.assert_close(again.direction, events.direction)


def test_keys_are_interface_and_the_call_is_kept() -> None:
    names = {name: list(x.shape) for name, x in small().state_dict().items()}
    assert json.loads(KEYS.read_text())["neural_srp"] == names
    call = built_by(small())
    assert call is not None
    assert call.arguments == {"num_tracks": 2, **SIZES}


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    sizes: dict[str, Any] = {"widths": (2,), "pool_time": (5,), "pool_lag": (2,), "rnn_layers": 1}
    model = small(array=ARRAY, aggregate="mean", **sizes).eval()
    assert_compiles_and_exports(model, torch.randn(2, 6, 10, 8))


@pytest.mark.messages
def test_messages() -> None:
    x = torch.zeros(1, 3, 5, 8)
    with pytest.raises(ValueError, match="metadata must be given to a network made without an arr"):
        small()(x)
    with pytest.raises(ValueError, match=r"features must be \(batch, pair=6, time, lag\), got"):
        small(array=ARRAY)(x)
    with pytest.raises(ValueError, match=r"features must be \(batch, pair, time, lag=8\), got"):
        small(array=ARRAY)(x[..., :7])
    with pytest.raises(ValueError, match="features must have at least 5 frames, got"):
        small()(x[:, :, :4], torch.zeros(1, 3, 6))
    with pytest.raises(ValueError, match="selection must be None without an array, got PairSel"):
        small(selection=PairSelection("first"))
    with pytest.raises(ValueError, match="direction_hidden must end with 3 as activity_hidden"):
        small(direction_hidden=(4,))
    with pytest.raises(ValueError, match=r"num_bins must be at least 4 for pool_freq=\(2, 2\)"):
        small(num_lags=3)
