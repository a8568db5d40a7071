"""Energy maps: what sounds, when, from where, and how its energy is spread over the sphere."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, integer
from seldkit._typing import Float, Int
from seldkit.events.columns import Column, number_within, real, same, summary, whole
from seldkit.events.events import Events
from seldkit.events.map_points import points_of_rows, strong_points, strongest_points
from seldkit.events.map_rows import check_map_rows
from seldkit.events.rendering import check_canvas, render_points
from seldkit.events.rows import MAX_CLASSES, MAX_FRAMES, frame_length
from seldkit.geometry import unit_norm, unit_vector

SIGMA_DEG = 6.0
"""Width of a point in a published map, in degrees."""

POINT_COLUMNS = ("azimuth_deg", "elevation_deg", "energy")


@dataclass(frozen=True, init=False, eq=False, repr=False, slots=True)
class EnergyMaps:
    """Rows of (frame, class) that hold points with an energy each: sources that have an extent.

    A row is one source in one frame. Its points are few and lie anywhere; a dense map of the
    sphere is [`render`][seldkit.events.EnergyMaps.render]ed from them. These are the labels of
    DCASE 2026 task 3, semantic acoustic imaging, which [`io.read_maps`][seldkit.io.read_maps]
    reads. Rows keep their order, and points theirs within a row.

    Args:
        frame: Label frame of each row, from 0.
        label: Class of each row, from 0.
        row: To which row each point belongs.
        azimuth_deg: Azimuth of each point in [-180, 180], counter-clockwise.
        elevation_deg: Elevation of each point in [-90, 90].
        energy: How strong each point is, from 0.
        source: Which source a row belongs to; by default the rows of one class in one frame are
            numbered from 0.
        distance: Distance of each row in metres, or None where it is not known.
        score: How sure a prediction is of each row, or None for labels.
        num_frames: Length of the clip in frames, or None where it is not known.
        frame_s: Length of a frame, in seconds.

    Columns are kept under their names, as `int64` and `float64` on the CPU, points row by row.

    Raises:
        TypeError: If a column or a number is of another kind.
        ValueError: If columns differ in length, an angle, an energy or a frame is out of range, a
            point belongs to no row, or a value is nan.

    Examples:
        >>> maps = EnergyMaps([0], [3], [0, 0], [80.0, 100.0], [0.0, 0.0], [1.0, 3.0])
        >>> maps
        EnergyMaps(1 row, 2 points, 1 class, frames 0..0, frame_s=0.1)
        >>> maps.to_events("centre").azimuth_deg.round(decimals=1)
        tensor([95.], dtype=torch.float64)
    """

    frame: Int[Tensor, " map"]
    label: Int[Tensor, " map"]
    row: Int[Tensor, " point"]
    azimuth_deg: Float[Tensor, " point"]
    elevation_deg: Float[Tensor, " point"]
    energy: Float[Tensor, " point"]
    source: Int[Tensor, " map"]
    distance: Float[Tensor, " map"] | None
    score: Float[Tensor, " map"] | None
    num_frames: int | None
    frame_s: float

    def __init__(
        self,
        frame: Column,
        label: Column,
        row: Column,
        azimuth_deg: Column,
        elevation_deg: Column,
        energy: Column,
        *,
        source: Column | None = None,
        distance: Column | None = None,
        score: Column | None = None,
        num_frames: int | None = None,
        frame_s: float = 0.1,
    ) -> None:
        values: dict[str, Any] = {
            "frame": whole("frame", frame, MAX_FRAMES),
            "label": whole("label", label, MAX_CLASSES),
            "row": whole("row", row),
            "azimuth_deg": real("azimuth_deg", azimuth_deg),
            "elevation_deg": real("elevation_deg", elevation_deg),
            "energy": real("energy", energy),
            "source": None if source is None else whole("source", source),
            "distance": None if distance is None else real("distance", distance),
            "score": None if score is None else real("score", score),
            "num_frames": None if num_frames is None else integer("num_frames", num_frames),
        }
        check_map_rows(**values)
        if source is None:
            values["source"] = number_within(values["frame"], values["label"])
        order = values["row"].argsort(stable=True)
        for name in ("row", *POINT_COLUMNS):
            values[name] = values[name][order]
        for name, value in (values | {"frame_s": frame_length(frame_s)}).items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_events(cls, events: Events, *, score: Column | None = None) -> "EnergyMaps":
        """Return maps in which each event is one point of energy 1: of any corpus with labels.

        Args:
            events: The events of a clip.
            score: How sure a prediction is of each event.

        Raises:
            TypeError: If they are not `Events`.
        """
        if not isinstance(events, Events):
            raise TypeError(f"events must be Events, got {type(events).__name__}")
        return cls(
            events.frame,
            events.label,
            torch.arange(len(events)),
            events.azimuth_deg,
            events.elevation_deg,
            torch.ones(len(events)),
            source=events.source,
            distance=events.distance,
            score=score,
            num_frames=events.num_frames,
            frame_s=events.frame_s,
        )

    def to_events(self, direction: str = "peak", *, above: float | None = None) -> Events:
        """Return one event for each row, where a classic answer is wanted.

        Args:
            direction: `"peak"` is the strongest point of a row, the first of several, by which the
                protocol of 2026 matches rows; `"centre"` the mean direction of its points, weighted
                by their energy.
            above: Keep only rows whose score is greater.

        Returns:
            Events in the order of the rows. A row whose points have no energy, or whose energy is
            spread so evenly that it has no centre, is left out.

        Raises:
            ValueError: If `direction` is unknown, or `above` is given and there are no scores.
        """
        check_choice("direction", direction, ("peak", "centre"))
        if above is not None and self.score is None:
            raise ValueError(f"above must be None for maps without scores, got {above}")
        if direction == "peak":
            none = torch.zeros(1, 3, dtype=torch.float64)
            vector = torch.cat((self.direction, none))[self.peak]
        else:
            pull = self.energy.unsqueeze(1) * self.direction
            vector = pull.new_zeros(len(self), 3).index_add_(0, self.row, pull)
        keep = torch.linalg.vector_norm(vector, dim=1) > 1e-9
        if above is not None and self.score is not None:
            keep &= self.score > above
        return Events(
            self.frame[keep],
            self.label[keep],
            unit_norm(vector[keep]),
            source=self.source[keep],
            distance=None if self.distance is None else self.distance[keep],
            num_frames=self.num_frames,
            frame_s=self.frame_s,
        )

    @property
    def direction(self) -> Float[Tensor, "point axis=3"]:
        """Unit vector of each point."""
        return unit_vector(self.azimuth_deg, self.elevation_deg)

    @property
    def peak(self) -> Int[Tensor, " map"]:
        """Which point of each row is the strongest, the first of several; -1 where none has any."""
        return strongest_points(self.row, self.energy, len(self))

    def render(
        self,
        height: int = 180,
        width: int = 360,
        *,
        sigma_deg: float = SIGMA_DEG,
        doubled_columns: bool = False,
    ) -> Float[Tensor, "map height width"]:
        r"""Return a dense map of each row: a Gaussian of the angle around each point, summed.

        A point of energy $e$ adds, at an angle $\delta$ from it,

        $$e\,\exp\Big(-\frac{4 \sin^2(\delta / 2)}{2 \sigma^2}\Big)$$

        in the rows that lie within $4 \sigma$ of its elevation and the columns within
        $\min(180°, 4 \sigma / \max(\cos \theta_0, 0.087))$ of its azimuth.

        Places are those of `DirectionGrid.equiangular(height, width)`: rows from the top down,
        columns counter-clockwise from behind. The canvas of the published files is mirrored against
        that or not, as [`io.read_maps`][seldkit.io.read_maps] tells.

        Args:
            height: Rows, from elevation 90 to -90, at least 2.
            width: Columns, from azimuth -180.
            sigma_deg: $\sigma$, in degrees.
            doubled_columns: Whether to add a point twice where its columns meet behind it, as the
                published script does with points that span all azimuths (elevations beyond about 82
                degrees): the one or two columns opposite are twice as high.

        Returns:
            float32.

        Raises:
            TypeError: If a size is no integer.
            ValueError: If a size or the width is out of range.

        Source: DCASE 2026 task 3, evaluation script of the baseline.

        Examples:
            >>> left = EnergyMaps([0], [0], [0], [90.0], [0.0], [2.0]).render(5, 4)
            >>> left[0, 2].round(decimals=3)  # behind, right, front, left
            tensor([0., 0., 0., 2.])
        """
        check_canvas(height, width, sigma_deg)
        return render_points(
            self.row,
            self.azimuth_deg,
            self.elevation_deg,
            self.energy,
            num_maps=len(self),
            height=integer("height", height),
            width=integer("width", width),
            sigma_deg=float(sigma_deg),
            doubled_columns=doubled_columns,
        )

    def select(self, rows: Tensor) -> "EnergyMaps":
        """Return the rows that a boolean mask or a list of row numbers picks, in its order."""
        picked = torch.arange(len(self))[rows]
        row, point = points_of_rows(self.row, len(self), picked)
        names = ("frame", "label", "source", "distance", "score")
        columns = {name: getattr(self, name) for name in names}
        values = {name: None if x is None else x[picked] for name, x in columns.items()}
        places = {name: getattr(self, name)[point] for name in POINT_COLUMNS}
        return _changed(self, **values, **places, row=row)

    def strongest(self, count: int, *, least: float = 0.0) -> "EnergyMaps":
        """Return the same rows with their strongest points alone, in their order.

        Args:
            count: How many points of a row to keep at most; of equal ones the first stay.
            least: Leave out points below this share of the strongest one of their row.

        Raises:
            ValueError: If the count is not positive.

        Examples:
            >>> maps = EnergyMaps([0], [3], [0, 0, 0], [0.0, 9.0, 20.0], [0.0] * 3, [0.5, 0.1, 1.0])
            >>> maps.strongest(2).energy
            tensor([0.5000, 1.0000], dtype=torch.float64)
        """
        check_count(count=count)
        keep = strong_points(self.row, self.energy, len(self), count, least)
        names = ("row", *POINT_COLUMNS)
        return _changed(self, **{name: getattr(self, name)[keep] for name in names})

    def __len__(self) -> int:
        return len(self.frame)

    def __eq__(self, other: object) -> bool:
        """Whether all rows and points, their order and the frames are the same."""
        if not isinstance(other, EnergyMaps):
            return NotImplemented
        return all(same(getattr(self, c.name), getattr(other, c.name)) for c in fields(self))

    __hash__ = None  # type: ignore[assignment]  # equal by value, as Events are

    def __repr__(self) -> str:
        counts = {"row": len(self), "point": len(self.row)}
        return summary(self, counts, ("distance", "score"))


def _changed(maps: EnergyMaps, **changes: Any) -> EnergyMaps:
    """Return maps with other columns."""
    values = {column.name: getattr(maps, column.name) for column in fields(maps)} | changes
    return EnergyMaps(**values)
