"""MFF-EINV2: its size, its names, and what its variants promise."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seldkit._builders import built_by
from seldkit.layers import MFF, CrossStitch
from seldkit.models import StitchedSELD, mff_einv2
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("mff_einv2_keys.json")
SIZES: dict[str, Any] = {
    "stem_width": 2,
    "num_scales": 2,
    "tfcm_layers": 1,
    "widths": (4, 8),
    "pool_time": (2, 2),
    "pool_freq": (2, 2),
    "num_layers": 1,
    "num_heads": 2,
    "feedforward": 8,
}


def small(num_classes: int = 3, num_tracks: int = 2, **arguments: Any) -> StitchedSELD:
    """Return a network of few weights."""
    return mff_einv2(num_classes, num_tracks, **(SIZES | arguments))


def count(model: StitchedSELD, part: str = "") -> int:
    return sum(p.numel() for p in model.get_submodule(part).parameters())


def test_numbers_and_names_of_the_published_network() -> None:
    with torch.device("meta"):
        model, features = mff_einv2(13), torch.empty(2, 7, 400, 128)
        shapes = {name: list(x.shape) for name, x in model.state_dict().items()}
        output = model(features)
    assert count(model) == 26_875_696
    assert count(model, "trunk.stem.fusion") == 3_176_512
    assert shapes == json.loads(KEYS.read_text())
    assert output.activity.shape == (2, 50, 3, 13)
    assert output.direction.shape == (2, 50, 3, 3)
    stitches = [part for part in model.modules() if isinstance(part, CrossStitch)]
    assert [stitch.channels for stitch in stitches] == [128, 256, 256, 256, 256]
    assert all(stitch.sequential for stitch in stitches)


@pytest.mark.parametrize("num_scales", [0, 1, 2])
def test_every_variant_learns_with_all_its_weights(num_scales: int) -> None:
    model = small(num_scales=num_scales)
    assert any(isinstance(part, MFF) for part in model.modules()) == (num_scales > 0)
    output = model(torch.randn(2, 7, 13, 16))
    assert output.activity.shape == (2, 3, 2, 3)
    (output.activity.square().mean() + output.direction.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_both_branches_read_the_stem() -> None:
    model = small().eval()
    maps: list[Any] = []
    model.trunk.get_submodule("branches").register_forward_pre_hook(lambda _, x: maps.extend(x))
    model(torch.randn(1, 7, 8, 16))
    assert maps[0] is maps[1]
    assert maps[0].shape == (1, 2, 8, 16)


def test_the_call_is_remembered() -> None:
    model = small(num_scales=1, temporal="gru").eval()
    call = built_by(model)
    assert call is not None
    assert call.name == "mff_einv2"
    again = mff_einv2(**json.loads(json.dumps(call.arguments))).eval()
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 8, 16)
    assert torch.equal(again(features).activity, model(features).activity)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    model = small(1, 1, temporal="none", num_scales=1).eval().requires_grad_(False)
    assert_compiles_and_exports(model, torch.randn(2, 7, 8, 16))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"widths": (4,)}, "must have one length, got 1, 2 and 2"),
        ({"widths": (), "pool_time": (), "pool_freq": ()}, "must have one length, got 0, 0 and 0"),
        ({"widths": (4, 7)}, "must be a multiple of 2 for 'conformer', got 7"),
        ({"stem_width": 3}, "channels must be even for 2 scales, got 3"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_features() -> None:
    with pytest.raises(ValueError, match="x must have a multiple of 4 bins for 2 scales, got"):
        small()(torch.zeros(1, 7, 8, 18))
    with pytest.raises(ValueError, match=r"must be \(batch, channel=7, time, freq\), got shape"):
        small()(torch.zeros(1, 4, 8, 16))
