"""Events: what sounds, when, and from where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from torch import Tensor

from seldkit._checks import check_shape, integer
from seldkit._typing import Bool, Float, Int
from seldkit.events.columns import Column, flags, number_within, real, same, summary, vectors, whole
from seldkit.events.frames import reframe, whole_ratio
from seldkit.events.joining import join
from seldkit.events.rows import (
    MAX_CLASSES,
    MAX_FRAMES,
    Row,
    check_degrees,
    check_rows,
    frame_length,
)
from seldkit.events.spans import Span, find_spans
from seldkit.geometry import decimal_degrees, unit_vector, wrap_deg


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class Events:
    """Rows of (frame, class, direction), one for each frame in which a source is active.

    Rows keep the order they are given in: several official metrics depend on it. Events are
    immutable: `dataclasses.replace` makes new ones. Columns are copied, live on the CPU and carry
    no gradient; sequences, arrays and columns of data frames are taken as well as tensors.

    Args:
        frame: Label frame of each row, from 0, within a day of 10 ms each.
        label: Class of each row, from 0.
        direction: Unit vector (x, y, z) of each row: x front, y left, z up.
        source: Which source a row belongs to, so that a sound can be followed through the frames.
            By default the rows of one class in one frame are numbered from 0.
        distance: Distance of each row in metres, or None where it is not known.
        onscreen: Whether the source is in the picture, as booleans or as 0 and 1, or None where
            there is no picture.
        num_frames: Length of the clip in frames, or None where it is not known.
        frame_s: Length of a frame, in seconds.

    Attributes:
        frame: `int64 [event]`.
        label: `int64 [event]`.
        direction: `float64 [event, axis]`.
        source: `int64 [event]`.
        distance: `float64 [event]` or None.
        onscreen: `bool [event]` or None.
        num_frames: Length of the clip in frames, or None.
        frame_s: Length of a frame, in seconds.
        given_deg: Azimuth and elevation as they were given, or None if unit vectors were. These
            hold neither the last bit, by which published scores break ties, nor 180 beside -180,
            which the published grid of 2019 tells apart.

    Raises:
        TypeError: If a column or a number is of another kind; `True` is no number.
        ValueError: If columns differ in length, a direction is no unit vector, a frame or label is
            negative, a frame lies beyond `num_frames` or a day, a value is nan, or `frame_s` is not
            positive or more than a day.

    Examples:
        >>> events = Events.from_degrees([0, 1], [3, 3], [90.0, 95.0], [0.0, 0.0])
        >>> events
        Events(2 rows, 1 class, frames 0..1, frame_s=0.1)
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
    frame_s: float
    given_deg: tuple[Tensor, Tensor] | None = field(init=False, compare=False)

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
        frame_s: float = 0.1,
    ) -> None:
        values: dict[str, Any] = {
            "frame": whole("frame", frame, MAX_FRAMES),
            "label": whole("label", label, MAX_CLASSES),
            "direction": vectors("direction", direction),
            "distance": None if distance is None else real("distance", distance),
            "onscreen": None if onscreen is None else flags("onscreen", onscreen),
            "source": None if source is None else whole("source", source),
            "num_frames": None if num_frames is None else integer("num_frames", num_frames),
        }
        check_rows(**values)
        if source is None:
            values["source"] = number_within(values["frame"], values["label"])
        _fill(self, values | {"frame_s": frame_length(frame_s), "given_deg": None})

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
        frame_s: float = 0.1,
    ) -> "Events":
        """Return events whose directions are given as azimuth and elevation in degrees."""
        frame = whole("frame", frame, MAX_FRAMES)
        azimuth = real("azimuth_deg", azimuth_deg)
        elevation = real("elevation_deg", elevation_deg)
        check_degrees(frame, azimuth, elevation)
        given, azimuth, elevation = azimuth, wrap_deg(azimuth), elevation.clamp(-90, 90)
        events = cls(
            frame,
            label,
            unit_vector(azimuth, elevation),
            source=source,
            distance=distance,
            onscreen=onscreen,
            num_frames=num_frames,
            frame_s=frame_s,
        )
        return changed(events, given_deg=(given, elevation))

    @property
    def azimuth_deg(self) -> Float[Tensor, " event"]:
        """Azimuth of each row in [-180, 180), counter-clockwise, in degrees."""
        return wrap_deg((self.given_deg or decimal_degrees(self.direction))[0])

    @property
    def elevation_deg(self) -> Float[Tensor, " event"]:
        """Elevation of each row in [-90, 90], in degrees."""
        return (self.given_deg or decimal_degrees(self.direction))[1]

    @classmethod
    def concatenate(cls, parts: "Sequence[Events]") -> "Events":
        """Return the rows of several parts of one clip, one part after the other.

        Frames and sources stay as they are: all parts count from one start. `num_frames` is that of
        the longest part, and None if it is None in one.

        Args:
            parts: Events with frames of one length.

        Raises:
            ValueError: If there are no parts, their frames differ in length, or some with rows have
                `distance` or `onscreen` and others have not.

        Examples:
            >>> early = Events.from_degrees([0], [3], [90.0], [0.0])
            >>> late = Events.from_degrees([7], [3], [95.0], [0.0])
            >>> Events.concatenate([early, late])
            Events(2 rows, 1 class, frames 0..7, frame_s=0.1)
        """
        return from_checked(**join(parts))

    def select(self, rows: Tensor) -> "Events":
        """Return the rows that a boolean mask or a list of row numbers picks, in its order."""
        check_shape("rows", self.frame[rows], "row")
        names = ("frame", "label", "direction", "source", "distance", "onscreen")
        columns = {name: getattr(self, name) for name in names}
        picked = {name: None if x is None else x[rows] for name, x in columns.items()}
        given_deg = self.given_deg and (self.given_deg[0][rows], self.given_deg[1][rows])
        return changed(self, **picked, given_deg=given_deg)

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
        return changed(rows, frame=rows.frame - start, num_frames=stop - start)

    def at(self, frame_s: float) -> "Events":
        """Return the same events in frames of another length.

        In finer frames each row becomes one for every part of its frame. A coarser frame holds each
        sound that is active in any part of it, by the middle one of its rows there (the earlier one
        of two), whose direction, distance and flag it takes as they are; rows that share frame,
        class and source are told apart by their order. So finer frames and back are the same
        events. `num_frames` follows; a frame that is begun counts.

        Args:
            frame_s: Length of the new frames, in seconds: a multiple or whole part of the old one.

        Examples:
            >>> events = Events.from_degrees([0, 1], [3, 3], [90, 95], [0, 0], num_frames=5)
            >>> events.at(0.05).frame
            tensor([0, 1, 2, 3])
            >>> events.at(0.2)
            Events(1 row, 1 class, frames 0..0 of 3, frame_s=0.2)
        """
        frame_s = frame_length(frame_s)
        parts, multiple = whole_ratio(frame_s, self.frame_s)
        columns = (self.frame, self.label, self.source)
        rows, frame, num_frames = reframe(*columns, self.num_frames, parts, multiple)
        return changed(self.select(rows), frame=frame, num_frames=num_frames, frame_s=frame_s)

    def spans(self) -> list[Span]:
        """Return each sound from its start to its end, by its start; a gap ends a sound.

        Examples:
            >>> events = Events.from_degrees([4, 5, 8], [3, 3, 3], [80, 100, 0], [0, 0, 0])
            >>> [(span.label, span.start_s, span.end_s) for span in events.spans()]
            [(3, 0.4, 0.6), (3, 0.8, 0.9)]
            >>> events.spans()[0].direction.round(decimals=3)
            tensor([0., 1., 0.], dtype=torch.float64)
        """
        return find_spans(self.frame, self.label, self.source, self.direction, self.frame_s)

    def to_dict(self) -> dict[str, Any]:
        """Return arrays by name, as pandas and polars take them, and `from_degrees` back.

        They are those of a [`Row`][seldkit.events.Row]; what is not known is left out.

        Examples:
            >>> Events.from_degrees([0, 1], [3, 3], [90.0, 95.0], [0.0, 0.0]).to_dict()["frame"]
            array([0, 1])
        """
        columns = ((name, getattr(self, name)) for name in Row._fields)
        return {name: column.numpy().copy() for name, column in columns if column is not None}

    def __iter__(self) -> Iterator[Row]:
        columns = {name: column.tolist() for name, column in self.to_dict().items()}
        rows = zip(*columns.values(), strict=True)
        return (Row(**dict(zip(columns, row, strict=True))) for row in rows)

    def __len__(self) -> int:
        return len(self.frame)

    def __eq__(self, other: object) -> bool:
        """Whether all rows, their order, the number of frames and their length are the same."""
        if not isinstance(other, Events):
            return NotImplemented
        return all(
            same(getattr(self, column.name), getattr(other, column.name))
            for column in fields(self)
            if column.compare
        )

    __hash__ = None  # type: ignore[assignment]  # equal by value, and tensors do not hash by value

    def __repr__(self) -> str:
        return summary(self, {"row": len(self)}, ("distance", "onscreen"))


def from_checked(**columns: Any) -> Events:
    """Return events of attributes that are known to be the rows of a clip, and nobody else's."""
    return _fill(object.__new__(Events), columns)


def changed(events: Events, **changes: Any) -> Events:
    """Return events with other attributes, which are known to be rows of a clip."""
    columns = {column.name: getattr(events, column.name) for column in fields(events)}
    return from_checked(**columns | changes)


def _fill(events: Events, columns: dict[str, Any]) -> Events:
    for name, value in columns.items():
        object.__setattr__(events, name, value)
    return events
