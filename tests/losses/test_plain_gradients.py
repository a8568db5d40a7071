"""Each loss and its gradient are those of the formula as it is written down, at any size."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from references.adpit import every_arrangement_loss
from references.aggregated import plain_aggregated_pit_loss, plain_aggregated_sum_loss
from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.losses import (
    accdoa_loss,
    active_direction_loss,
    adpit_loss,
    aggregated_mixture_loss,
    aggregated_pit_loss,
    aggregated_sum_loss,
    class_wise_loss,
    focal_loss,
    presence_loss,
    trackwise_pit_loss,
)

Tensors = tuple[Tensor, ...]
bce = functional.binary_cross_entropy_with_logits


class Pair(NamedTuple):
    """A loss and its formula, of logits and directions `(batch, time, track, ...)` and targets."""

    name: str
    ours: Callable[[SELDOutput, SELDOutput, Tensor | None], Any]
    plain: Callable[[SELDOutput, SELDOutput], Any]


def vectors(x: SELDOutput) -> Tensor:
    """Return vectors `(batch, time, track, cls, axis)` of both parts."""
    return x.activity.unsqueeze(-1) * x.direction.unsqueeze(3)


def by_class(x: SELDOutput) -> SELDOutput:
    """Return a class-wise output: the first track's activity, and its vectors."""
    return SELDOutput(x.activity[:, :, 0], vectors(x)[:, :, 0])


def plain_class_wise(preds: SELDOutput, target: SELDOutput) -> Tensors:
    preds, target = by_class(preds), by_class(target)
    errors = (preds.direction - target.direction).square().mean(-1)
    active = target.activity
    doa = (errors * active).sum() / active.sum().clamp(min=1)
    return bce(preds.activity, active), doa


def plain_focal(preds: SELDOutput, target: SELDOutput) -> Tensor:
    p, y = preds.activity.sigmoid(), target.activity
    wrong = p * (1 - y) + (1 - p) * y
    return (wrong**2 * bce(preds.activity, y, reduction="none")).mean()


def plain_active_direction(preds: SELDOutput, target: SELDOutput) -> Tensor:
    errors = (preds.direction - target.direction).square().mean(-1)
    weight = 0.2 + 0.8 * target.activity.amax(-1)
    return (errors * weight).sum() / weight.sum()


PAIRS = [
    Pair("tPIT", lambda p, t, m: trackwise_pit_loss(p, t, mask=m), plain_pit_loss),
    Pair(
        "tPIT, weighted",
        lambda p, t, m: trackwise_pit_loss(p, t, selection=(0.3, 1.7), mask=m),
        lambda p, t: plain_pit_loss(p, t, selection=(0.3, 1.7)),
    ),
    Pair(
        "PIT by clip",
        lambda p, t, m: trackwise_pit_loss(p, t, per="clip", mask=m),
        lambda p, t: plain_pit_loss(p, t, per="clip"),
    ),
    Pair("AGG1", lambda p, t, m: aggregated_pit_loss(p, t, mask=m), plain_aggregated_pit_loss),
    Pair(
        "AGG1, l1",
        lambda p, t, m: aggregated_pit_loss(p, t, error="l1", mask=m),
        lambda p, t: plain_aggregated_pit_loss(p, t, error="l1"),
    ),
    Pair("AGG2", lambda p, t, m: aggregated_sum_loss(p, t, mask=m), plain_aggregated_sum_loss),
    Pair(
        "AGG",
        lambda p, t, m: aggregated_mixture_loss(p, t, alpha=0.3, mask=m),
        lambda p, t: 0.3 * plain_aggregated_pit_loss(p, t) + 0.7 * plain_aggregated_sum_loss(p, t),
    ),
    Pair(
        "ADPIT",
        lambda p, t, m: adpit_loss(vectors(p), vectors(t), mask=m),
        lambda p, t: every_arrangement_loss(vectors(p), vectors(t)),
    ),
    Pair(
        "ACCDOA",
        lambda p, t, m: accdoa_loss(vectors(p)[:, :, 0], vectors(t)[:, :, 0], mask=m),
        lambda p, t: functional.mse_loss(vectors(p)[:, :, 0], vectors(t)[:, :, 0]),
    ),
    Pair(
        "class-wise",
        lambda p, t, m: class_wise_loss(by_class(p), by_class(t), mask=m),
        plain_class_wise,
    ),
    Pair("focal", lambda p, t, m: focal_loss(p.activity, t.activity, mask=m), plain_focal),
    Pair(
        "active direction",
        lambda p, t, m: active_direction_loss(
            p.direction, t.direction, t.activity.amax(-1), inactive_weight=0.2, mask=m
        ),
        plain_active_direction,
    ),
    Pair(
        "presence",
        lambda p, t, m: presence_loss(p.activity[:, :, 0], t.activity, mask=m),
        lambda p, t: bce(p.activity[:, :, 0], t.activity.amax(2)),
    ),
]
NAMES = [pair.name for pair in PAIRS]


def random_pair(
    seed: int, batch: int, time: int, tracks: int, classes: int, dtype: torch.dtype
) -> tuple[SELDOutput, SELDOutput]:
    """Return a prediction, and a target with silent tracks and pairs of tracks that hold the same.

    So many assignments tie, and none of the tied ones has another gradient.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*axes: int) -> Tensor:
        return torch.randn(batch, time, *axes, generator=generator, dtype=dtype)

    cls = normal(tracks, classes).argmax(-1)
    sounds = normal(tracks, 1) > 0
    activity = functional.one_hot(cls, classes) * sounds
    direction = functional.normalize(normal(tracks, 3), dim=-1) * sounds
    target = SELDOutput(activity.to(dtype), direction)
    twice = (normal(1, 1) > 0.5).squeeze(-1)  # the last track is the first again
    for x in target[:2]:
        x[:, :, -1] = torch.where(twice, x[:, :, 0], x[:, :, -1])
    return SELDOutput(2 * normal(tracks, classes), normal(tracks, 3).tanh()), target


def found(loss: Callable[..., Any], preds: SELDOutput, *others: Any) -> tuple[Tensor, Tensors]:
    """Return the losses, one tensor, and the gradients of their sum."""
    inputs = SELDOutput(*(x.clone().requires_grad_() for x in preds[:2]))
    value = loss(inputs, *others)
    value = torch.stack(value) if isinstance(value, tuple) else value
    gradients = torch.autograd.grad(value.sum(), inputs[:2], materialize_grads=True)
    return value.detach(), gradients


@pytest.mark.parametrize("pair", PAIRS, ids=NAMES)
@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    time=st.integers(1, 5),
    tracks=st.integers(1, 4),
    classes=st.integers(1, 5),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    padding=st.integers(0, 2),
)
def test_is_the_formula(
    pair: Pair,
    seed: int,
    batch: int,
    time: int,
    tracks: int,
    classes: int,
    dtype: torch.dtype,
    padding: int,
) -> None:
    preds, target = random_pair(seed, batch, time, tracks, classes, dtype)
    wanted, slopes = found(pair.plain, preds, target)
    mask = None

    def longer(x: Tensor) -> Tensor:
        axes = [0, 0] * (x.ndim - 2) + [0, padding]
        return functional.pad(x, axes, value=0.5)

    if padding:
        preds, target = preds.map(longer), target.map(longer)
        mask = (torch.arange(time + padding) < time).expand(batch, -1)
    loss, gradients = found(pair.ours, preds, target, mask)
    near: dict[str, Any] = {"rtol": 1e-4, "atol": 2e-6}
    near = {"rtol": 1e-9, "atol": 1e-12} if dtype == torch.float64 else near
    torch.testing.assert_close(loss, wanted, **near)
    for gradient, slope in zip(gradients, slopes, strict=True):
        torch.testing.assert_close(gradient[:, :time], slope, **near)
        assert not gradient[:, time:].any()


@pytest.mark.parametrize("pair", PAIRS, ids=NAMES)
def test_no_frames_are_no_error(pair: Pair) -> None:
    preds, target = random_pair(0, 2, 0, 2, 3, torch.float32)
    for mask in (None, torch.ones(2, 0, dtype=torch.bool)):
        loss, gradients = found(pair.ours, preds, target, mask)
        assert not loss.nan_to_num().any()
        assert all(gradient.shape[1] == 0 for gradient in gradients)


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.sampled_from([(1.0, 1.0), (0.2, 0.8), (0.0, 1.0)]),
)
def test_the_products_choose_as_the_losses_do(
    seed: int, tracks: int, selection: tuple[float, float]
) -> None:
    # Two tracks are exchanged, three listed, more built up of sets, and all by products alone.
    preds, target = random_pair(seed, 2, 6, min(tracks, 5), 4, torch.float64)
    ours = trackwise_pit_loss(preds, target, selection=selection)
    plain = plain_pit_loss(preds, target, selection=selection)
    chosen = [selection[0] * sed + selection[1] * doa for sed, doa in (ours, plain)]
    torch.testing.assert_close(chosen[0], chosen[1], rtol=1e-12, atol=1e-14)
