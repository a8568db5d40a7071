"""What all formats share: settings, checks, and what becomes of events that do not fit."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_finite, check_positive, check_shape
from seldkit._typing import Bool, Float, Int
from seldkit.events import Events


@dataclass
class Format:
    """The settings of every format, which each explains in its own words."""

    num_classes: int
    _: KW_ONLY
    threshold: float | Sequence[float] = 0.5
    overflow: Literal["raise", "drop"] = "raise"
    distance: bool = False
    num_dropped: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        check_positive(num_classes=self.num_classes)
        check_choice("overflow", self.overflow, ("raise", "drop"))
        threshold = torch.as_tensor(self.threshold)
        if threshold.ndim and threshold.shape != (self.num_classes,):
            raise ValueError(
                f"threshold must be one number or {self.num_classes}, got {len(threshold)}"
            )
        if threshold.isnan().any():
            raise ValueError(f"threshold must not be nan, got {self.threshold}")

    def _thresholds(self) -> Float[Tensor, " cls"]:
        """Return the threshold of each class."""
        return torch.as_tensor(self.threshold, dtype=torch.float64).expand(self.num_classes)

    def _check(self, events: Events, num_frames: int) -> None:
        """Raise `ValueError` unless the events have what a target needs."""
        check_positive(num_frames=num_frames)
        if (events.label >= self.num_classes).any():
            top = int(events.label.max())
            raise ValueError(f"label must be below num_classes={self.num_classes}, got {top}")
        if self.distance and events.distance is None:
            raise ValueError("events must have distances for a format with distance=True")

    def _cell(self, events: Events) -> Int[Tensor, " event"]:
        """Return one number for each frame and class."""
        return events.frame * self.num_classes + events.label

    def _last_of_each_cell(self, events: Events, num_frames: int) -> Events:
        """Return the last event of each class and frame; count or refuse the others."""
        self._check(events, num_frames)
        last = occurrence(self._cell(events).flip(0)).flip(0) == 0
        return events.select(self._fitting(events, num_frames, last, "one event of a class"))

    def _fitting(
        self, events: Events, num_frames: int, fits: Bool[Tensor, " event"], room: str
    ) -> Bool[Tensor, " event"]:
        """Return which events fit and lie in the clip; count or refuse the others."""
        fits = fits & (events.frame < num_frames)
        dropped = int((~fits).sum())
        if dropped and self.overflow == "raise":
            raise ValueError(
                f"events must fit {room} and {num_frames} frames, but {dropped} of {len(events)}"
                " rows do not; overflow='drop' leaves them out"
            )
        self.num_dropped += dropped
        return fits


def occurrence(key: Int[Tensor, " event"]) -> Int[Tensor, " event"]:
    """Return how many earlier entries equal each one.

    Examples:
        >>> occurrence(torch.tensor([7, 3, 7, 7]))
        tensor([0, 0, 1, 2])
    """
    order = key.argsort(stable=True)
    position = torch.arange(len(key))
    repeats = key[order].diff(prepend=key.new_tensor([-1])) == 0
    first = position.masked_fill(repeats, 0).cummax(0).values
    return torch.empty_like(key).index_put_((order,), position - first)


def scatter(
    values: Float[Tensor, "event ..."], index: Sequence[Tensor], size: Sequence[int]
) -> Float[Tensor, "*places"]:
    """Return zeros, in float32, with each event's values at its place.

    Args:
        values: One number or vector for each event.
        index: Where each event stands on every axis.
        size: The lengths of these axes.
    """
    target = torch.zeros(*size, *values.shape[1:], dtype=torch.float32)
    return target.index_put_(tuple(index), values.float())


def numbers(name: str, x: Tensor, axes: str, **sizes: int) -> Float[Tensor, "*axes"]:
    """Return an output in float64 on the CPU, or raise `ValueError` if it cannot be one."""
    check_shape(name, x, axes, **sizes)
    x = x.detach().cpu().double()
    check_finite(name, x)
    return x


def unit(direction: Float[Tensor, "*axes axis=3"]) -> Float[Tensor, "*axes axis=3"]:
    """Return vectors of length one; a vector of length zero counts as the front."""
    norm = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
    front = direction.new_tensor([1.0, 0.0, 0.0])
    return torch.where(norm == 0, front, direction / norm)
