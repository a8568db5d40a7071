"""SELDnet: sizes and names of every edition; every format learns and runs."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.models import SELDNET_EDITIONS, SequenceSELD, seldnet
from seldkit.outputs import SELDOutput
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("seldnet_keys.json")
SIZES: dict[str, Any] = {"widths": (4, 6, 8), "rnn_channels": 16, "hidden": (12,)}
SHORT: dict[str, Any] = {
    "widths": (4,),
    "pool_time": (5,),
    "pool_freq": (8,),
    "rnn_layers": 1,
    "num_attention_layers": 1,
}
VIDEO: dict[str, Any] = {"video_size": (2, 3), "num_video_layers": 1}


def small(num_classes: int = 5, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights for 40 bins."""
    return seldnet(num_classes, **({"num_bins": 40} | SIZES | arguments))


def parts(output: SELDOutput | Tensor) -> list[Tensor]:
    """Return the tensors of an output."""
    if isinstance(output, Tensor):
        return [output]
    return [part for part in output if part is not None]


@pytest.mark.parametrize(
    ("edition", "arguments", "count"),
    [
        ("dcase2022", {"format": "accdoa"}, 594_471),
        ("dcase2022", {}, 604_533),
        ("dcase2023", {}, 737_141),
        ("dcase2023", {"in_channels": 10}, 738_869),
        ("dcase2023", {"num_bins": 382}, 1_179_509),
        ("dcase2024", {}, 742_172),
        ("dcase2025", {}, 734_261),
        # Published counts of 2,726,556 and 2,723,676 hold one more decoder layer, not in use.
        ("dcase2024_video", {}, 2_726_556 - 659_328),
        ("dcase2025_video", {}, 2_723_676 - 659_328),
    ],
)
def test_sizes_of_published_networks(edition: str, arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        model = seldnet(13, **SELDNET_EDITIONS[edition] | arguments)
        layer = torch.nn.TransformerDecoderLayer(128, 8)
    assert sum(p.numel() for p in model.parameters()) == count
    assert sum(p.numel() for p in layer.parameters()) == 659_328


@pytest.mark.parametrize(
    ("edition", "classes", "features", "shapes"),
    [
        ("seldnet2018", 11, (1, 8, 12, 256), [(1, 12, 11), (1, 12, 11, 3)]),
        ("dcase2019", 11, (1, 8, 12, 1024), [(1, 12, 11), (1, 12, 11, 3)]),
        ("dcase2020", 14, (1, 7, 20, 64), [(1, 4, 14), (1, 4, 14, 3)]),
        ("dcase2021", 12, (1, 7, 20, 64), [(1, 4, 12, 3)]),
        ("dcase2022", 13, (1, 7, 20, 64), [(1, 4, 3, 13, 3)]),
        ("dcase2023", 13, (2, 7, 20, 64), [(2, 4, 3, 13, 3)]),
        ("dcase2024", 13, (1, 7, 20, 64), [(1, 4, 3, 13, 4)]),
        ("dcase2025", 13, (1, 2, 251, 64), [(1, 50, 3, 13, 3)]),
        ("dcase2025_video", 13, (1, 2, 20, 64), [(1, 4, 3, 13, 4)]),
    ],
)
def test_shapes_of_the_editions(
    edition: str, classes: int, features: tuple[int, ...], shapes: list[tuple[int, ...]]
) -> None:
    model = seldnet(classes, **SELDNET_EDITIONS[edition]).eval()
    inputs = [torch.randn(features)]
    if "video" in edition:
        inputs.append(torch.rand(1, 4, 7, 7))
    with torch.no_grad():
        assert [part.shape for part in parts(model(*inputs))] == shapes


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        published, keras = seldnet(13), seldnet(13, **SELDNET_EDITIONS["dcase2020"])
        video = seldnet(13, **SELDNET_EDITIONS["dcase2025_video"])
    shapes = {name: list(x.shape) for name, x in published.state_dict().items()}
    assert shapes == pinned["dcase2023"]
    assert set(video.state_dict()) - set(shapes) == set(pinned["video_adds"])
    assert set(keras.state_dict()) - set(shapes) == set(pinned["dcase2020_adds"])
    assert set(shapes) - set(keras.state_dict()) == set(pinned["dcase2020_lacks"])


@pytest.mark.parametrize("format", ["class_wise", "accdoa", "multi_accdoa"])
@pytest.mark.parametrize("extra", [{}, {"distance": True}, {"merge_every": True, "tanh": False}])
@pytest.mark.parametrize("video", [False, True])
def test_every_variant_learns_with_all_its_weights(
    format: str, extra: dict[str, Any], video: bool
) -> None:
    model = small(format=format, **extra, **(VIDEO if video else {}))
    inputs = [torch.randn(1, 7, 20, 40)]
    if video:
        inputs.append(torch.randn(1, 3, 2, 3))
    output = parts(model(*inputs))
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
    model = small(classes, num_tracks=tracks, num_bins=bins).eval()
    output = model(torch.randn(batch, 7, frames, bins))
    assert output.shape == (batch, frames // 5, tracks, classes, 3)
    assert (output.abs() < 1).all()


def test_other_sizes() -> None:
    model = small(
        in_channels=3,
        num_bins=6,
        widths=(4, 8),
        pool_time=(1, 2),
        pool_freq=(3, 1),
        rnn_layers=1,
        num_attention_layers=0,
        num_heads=4,
        hidden=(),
        format="accdoa",
        onscreen=True,
        planar=True,
        bounded=False,
    )
    assert model(torch.randn(1, 3, 9, 6)).shape == (1, 4, 5, 3)


def test_items_of_a_batch_do_not_mix() -> None:
    model, features = small().eval(), torch.randn(3, 7, 20, 40)
    torch.testing.assert_close(model(features)[1:2], model(features[1:2]))
    assert torch.equal(model(features), model(features))


def test_the_video_is_heard_of() -> None:
    model, features = small(**VIDEO).eval(), torch.randn(2, 7, 20, 40)
    one, other = torch.rand(2, 2, 4, 2, 3).unbind()
    assert not torch.allclose(model(features, one), model(features, other))


@pytest.mark.parametrize("format", ["accdoa", "multi_accdoa"])
def test_a_scene_is_learned(format: str) -> None:
    model, features = small(2, format=format, dropout=0.0), torch.randn(2, 7, 20, 40)
    target = torch.nn.functional.normalize(torch.randn(model(features).shape), dim=-1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        loss = (model(features) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("format", ["class_wise", "multi_accdoa"])
def test_autocast(format: str) -> None:
    model, features = small(format=format, dropout=0.0), torch.randn(2, 7, 20, 40)
    with torch.autocast("cpu", torch.bfloat16):
        output = parts(model(features))
        sum(part.float().square().mean() for part in output).backward()  # type: ignore[union-attr]
    for part, wanted in zip(output, parts(model(features)), strict=True):
        torch.testing.assert_close(part.float(), wanted, rtol=0.1, atol=0.2)


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    model = small(**SHORT, dropout=0.0, format="class_wise").train(training)
    assert_compiles_and_exports(model, torch.randn(2, 7, 10, 40))


@pytest.mark.transforms
def test_with_video_it_compiles_and_exports() -> None:
    model = small(**SHORT, **VIDEO).eval()
    assert_compiles_and_exports(model, torch.randn(2, 7, 10, 40), torch.randn(2, 2, 2, 3))


def test_the_call_is_remembered() -> None:
    model = seldnet(4, **SELDNET_EDITIONS["dcase2025"] | SIZES)
    call = built_by(model)
    assert call is not None
    assert call.name == "seldnet"
    assert call.arguments["planar"] is True
    again = seldnet(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 2, 20, 64)
    assert torch.equal(again.eval()(features), model.eval()(features))


def test_editions_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SELDNET_EDITIONS["dcase2026"] = {}  # type: ignore[index]
    with pytest.raises(TypeError):
        SELDNET_EDITIONS["dcase2022"]["format"] = "accdoa"  # type: ignore[index]


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"num_bins": 31}, r"num_bins must be at least 32 for pool_freq=\(4, 4, 2\), got 31"),
        ({"widths": (4, 8)}, "must have one length, got 2, 3 and 3"),
        ({"widths": (4, 0, 8)}, r"widths\[1\] must be at least 1, got 0"),
        ({"pool_time": (0, 1, 1)}, r"pool_time\[0\] must be at least 1, got 0"),
        ({"hidden": (8, 0)}, r"hidden\[1\] must be at least 1, got 0"),
        ({"rnn_layers": 0}, "rnn_layers must be at least 1, got 0"),
        ({"num_attention_layers": -1}, "num_attention_layers must be at least 0, got -1"),
        ({"rnn_channels": 12}, "rnn_channels must be a multiple of 8, got 12"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"format": "track_wise"}, "format must be one of 'class_wise', 'accdoa', 'multi_accdoa'"),
        ({"format": "class_wise", "planar": True}, "format must be 'accdoa' or 'multi_accdoa'"),
        ({"format": "class_wise", "bounded": False}, "bounded=False, got 'class_wise'"),
        ({"video_size": (7,)}, r"video_size must be rows and columns, got \(7,\)"),
        ({"video_size": (7, 0)}, r"video_size\[1\] must be at least 1, got 0"),
        (
            {"video_size": (7, 7), "num_video_layers": 0},
            "num_video_layers must be at least 1, got 0",
        ),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_inputs() -> None:
    message = r"features must be \(batch, channel=7, time, freq=40\), got shape \(1, 7, 20, 64\)"
    with pytest.raises(ValueError, match=message):
        small()(torch.zeros(1, 7, 20, 64))
    with pytest.raises(ValueError, match="features must have at least 5 frames"):
        small()(torch.zeros(1, 7, 4, 40))
    features = torch.zeros(1, 7, 20, 40)
    with pytest.raises(ValueError, match="video must be None for a network of sound alone"):
        small()(features, torch.zeros(1, 4, 7, 7))
    with pytest.raises(ValueError, match="video must be given to a network made with a video"):
        small(**VIDEO)(features)
    message = r"video must be \(batch=1, frame, row=2, column=3\), got shape \(1, 4, 7, 7\)"
    with pytest.raises(ValueError, match=message):
        small(**VIDEO)(features, torch.zeros(1, 4, 7, 7))
