"""DOANet: published sizes, tracks without classes, and the steps of its recurrent part."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.formats import MultiACCDOA, TrackWise
from seldkit.losses import adpit_loss, trackwise_pit_loss
from seldkit.models import SequenceSELD, doanet
from seldkit.outputs import SELDOutput, apply, combine
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("tracker_keys.json")
SIZES: dict[str, Any] = {
    "num_bins": 8,
    "widths": (4, 6),
    "pool_time": (5, 1),
    "pool_freq": (2, 2),
    "rnn_channels": 8,
    "hidden": (6, 6),
}


def small(num_tracks: int = 2, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights for 8 bins."""
    return doanet(num_tracks, **SIZES | arguments)


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 1_553_928),
        ({"in_channels": 10}, 1_557_384),
        ({"activity": False}, 1_520_646),
        ({"in_channels": 10, "activity": False}, 1_524_102),
    ],
)
def test_sizes_of_the_published_networks(arguments: dict[str, Any], count: int) -> None:
    model = doanet(**arguments)
    output = model(torch.randn(1, arguments.get("in_channels", 7), 25, 64))
    assert sum(p.numel() for p in model.parameters()) == count
    if isinstance(output, SELDOutput):
        assert output.activity.shape == (1, 5, 2, 1)
        assert output.direction.shape == (1, 5, 2, 3)
    else:
        assert output.shape == (1, 5, 2, 1, 3)


def test_halves_are_bent_then_multiplied() -> None:
    model, features = small().eval(), torch.randn(1, 7, 20, 8)
    maps = model.trunk(features).transpose(1, 2).flatten(2)
    recurrent: Any = model.get_submodule("sequence.recurrent")
    forward, backward = recurrent.gru[0](maps).tanh().chunk(2, dim=2)
    torch.testing.assert_close(model.sequence(maps), forward * backward)


def test_attention_is_bent_too() -> None:
    model = small(num_heads=4).eval()
    x = model.sequence(torch.randn(2, 5, 12))
    assert x.shape == (2, 5, 8)
    assert x.abs().amax() < 1
    assert small(num_heads=4)(torch.zeros(1, 7, 10, 8)).direction.shape == (1, 2, 2, 3)


@pytest.mark.parametrize("activity", [True, False])
def test_two_talkers_are_learned_and_decoded(activity: bool) -> None:
    torch.manual_seed(0)
    talkers = Events.from_degrees(
        [0, 1, 1, 2], [0] * 4, [90.0, 90.0, -30.0, -30.0], [0.0] * 4, source=[0, 0, 1, 1]
    )
    format: Any = TrackWise(1) if activity else MultiACCDOA(1, 2)
    target = combine(torch.stack, [format.encode(talkers, num_frames=4)])
    model, features = small(activity=activity, rnn_layers=1), torch.randn(1, 7, 20, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(40):
        output = model(features)
        if isinstance(output, SELDOutput):
            loss = sum(trackwise_pit_loss(output, target), torch.zeros(()))
        else:
            loss = adpit_loss(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad is not None for p in model.parameters())
    last = apply(lambda x: x[0].detach(), output)
    assert format.decode(last).num_frames == 4


def test_keys_are_interface_and_the_call_is_kept() -> None:
    names = {name: list(x.shape) for name, x in small().state_dict().items()}
    assert json.loads(KEYS.read_text())["doanet"] == names
    call = built_by(small())
    assert call is not None
    assert call.arguments == {"num_tracks": 2, **SIZES}


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    model = small(num_heads=2, rnn_layers=1, widths=(2,), pool_time=(5,), pool_freq=(2,)).eval()
    assert_compiles_and_exports(model, torch.randn(2, 7, 10, 8))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_bins": 3}, r"num_bins must be at least 4 for pool_freq=\(2, 2\), got 3"),
        ({"num_heads": 3}, "rnn_channels must be a multiple of 3, got 8"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        (
            {"activity": False, "bounded_activity": True},
            "bounded_activity must be False without activity, got True",
        ),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
    with pytest.raises(ValueError, match="features must have at least 5 frames, got"):
        small()(torch.zeros(1, 7, 4, 8))
