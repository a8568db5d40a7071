"""ResNet-Conformer: size and names; every attention and format learns and runs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.models import SequenceSELD, resnet_conformer
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("resnet_conformer_keys.json")
SIZES: dict[str, Any] = {
    "num_bins": 32,
    "widths": (4, 6, 8, 10),
    "channels": 16,
    "num_layers": 1,
    "kernel_size": 3,
    "num_heads": 4,
}


def small(num_classes: int = 5, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights."""
    return resnet_conformer(num_classes, **(SIZES | arguments))


def parts(output: SELDOutput | Tensor) -> list[Tensor]:
    """Return the tensors of an output."""
    if isinstance(output, Tensor):
        return [output]
    return [part for part in output if part is not None]


def count(**arguments: Any) -> int:
    """Return the number of parameters of a network of 13 classes."""
    with torch.device("meta"):
        model = resnet_conformer(13, **arguments)
    return sum(p.numel() for p in model.parameters())


def test_size_of_the_common_network() -> None:
    assert count() == 11_685_164
    late = {"pool_time": (1, 1, 1, 1), "pool_time_end": 5}
    assert count(**late) == 11_685_164
    # Two blocks in each stage; an inner layer and its norms twice, with one fourth of the channels.
    multi_scale = sum(2 * 2 * (2 * c * c // 4 + 3 * (c + c // 4)) for c in (24, 48, 96, 192))
    assert count(attention="multi_scale") == 11_685_164 + multi_scale
    assert count(attention="multi_scale", attention_norm="group") == 11_685_164 + multi_scale
    squeeze = sum(2 * (2 * c * c // 4 + c + c // 4) for c in (24, 48, 96, 192))
    assert count(attention="squeeze_excite") == 11_685_164 + squeeze
    assert count(format="accdoa") == 11_685_164 - 257 * 13 - (256 * 256 + 256)


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        variants = {
            "default": resnet_conformer(13, num_layers=1),
            "multi_scale": resnet_conformer(13, num_layers=1, attention="multi_scale"),
            "squeeze_excite": resnet_conformer(13, num_layers=1, attention="squeeze_excite"),
            "accdoa": resnet_conformer(13, num_layers=1, format="accdoa"),
        }
    shapes = {k: list(x.shape) for k, x in variants["default"].state_dict().items()}
    assert shapes == pinned["default"]
    for name in ("multi_scale", "squeeze_excite", "accdoa"):
        assert set(variants[name].state_dict()) - set(shapes) == set(pinned[f"{name}_adds"])


@pytest.mark.parametrize("attention", ["none", "squeeze_excite", "multi_scale"])
@pytest.mark.parametrize("format", ["class_wise", "accdoa", "multi_accdoa"])
@pytest.mark.parametrize("distance", [False, True])
def test_every_variant_learns_with_all_its_weights(
    attention: str, format: str, distance: bool
) -> None:
    model = small(attention=attention, attention_norm="group", format=format, distance=distance)
    output = parts(model(torch.randn(1, 7, 20, 32)))
    sum(part.square().mean() for part in output).backward()  # type: ignore[union-attr]
    assert all(part.isfinite().all() for part in output)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames", "bins"),
    [(1, 1, 1, 5, 32), (14, 2, 1, 37, 64), (170, 4, 2, 13, 45)],
)
def test_shapes(classes: int, tracks: int, batch: int, frames: int, bins: int) -> None:
    features = torch.randn(batch, 7, frames, bins)
    early = small(classes, num_bins=bins).eval()(features)
    assert early.activity.shape == (batch, frames // 5, classes)
    assert early.direction.shape == (batch, frames // 5, classes, 3)
    late = small(
        classes,
        num_bins=bins,
        num_tracks=tracks,
        pool_time=(1, 1, 1, 1),
        pool_time_end=5,
        format="multi_accdoa",
    )
    assert late.eval()(features).shape == (batch, frames // 5, tracks, classes, 3)


def test_other_sizes() -> None:
    model = small(
        in_channels=3,
        num_bins=6,
        widths=(4, 8),
        num_blocks=1,
        pool_time=(1, 2),
        pool_freq=(3, 1),
        positions="exact",
        conv_expansion=1,
        feedforward=4,
        qkv_bias=True,
        depthwise_bias=False,
        format="accdoa",
        onscreen=True,
        planar=True,
        bounded=False,
    )
    assert model(torch.randn(1, 3, 9, 6)).shape == (1, 4, 5, 3)


def test_items_of_a_batch_do_not_mix() -> None:
    for attention in ("none", "squeeze_excite", "multi_scale"):
        model, features = small(attention=attention).eval(), torch.randn(3, 7, 20, 32)
        batch, item = model(features), model(features[1:2])
        torch.testing.assert_close(batch.activity[1:2], item.activity)
        torch.testing.assert_close(batch.direction[1:2], item.direction)


def test_the_last_maximum_is_over_time_alone() -> None:
    late = small(pool_time=(1, 1, 1, 1), pool_time_end=5, format="accdoa").eval()
    seen: list[Tensor] = []
    late.sequence.conformers.register_forward_hook(  # type: ignore[union-attr]
        lambda _, __, output: seen.append(output)
    )
    late.branches[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    late(torch.randn(2, 7, 23, 32))
    before, after = seen
    torch.testing.assert_close(after, before[:, :20].unflatten(1, (4, 5)).amax(dim=2))


@pytest.mark.parametrize("attention", ["none", "squeeze_excite", "multi_scale"])
def test_autocast(attention: str) -> None:
    model = small(attention=attention, dropout=0.0)
    with torch.autocast("cpu", torch.bfloat16):
        output = parts(model(torch.randn(2, 7, 20, 32)))
        sum(part.float().square().mean() for part in output).backward()  # type: ignore[union-attr]
    assert all(part.isfinite().all() for part in output)


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    model = small(
        attention="multi_scale",
        widths=(4,),
        num_blocks=1,
        pool_time=(5,),
        pool_freq=(8,),
        dropout=0.0,
        projection_dropout=0.0,
    )
    assert_compiles_and_exports(model.train(training), torch.randn(2, 7, 10, 32))


def test_the_call_is_remembered() -> None:
    model = small(4, attention="squeeze_excite")
    call = built_by(model)
    assert call is not None
    assert call.name == "resnet_conformer"
    again = resnet_conformer(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 20, 32)
    assert torch.equal(again.eval()(features).activity, model.eval()(features).activity)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_blocks": 0}, "num_blocks must be at least 1, got 0"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"pool_time_end": 0}, "pool_time_end must be at least 1, got 0"),
        ({"num_bins": 31}, r"num_bins must be at least 32 for pool_freq=\(4, 4, 2, 1\), got 31"),
        ({"widths": (4, 8)}, "must have one length, got 2, 4 and 4"),
        ({"channels": 18}, "channels must be a multiple of 4 heads, got 18"),
        (
            {"attention": "cbam"},
            "attention must be one of 'none', 'squeeze_excite', 'multi",
        ),
        ({"format": "track_wise"}, "format must be one of 'class_wise', 'accdoa', 'multi_accdoa'"),
        ({"format": "class_wise", "onscreen": True}, "format must be 'accdoa' or 'multi_accdoa'"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_features() -> None:
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=7, time, freq=32\)"):
        small()(torch.zeros(1, 7, 20, 64))
    late = small(pool_time=(2, 1, 1, 1), pool_time_end=5)
    with pytest.raises(ValueError, match="features must have at least 10 frames"):
        late(torch.zeros(1, 7, 9, 32))
