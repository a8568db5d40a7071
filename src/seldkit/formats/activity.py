"""Formats that hold activity and direction apart, in a `SELDOutput`."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seldkit._checks import check_finite, check_shape, plain_numbers
from seldkit._typing import Bool, Float
from seldkit.events import Events
from seldkit.formats.base import Format, Numbers, numbers, scatter
from seldkit.geometry import unit_norm
from seldkit.outputs import SELDOutput


@dataclass(frozen=True)
class ActivityFormat(Format):
    """Targets and outputs of activity, direction and distance; a format says on which axes."""

    _activity_axes: ClassVar[str]
    _: KW_ONLY
    positions_m: Numbers | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positions_m is None:
            return
        object.__setattr__(self, "positions_m", plain_numbers("positions_m", self.positions_m))
        extent = self._extent()
        if extent.shape not in ((), (3,)) or not ((extent > 0) & extent.isfinite()).all():
            raise ValueError(
                f"positions_m must be one positive number or 3, got {self.positions_m}"
            )
        if self.distance:
            raise ValueError("distance must be False with positions_m, which tell it")

    @property
    def _direction_axes(self) -> str:
        """The axes of directions and distances."""
        return self._activity_axes

    @property
    def _sizes(self) -> dict[str, int]:
        """The lengths of all axes but time."""
        return {"cls": self.num_classes}

    def _target(self, events: Events, index: Mapping[str, Tensor], num_frames: int) -> SELDOutput:
        """Return the target of events that fit, each at its index on every axis."""
        sizes = {"time": num_frames, **self._sizes}

        def fill(values: Tensor, axes: str) -> Tensor:
            words = axes.split()
            return scatter(values, [index[w] for w in words], [sizes[w] for w in words])

        activity = fill(torch.ones(len(events)), self._activity_axes)
        direction = fill(self._vectors(events), self._direction_axes)
        if not self.distance or events.distance is None:
            return SELDOutput(activity, direction)
        return SELDOutput(activity, direction, fill(events.distance, self._direction_axes))

    def _probability(self, output: SELDOutput, logits: bool) -> Tensor:
        """Return the probabilities of an output."""
        if not isinstance(output, SELDOutput):
            raise TypeError(
                "output must be a SELDOutput of activity and direction for"
                f" {type(self).__name__}, got {type(output).__name__}"
                + "; formats of the ACCDOA family decode tensors"
                * isinstance(output, Tensor)
            )
        check_shape("activity", output.activity, self._activity_axes, **self._sizes)
        activity = output.activity.detach().cpu().double()
        probability = activity.sigmoid() if logits else activity
        check_finite("activity", probability)
        return probability

    def _events(self, output: SELDOutput, index: Mapping[str, Tensor], source: Tensor) -> Events:
        """Return the events at the active places of an output, one for each index."""
        time, axes = len(output.activity), self._direction_axes
        sizes = {"time": time, **self._sizes}
        sizes = {axis: sizes[axis] for axis in axes.split()}
        place = tuple(index[axis] for axis in sizes)
        direction = numbers("direction", output.direction, f"{axes} axis", **sizes, axis=3)[place]
        distance = None
        if self.positions_m is not None:
            direction = direction * self._extent()
            distance = torch.linalg.vector_norm(direction, dim=-1)
        elif self.distance:
            if output.distance is None:
                raise ValueError("output must have distances for a format with distance=True")
            distance = numbers("distance", output.distance, axes, **sizes)[place].clamp(min=0)
        return Events(
            index["time"],
            index["cls"],
            unit_norm(direction, zero_is_front=True),
            source=source,
            distance=distance,
            num_frames=time,
        )

    def _check(self, events: Events, num_frames: int) -> None:
        super()._check(events, num_frames)
        if self.positions_m is not None and events.distance is None:
            raise ValueError("events must have distances for a format with positions_m")

    def _held(self, events: Events) -> Bool[Tensor, " event"]:
        if self.positions_m is None:
            return super()._held(events)
        # Directions may come from float32, so that the border of the room is not met to the bit.
        return (self._vectors(events).abs() <= 1 + 1e-6).all(dim=1)

    def _vectors(self, events: Events) -> Float[Tensor, "event axis"]:
        """Return what stands in a target for the direction of each event."""
        if self.positions_m is None or events.distance is None:
            return events.direction
        return events.direction * events.distance.unsqueeze(1) / self._extent()

    def _extent(self) -> Float[Tensor, "*axis"]:
        return torch.as_tensor(self.positions_m, dtype=torch.float64)
