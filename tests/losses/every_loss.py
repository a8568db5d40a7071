"""Every loss with each of its options, as one function of the same form."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seldkit import SELDOutput
from seldkit.losses import (
    accdoa_loss,
    active_direction_loss,
    adpit_loss,
    aggregated_mixture_loss,
    aggregated_pit_loss,
    aggregated_sum_loss,
    association_loss,
    class_wise_loss,
    direct_path_loss,
    dmot_loss,
    focal_loss,
    presence_loss,
    trackwise_pit_loss,
    vector_pit_loss,
)

TRACKS, CLASSES = 3, 4


class Case(NamedTuple):
    """A loss, and what it takes.

    Attributes:
        loss: From predictions, targets (lists of tensors `(batch, time, ...)`) and a mask to the
            losses of the tasks, one tensor.
        preds: Axes after time of each prediction.
        target: Axes after time of each target.
        name: What it is.
    """

    loss: Callable[..., Tensor]
    preds: tuple[tuple[int, ...], ...]
    target: tuple[tuple[int, ...], ...]
    name: str

    @property
    def vectors(self) -> bool:
        """Whether predictions and targets are vectors without activities beside them."""
        kinds = ("accdoa", "adpit", "direct_path", "vector_pit")
        return any(part in self.name for part in kinds)

    def random(self, seed: int, batch: int, time: int) -> tuple[list[Tensor], list[Tensor]]:
        """Return predictions and targets in float64; targets change every few frames."""
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        preds = [normal(batch, time, *axes) for axes in self.preds]
        held = 1 + (time - 1) // 2
        target = [
            normal(batch, held, *axes).repeat_interleave(2, dim=1)[:, :time] for axes in self.target
        ]
        return preds, self.proper(target)

    def proper(self, target: list[Tensor]) -> list[Tensor]:
        """Make activities of 0 and 1, unit vectors and distances of normal numbers."""
        if "direct_path" in self.name:
            return [functional.normalize(target[0], dim=-2)]
        if self.vectors:
            (vectors,) = target
            active = vectors[..., :1] > 0
            seen = vectors[..., 3:4] > 0 if "onscreen" in self.name else vectors[..., 3:4]
            return [torch.cat((functional.normalize(vectors[..., :3], dim=-1), seen), -1) * active]
        if "association" in self.name:
            (x,) = target
            return [((x == x.amax(-1, True)) & (x == x.amax(-2, True))).double()]
        if "focal" in self.name or "presence" in self.name:
            return [(target[0] > 0.5).double()]
        if "active_direction" in self.name:
            return [functional.normalize(target[0], dim=-1), (target[1] > 0).double()]
        activity = (target[0] > 0.5).double()
        places = activity if activity.ndim + 1 == target[1].ndim else activity.amax(-1)
        direction = functional.normalize(target[1], dim=-1) * places.unsqueeze(-1)
        return [activity, direction, *(places * (1 + x.abs()) for x in target[2:])]


def outputs(function: Callable[..., Any], **options: Any) -> Callable[..., Tensor]:
    """Return a loss of outputs as one of lists of tensors."""

    def loss(preds: list[Tensor], target: list[Tensor], mask: Tensor | None = None) -> Tensor:
        found = function(SELDOutput(*preds), SELDOutput(*target), mask=mask, **options)
        return found.reshape(1) if isinstance(found, Tensor) else torch.stack(found)

    return loss


def tensors(function: Callable[..., Any], **options: Any) -> Callable[..., Tensor]:
    """Return a loss of tensors as one of lists of tensors."""

    def loss(preds: list[Tensor], target: list[Tensor], mask: Tensor | None = None) -> Tensor:
        found: Tensor = function(*preds, *target, mask=mask, **options)
        return found.sum().reshape(1)

    return loss


def _all_cases() -> Iterator[Case]:
    def case(form: Any, function: Any, preds: Any, target: Any, /, **options: Any) -> Case:
        name = ", ".join((function.__name__, *(f"{k}={v!r}" for k, v in options.items())))
        return Case(form(function, **options), preds, target, name)

    options: dict[str, Any]
    settings: dict[str, Any]
    vectors, tracks = ((CLASSES, 4),), ((TRACKS, CLASSES, 4),)
    for options in ({}, {"error": "l1"}, {"onscreen": True}):
        yield case(tensors, accdoa_loss, vectors, vectors, **options)
    for options in ({}, {"onscreen": True}, {"axis_weights": (1, 1, 1, 0.1)}):
        yield case(tensors, adpit_loss, tracks, tracks, **options)
    wise = (CLASSES,), (CLASSES, 3), (CLASSES,)
    track = (TRACKS, CLASSES), (TRACKS, 3), (TRACKS,)
    by_class = (TRACKS, CLASSES), (TRACKS, CLASSES, 3), (TRACKS, CLASSES)
    errors = (("mse", "mae"), ("l1", "mse"), ("cosine", "mspe"), ("angular", "mape"))
    yield case(outputs, class_wise_loss, wise[:2], wise[:2])
    settings = {"gamma": 2.0, "alpha": 0.25, "inactive_weight": 0.3}
    yield case(outputs, class_wise_loss, wise[:2], wise[:2], **settings)
    for i, (direction, distance) in enumerate(errors):
        settings = {"direction": direction, "inactive_weight": i % 2, "distance": distance}
        yield case(outputs, class_wise_loss, wise, wise, **settings)
        for sizes, weight in ((track, (i + 1) % 2), (by_class, (0, 0.3, 1, 0.3)[i])):
            settings = {"direction": direction, "inactive_weight": weight, "distance": distance}
            yield case(outputs, trackwise_pit_loss, sizes, sizes, **settings)
    for settings in (
        {"per": "chunk"},
        {"per": "chunk", "inactive_weight": 0.0, "direction": "angular"},
        {"per": "stretch"},
        {"per": "clip"},
        {"per": "window", "window": 3},
        {"per": "window", "window": 101},
        {"selection": (0.2, 0.8), "gamma": 2.0, "alpha": 0.25},
        {"per": "clip", "gamma": 0.5},
        {"alpha": torch.tensor([0.1, 0.2, 0.3, 0.9])},
    ):
        yield case(outputs, trackwise_pit_loss, track[:2], track[:2], **settings)
    three = {"selection": (1.0, 1.0, 1.0), "distance": "mse", "per": "chunk"}
    yield case(outputs, trackwise_pit_loss, track, track, **three)
    for error in ("mse", "l1"):
        for loss in (aggregated_pit_loss, aggregated_sum_loss, aggregated_mixture_loss):
            yield case(outputs, loss, track[:2], track[:2], error=error)
    logits = ((TRACKS, CLASSES),)
    yield case(tensors, focal_loss, logits, logits)
    for reduction, gamma in (("mean", 0.0), ("sum", 0.5), ("none", 2.0), ("positives", 0.5)):
        options = {"reduction": reduction, "gamma": gamma}
        yield case(tensors, focal_loss, logits, logits, **options)
    yield case(tensors, focal_loss, logits, logits, alpha=torch.tensor([0.1, 0.2, 0.3, 0.9]))
    places = ((TRACKS, 3), (TRACKS,))
    for (direction, _), weight in zip(errors, (0.0, 0.1, 0.0, 0.1), strict=True):
        options = {"direction": direction, "inactive_weight": weight}
        yield case(tensors, active_direction_loss, places[:1], places, **options)
    for per, gamma in (("frame", 0.0), ("clip", 0.0), ("clip", 2.0)):
        yield case(tensors, presence_loss, ((CLASSES,),), logits, per=per, gamma=gamma)
    for phases in (((2, 2, 4),), ((TRACKS, 2, 2, 4),)):
        yield case(tensors, direct_path_loss, phases, phases)
    for reduction in ("mean", "sum"):
        pairs = ((TRACKS, TRACKS),)
        yield case(tensors, association_loss, pairs, pairs, reduction=reduction)
    one = (TRACKS, 1), (TRACKS, 3)
    for form in ("mended", "published"):
        yield case(outputs, dmot_loss, one, one, form=form)
    for settings in ({}, {"per": "window", "window": 3}, {"per": "clip", "error": "l1"}):
        yield case(tensors, vector_pit_loss, one[1:], one[1:], **settings)


CASES = list(_all_cases())
NAMES = [case.name for case in CASES]
