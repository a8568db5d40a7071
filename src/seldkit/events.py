"""Events: what sounds, when, and from where. The one carrier of labels and predictions."""

from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from seldkit._checks import check_finite, check_shape, integer, shortest
from seldkit._columns import Column, flags, number_within, real, whole
from seldkit._typing import Bool, Float, Int
from seldkit.geometry import decimal_degrees, unit_vector, within, wrap_deg

DAY_S = 86400
"""No clip is longer than a day, in seconds."""

MAX_FRAMES = 100 * DAY_S
"""No clip has more frames: a day of 10 ms each."""

MAX_CLASSES = 2**31
"""No list of classes is longer."""


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class Events:
    """Rows of (frame, class, direction), one for each frame in which a source is active.

    Rows keep the order they are given in: several official metrics depend on it. Events are
    immutable: `dataclasses.replace` makes new ones. Columns are copied, live on the CPU and carry
    no gradient; sequences, arrays and columns of data frames are taken as well as tensors.

    Args:
        frame: Label frame of each row, from 0, within a day of 10 ms each; a frame lasts 100 ms
            unless said.
        label: Class of each row, from 0.
        direction: Unit vector (x, y, z) of each row: x front, y left, z up.
        source: Which source a row belongs to, so that a sound can be followed through the frames.
            By default the rows of one class in one frame are numbered from 0.
        distance: Distance of each row in metres, or None where it is not known.
        onscreen: Whether the source is in the picture, as booleans or as 0 and 1, or None where
            there is no picture.
        num_frames: Length of the clip in frames, or None where it is not known.

    Attributes:
        frame: `int64 [event]`.
        label: `int64 [event]`.
        direction: `float64 [event, axis]`.
        source: `int64 [event]`.
        distance: `float64 [event]` or None.
        onscreen: `bool [event]` or None.
        num_frames: Length of the clip in frames, or None.

    Raises:
        TypeError: If a column or `num_frames` holds another kind of number; `True` is none.
        ValueError: If columns differ in length, a direction is no unit vector, a frame or label is
            negative, a frame lies beyond `num_frames` or a day, or a value is nan.

    Examples:
        >>> events = Events.from_degrees([0, 1], [3, 3], [90.0, 95.0], [0.0, 0.0])
        >>> events
        Events(2 rows, 1 class, frames 0..1)
        >>> events.direction.round(decimals=3)
        tensor([[ 0.0000,  1.0000,  0.0000],
                [-0.0870,  0.9960,  0.0000]], dtype=torch.float64)
    """

    frame: Int[Tensor, " event"]
    label: Int[Tensor, " event"]
    direction: Float[Tensor, "event axis=3"]
    source: Int[Tensor, " event"]
    distance: Float[Tensor, " event"] | None
    onscreen: Bool[Tensor, " event"] | None
    num_frames: int | None
    _degrees: tuple[Tensor, Tensor] | None = field(init=False, compare=False)
    """Azimuth and elevation as they were given, which a unit vector does not hold to the last bit;
    published scores depend on it where two matchings cost the same."""

    def __init__(
        self,
        frame: Column,
        label: Column,
        direction: Column,
        *,
        source: Column | None = None,
        distance: Column | None = None,
        onscreen: Column | None = None,
        num_frames: int | None = None,
    ) -> None:
        columns = {
            "frame": whole("frame", frame, MAX_FRAMES),
            "label": whole("label", label, MAX_CLASSES),
            "direction": _vectors(real("direction", direction)),
            "distance": None if distance is None else real("distance", distance),
            "onscreen": None if onscreen is None else flags("onscreen", onscreen),
            "source": None if source is None else whole("source", source),
            "num_frames": None if num_frames is None else integer("num_frames", num_frames),
        }
        for name, column in columns.items():
            object.__setattr__(self, name, column)
        object.__setattr__(self, "_degrees", None)
        self._check()
        if source is None:
            object.__setattr__(self, "source", number_within(self.frame * MAX_CLASSES + self.label))

    @classmethod
    def from_degrees(
        cls,
        frame: Column,
        label: Column,
        azimuth_deg: Column,
        elevation_deg: Column,
        *,
        source: Column | None = None,
        distance: Column | None = None,
        onscreen: Column | None = None,
        num_frames: int | None = None,
    ) -> "Events":
        """Return events whose directions are given as azimuth and elevation in degrees."""
        frame = whole("frame", frame, MAX_FRAMES)
        azimuth = real("azimuth_deg", azimuth_deg)
        elevation = real("elevation_deg", elevation_deg)
        check_shape("azimuth_deg", azimuth, "event", event=frame.numel())
        check_shape("elevation_deg", elevation, "event", event=frame.numel())
        check_finite("azimuth_deg", azimuth)
        off = ~within(elevation.abs(), 90)  # so that nan is off too
        if off.any():
            raise ValueError(
                f"elevation_deg must lie in -90..90, got {shortest(elevation[off][0])} in row"
                f" {int(off.nonzero()[0])}"
            )
        azimuth, elevation = wrap_deg(azimuth), elevation.clamp(-90, 90)
        events = cls(
            frame,
            label,
            unit_vector(azimuth, elevation),
            source=source,
            distance=distance,
            onscreen=onscreen,
            num_frames=num_frames,
        )
        return events._with_degrees((azimuth, elevation))

    @property
    def azimuth_deg(self) -> Float[Tensor, " event"]:
        """Azimuth of each row in [-180, 180), counter-clockwise, in degrees."""
        return (self.given_deg or decimal_degrees(self.direction))[0]

    @property
    def elevation_deg(self) -> Float[Tensor, " event"]:
        """Elevation of each row in [-90, 90], in degrees."""
        return (self.given_deg or decimal_degrees(self.direction))[1]

    @property
    def given_deg(self) -> tuple[Float[Tensor, " event"], Float[Tensor, " event"]] | None:
        """Azimuth and elevation as they were given, or None if unit vectors were."""
        return self._degrees

    def select(self, rows: Tensor) -> "Events":
        """Return the rows that a boolean mask or a list of row numbers picks, in its order."""
        events = replace(
            self,
            frame=self.frame[rows],
            label=self.label[rows],
            direction=self.direction[rows],
            source=self.source[rows],
            distance=None if self.distance is None else self.distance[rows],
            onscreen=None if self.onscreen is None else self.onscreen[rows],
        )
        if self._degrees is None:
            return events
        azimuth, elevation = self._degrees
        return events._with_degrees((azimuth[rows], elevation[rows]))

    def window(self, start: int, stop: int) -> "Events":
        """Return the events of the frames start..stop-1, counted from `start`.

        A window that reaches beyond the clip ends with it, if `num_frames` is known; a clip of
        unknown length is taken to go on.

        Raises:
            TypeError: If a frame is no integer.
            ValueError: If the window holds no frame of the clip.
        """
        start, stop = integer("start", start), integer("stop", stop)
        if not 0 <= start < stop:
            raise ValueError(f"window must be 0 <= start < stop, got {start}..{stop}")
        if self.num_frames is not None:
            if start >= self.num_frames:
                raise ValueError(f"start must be below num_frames={self.num_frames}, got {start}")
            stop = min(stop, self.num_frames)
        rows = self.select((self.frame >= start) & (self.frame < stop))
        events = replace(rows, frame=rows.frame - start, num_frames=stop - start)
        return events._with_degrees(rows._degrees)

    def __len__(self) -> int:
        return len(self.frame)

    def __eq__(self, other: object) -> bool:
        """Whether all rows, their order and the number of frames are the same."""
        if not isinstance(other, Events):
            return NotImplemented
        return all(
            _same(getattr(self, column.name), getattr(other, column.name))
            for column in fields(self)
            if column.compare
        )

    __hash__ = None  # type: ignore[assignment]  # equal by value, and tensors do not hash by value

    def __repr__(self) -> str:
        classes = len(self.label.unique())
        text = f"{len(self)} row{'' if len(self) == 1 else 's'}"
        text += f", {classes} class{'' if classes == 1 else 'es'}"
        if len(self):
            text += f", frames {int(self.frame.min())}..{int(self.frame.max())}"
        if self.num_frames is not None:
            text += f" of {self.num_frames}"
        return f"Events({text})"

    def _with_degrees(self, degrees: tuple[Tensor, Tensor] | None) -> "Events":
        object.__setattr__(self, "_degrees", degrees)
        return self

    def _check(self) -> None:
        for name in ("frame", "label", "source", "distance", "onscreen"):
            column = getattr(self, name)
            if column is not None:
                check_shape(name, column, "event", event=self.frame.numel())
        check_shape("direction", self.direction, "event axis", event=len(self), axis=3)
        check_finite("direction", self.direction)
        norm = torch.linalg.vector_norm(self.direction, dim=-1)
        off = (norm - 1).abs() > 1e-4
        if off.any():
            raise ValueError(
                f"direction must hold unit vectors, got length {shortest(norm[off][0])} in row"
                f" {int(off.nonzero()[0])}"
            )
        for name, column in (("frame", self.frame), ("label", self.label)):
            if (column < 0).any():
                raise ValueError(f"{name} must not be negative, got {int(column.min())}")
        if self.distance is not None:
            check_finite("distance", self.distance)
            if (self.distance < 0).any():
                least = shortest(self.distance.min())
                raise ValueError(f"distance must not be negative, got {least}")
        if self.num_frames is None:
            return
        if not 0 <= self.num_frames <= MAX_FRAMES:
            raise ValueError(f"num_frames must lie in 0..{MAX_FRAMES}, got {self.num_frames}")
        if len(self) and self.frame.max() >= self.num_frames:
            raise ValueError(
                f"frame must be below num_frames={self.num_frames}, got {int(self.frame.max())}"
            )


def _vectors(direction: Tensor) -> Tensor:
    return direction.reshape(0, 3) if not direction.numel() else direction


def _same(a: Tensor | int | None, b: Tensor | int | None) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return torch.equal(a, b)
    return a is b if isinstance(a, Tensor) or isinstance(b, Tensor) else a == b
