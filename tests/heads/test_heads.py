"""What holds for every head: shapes, settings, gradients, precisions and names of weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.heads import ACCDOAHead, ClassWiseHead, MultiACCDOAHead, TrackWiseHead

IN, CLASSES, TRACKS = 8, 5, 2

HEADS: dict[str, Callable[..., nn.Module]] = {
    "class_wise": partial(ClassWiseHead, IN, CLASSES),
    "class_wise_distance": partial(ClassWiseHead, IN, CLASSES, distance=True),
    "accdoa": partial(ACCDOAHead, IN, CLASSES),
    "accdoa_2025": partial(ACCDOAHead, IN, CLASSES, distance=True, onscreen=True, planar=True),
    "multi_accdoa": partial(MultiACCDOAHead, IN, CLASSES),
    "multi_accdoa_2024": partial(MultiACCDOAHead, IN, CLASSES, distance=True, bounded=False),
    "multi_accdoa_2025": partial(
        MultiACCDOAHead, IN, CLASSES, distance=True, onscreen=True, planar=True
    ),
    "track_wise": partial(TrackWiseHead, IN, CLASSES, TRACKS),
    "track_wise_distance": partial(TrackWiseHead, IN, CLASSES, TRACKS, distance=True),
    "track_wise_class": partial(
        TrackWiseHead, IN, CLASSES, TRACKS, distance=True, class_directions=True
    ),
}
KEYS = {
    "class_wise": ["activity", "direction"],
    "class_wise_distance": ["activity", "direction", "distance"],
    "accdoa": ["linear"],
    "multi_accdoa": ["linear"],
    "track_wise": ["activity.0", "activity.1", "direction.0", "direction.1"],
    "track_wise_class": [
        f"{part}.{track}" for part in ("activity", "direction", "distance") for track in (0, 1)
    ],
}

every_head = pytest.mark.parametrize("name", HEADS)


def features(head: nn.Module, batch: int = 3, time: int = 4) -> list[Tensor]:
    """Return random features of the shape that a head reads."""
    if isinstance(head, TrackWiseHead):
        return list(torch.randn(2, batch, time, TRACKS, IN))
    return list(torch.randn(2 if isinstance(head, ClassWiseHead) else 1, batch, time, IN))


def tensors(output: Any) -> list[Tensor]:
    """Return the tensors of an output of either kind."""
    return [output] if isinstance(output, Tensor) else [x for x in output if x is not None]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("class_wise", [(5,), (5, 3)]),
        ("class_wise_distance", [(5,), (5, 3), (5,)]),
        ("accdoa", [(5, 3)]),
        ("accdoa_2025", [(5, 4)]),
        ("multi_accdoa", [(3, 5, 3)]),
        ("multi_accdoa_2024", [(3, 5, 4)]),
        ("multi_accdoa_2025", [(3, 5, 4)]),
        ("track_wise", [(2, 5), (2, 3)]),
        ("track_wise_distance", [(2, 5), (2, 3), (2,)]),
        ("track_wise_class", [(2, 5), (2, 5, 3), (2, 5)]),
    ],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes(name: str, shapes: list[tuple[int, ...]], batch: int) -> None:
    head = HEADS[name]()
    for time in (1, 4):
        found = [tuple(x.shape) for x in tensors(head(*features(head, batch, time)))]
        assert found == [(batch, time, *shape) for shape in shapes]


@every_head
def test_gradients_reach_every_weight(name: str) -> None:
    head = HEADS[name]()
    output = tensors(head(*features(head, batch=16)))
    torch.stack([x.square().sum() for x in output]).sum().backward()
    for parameter in head.parameters():
        assert parameter.grad is not None
        assert (parameter.grad != 0).all()


@every_head
def test_half_precision_is_finite(name: str) -> None:
    head = HEADS[name]()
    x = features(head)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = tensors(head(*x))
    for found, wanted in zip(half, tensors(head(*x)), strict=True):
        torch.testing.assert_close(found.float(), wanted, rtol=0.05, atol=0.05)
    torch.stack([x.float().sum() for x in half]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.transforms
@every_head
def test_compiles_and_exports(name: str) -> None:
    head = HEADS[name]()
    x = features(head)
    compiled = torch.compile(head, fullgraph=True, backend="aot_eager")
    exported = torch.export.export(head, tuple(x)).module()
    for transformed in (compiled, exported):
        for found, wanted in zip(tensors(transformed(*x)), tensors(head(*x)), strict=True):
            torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", KEYS)
def test_names_of_weights(name: str) -> None:
    expected = [f"{layer}.{kind}" for layer in KEYS[name] for kind in ("weight", "bias")]
    assert list(HEADS[name]().state_dict()) == expected


@every_head
def test_start_values(name: str) -> None:
    for layer in HEADS[name]().modules():
        if isinstance(layer, nn.Linear):
            assert (layer.bias == 0).all()
            assert 0 < layer.weight.abs().max() <= (6 / IN) ** 0.5


@every_head
def test_parameters_are_where_and_as_one_asks(name: str) -> None:
    for parameter in HEADS[name](dtype=torch.float64).parameters():
        assert parameter.dtype == torch.float64
    empty = HEADS[name](device=torch.device("meta"))
    assert all(parameter.is_meta for parameter in empty.parameters())
    head = empty.to_empty(device="cpu")
    for parameter in head.parameters():
        nn.init.constant_(parameter, torch.nan)
    reset: Any = head.reset_parameters
    reset()
    for layer in head.modules():
        if isinstance(layer, nn.Linear):
            assert (layer.bias == 0).all()
            assert 0 < layer.weight.abs().max() <= (6 / IN) ** 0.5


def test_the_vector_is_bounded_and_the_logit_is_not() -> None:
    bounded = MultiACCDOAHead(IN, CLASSES, TRACKS, distance=True, onscreen=True)
    linear = MultiACCDOAHead(IN, CLASSES, TRACKS, distance=True, onscreen=True, bounded=False)
    linear.load_state_dict(bounded.state_dict())
    (x,) = features(bounded)
    raw, found = linear(3 * x), bounded(3 * x)
    layer = bounded.linear(3 * x).reshape(3, 4, TRACKS, CLASSES, 5)
    torch.testing.assert_close(raw, layer)
    torch.testing.assert_close(found[..., :3], raw[..., :3].tanh())
    torch.testing.assert_close(found[..., 3], raw[..., 3].clamp(min=0))
    torch.testing.assert_close(found[..., 4], raw[..., 4])
    assert (raw[..., 3:] < 0).any()


def test_one_track_of_multi_accdoa_is_accdoa() -> None:
    options: dict[str, bool] = {"distance": True, "planar": True}
    one, many = ACCDOAHead(IN, CLASSES, **options), MultiACCDOAHead(IN, CLASSES, 1, **options)
    many.load_state_dict(one.state_dict())
    (x,) = features(one)
    torch.testing.assert_close(many(x).squeeze(2), one(x))


@pytest.mark.parametrize("class_directions", [False, True])
def test_distances_are_positive_and_never_without_gradient(class_directions: bool) -> None:
    options: dict[str, bool] = {"distance": True, "class_directions": class_directions}
    heads = ClassWiseHead(IN, CLASSES, distance=True), TrackWiseHead(IN, CLASSES, TRACKS, **options)
    for head in heads:
        x = [10 * x for x in features(head)]
        x[1].requires_grad_()
        distance = head(*x).distance
        assert distance.min() < 0.01 < 1 < distance.max()
        (gradient,) = torch.autograd.grad(distance.sum(), x[1])
        assert (distance > 0).all()
        assert (gradient != 0).all()


def test_every_head_ends_in_its_format() -> None:
    vectors: dict[str, Any] = {"distance": True, "onscreen": True, "planar": True}
    tracks: dict[str, Any] = {"distance": True, "class_directions": True}
    pairs: list[tuple[Any, Any]] = [
        (ClassWiseHead(IN, CLASSES, distance=True), ClassWise(CLASSES, distance=True)),
        (ACCDOAHead(IN, CLASSES, **vectors), ACCDOA(CLASSES, **vectors)),
        (MultiACCDOAHead(IN, CLASSES, **vectors), MultiACCDOA(CLASSES, **vectors)),
        (TrackWiseHead(IN, CLASSES, TRACKS, **tracks), TrackWise(CLASSES, TRACKS, **tracks)),
    ]
    for head, format_ in pairs:
        with torch.no_grad():
            output = head(*features(head, batch=1, time=9))
        clip = output[0] if isinstance(output, Tensor) else type(output)(*(x[0] for x in output))
        assert format_.decode(clip).num_frames == 9


@pytest.mark.messages
@every_head
def test_wrong_features_are_named(name: str) -> None:
    head = HEADS[name]()
    right = features(head)
    names = ["x"] if len(right) == 1 else ["activity", "direction"]
    for i, argument in enumerate(names):
        for wrong in (right[i][..., :-1], right[i][0]):
            x = [*right[:i], wrong, *right[i + 1 :]]
            with pytest.raises(ValueError, match=rf"{argument} must be \(batch.*channel=8\), got"):
                head(*x)
    if len(right) == 2:
        with pytest.raises(ValueError, match=r"direction must be \(batch=3, time=4,"):
            head(right[0], right[1][:2])


@pytest.mark.messages
@pytest.mark.parametrize("head", [ClassWiseHead, ACCDOAHead, MultiACCDOAHead])
def test_sizes_are_positive(head: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="in_channels must be at least 1, got 0"):
        head(0, CLASSES)
    with pytest.raises(ValueError, match="num_classes must be at least 1, got -1"):
        head(IN, -1)
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        MultiACCDOAHead(IN, CLASSES, 0)


def test_settings_are_shown() -> None:
    assert repr(ACCDOAHead(IN, CLASSES, planar=True)).startswith(
        "ACCDOAHead(\n  num_classes=5, distance=False, onscreen=False, planar=True, bounded=True\n"
    )
    assert "num_tracks=3, distance=True" in repr(MultiACCDOAHead(IN, CLASSES, distance=True))
    assert "class_directions=True" in repr(TrackWiseHead(IN, CLASSES, 1, class_directions=True))
