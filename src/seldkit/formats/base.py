"""What all formats share: settings, checks, and what becomes of events that do not fit."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import isnan
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import (
    check_choice,
    check_count,
    check_finite,
    check_shape,
    integer,
    plain_numbers,
)
from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.events.columns import number_within

Numbers = float | np.number | Sequence[float] | Tensor | NDArray[np.floating]


class Dropped:
    """Events that a format has no place for, by what is in their way; `len` counts all of them.

    Attributes:
        no_place: Their class or all tracks are taken in their frame.
        beyond_clip: Their frame lies beyond the clip.
        beyond_positions: Their position lies beyond `positions_m`; none for formats without it.

    Examples:
        >>> from seldkit.formats import ACCDOA
        >>> events = Events.from_degrees([0, 0, 7], [1, 1, 2], [0.0, 90.0, 0.0], [0.0, 0.0, 0.0])
        >>> kept, dropped = ACCDOA(num_classes=3).fit(events, num_frames=5)
        >>> len(kept), len(dropped), dropped
        (1, 2, Dropped(no_place=1, beyond_clip=1, beyond_positions=0))
    """

    def __init__(self, no_place: Events, beyond_clip: Events, beyond_positions: Events) -> None:
        self.no_place = no_place
        self.beyond_clip = beyond_clip
        self.beyond_positions = beyond_positions

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={len(events)}" for name, events in vars(self).items())
        return f"Dropped({counts})"


@dataclass(frozen=True)
class Format(ABC):
    """The settings of every format, which each explains in its own words."""

    num_classes: int
    _: KW_ONLY
    threshold: Numbers = 0.5
    overflow: Literal["raise", "drop"] = "raise"
    distance: bool = False

    def __post_init__(self) -> None:
        self._count("num_classes")
        check_choice("overflow", self.overflow, ("raise", "drop"))
        threshold = plain_numbers("threshold", self.threshold)
        object.__setattr__(self, "threshold", threshold)
        if isinstance(threshold, tuple) and len(threshold) != self.num_classes:
            raise ValueError(
                f"threshold must be one number or {self.num_classes}, got {len(threshold)}"
            )
        if any(map(isnan, threshold if isinstance(threshold, tuple) else (threshold,))):
            raise ValueError(f"threshold must not be nan, got {threshold}")

    def fit(self, events: Events, num_frames: int) -> tuple[Events, Dropped]:
        """Return the events that the format holds, and those that it does not.

        `encode` raises an error for the latter, or leaves them out with `overflow="drop"`; look at
        them before a training, since a network learns to keep silent about what its targets lack.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            What fits, in its order, and [what does not][seldkit.formats.Dropped].

        Raises:
            ValueError: If a label is not below `num_classes`, or what a target holds is missing.
        """
        self._check(_complete(events), num_frames)
        inside = events.frame < num_frames
        held = inside & self._held(events)
        placed = held.clone()
        placed[held] = self._placed(events.select(held))
        dropped = Dropped(
            no_place=events.select(held & ~placed),
            beyond_clip=events.select(~inside),
            beyond_positions=events.select(inside & ~held),
        )
        return events.select(placed), dropped

    @property
    def classes_compete(self) -> bool:
        """Whether the thresholds of other classes decide what is found of a class, too."""
        return False

    @property
    @abstractmethod
    def _room(self) -> str:
        """What a format has room for, in messages."""

    @abstractmethod
    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        """Return which of the events of a clip find a place."""

    def _held(self, events: Events) -> Bool[Tensor, " event"]:
        """Return which events a place can hold at all."""
        return torch.ones_like(events.frame, dtype=torch.bool)

    def _count(self, name: str) -> None:
        """Keep a setting that counts something as an integer of Python."""
        check_count(**{name: getattr(self, name)})
        object.__setattr__(self, name, integer(name, getattr(self, name)))

    def _thresholds(self) -> Float[Tensor, " cls"]:
        """Return the threshold of each class."""
        return torch.as_tensor(self.threshold, dtype=torch.float64).expand(self.num_classes)

    def _check(self, events: Events, num_frames: int) -> None:
        """Raise `ValueError` unless the events have what a target needs."""
        check_count(num_frames=num_frames)
        if (events.label >= self.num_classes).any():
            top = int(events.label.max())
            raise ValueError(f"label must be below num_classes={self.num_classes}, got {top}")
        if self.distance and events.distance is None:
            raise ValueError("events must have distances for a format with distance=True")

    def _cell(self, events: Events) -> Int[Tensor, " event"]:
        """Return one number for each frame and class."""
        return events.frame * self.num_classes + events.label

    def _last_of_each_cell(self, events: Events) -> Bool[Tensor, " event"]:
        """Return which events are the last of their class and frame."""
        return number_within(self._cell(events).flip(0)).flip(0) == 0

    def _to_encode(self, events: Events, num_frames: int) -> Events:
        """Return the events that fit, or raise `ValueError` if others are not to be dropped."""
        kept, dropped = self.fit(events, num_frames)
        if len(dropped) and self.overflow == "raise":
            kinds = {
                "without a free place": dropped.no_place,
                "beyond the clip": dropped.beyond_clip,
                "beyond positions_m": dropped.beyond_positions,
            }
            counts = ", ".join(f"{len(rows)} {kind}" for kind, rows in kinds.items() if len(rows))
            raise ValueError(
                f"events must fit {self._room} and {num_frames} frames, but {len(dropped)} of"
                f" {len(events)} rows do not ({counts}); overflow='drop' leaves them out"
            )
        return _complete(kept)


def _complete(events: Events) -> Events:
    """Return a clip without any row with all columns: files of silence tell of none."""
    if len(events):
        return events
    return replace(events, distance=torch.zeros(0), onscreen=torch.zeros(0, dtype=torch.bool))


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
    """Return an output in float64 on the CPU, or raise if it cannot be one."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a tensor, got {type(x).__name__}")
    check_shape(name, x, axes, **sizes)
    x = x.detach().cpu().double()
    check_finite(name, x)
    return x
