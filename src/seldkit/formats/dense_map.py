"""The format of energy maps: how much of each class comes from every direction of a grid."""

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, check_positive
from seldkit._typing import Bool, Float, Int
from seldkit.events import EnergyMaps, Events
from seldkit.formats.base import Format, numbers
from seldkit.geometry import angle_deg, decimal_degrees, unit_norm
from seldkit.grids import DirectionGrid


@dataclass(frozen=True)
class DenseMap(Format):
    """Energy from each direction: a map for every class, high where it sounds, 0 elsewhere.

    Places are those of `DirectionGrid.equiangular(height, width)`: rows from the top down, columns
    counter-clockwise from behind. A target has a Gaussian around each point, as
    [`EnergyMaps.render`][seldkit.events.EnergyMaps.render] draws it, and of sources of one class
    the greatest value; so several of a class have a place if they are apart. With `distance` each
    class has a second map, of the distance in metres: where a source has at least the share `mask`
    of its greatest value and none is higher, its own.

    Source: DCASE 2026 task 3, baseline: full maps, masks at a tenth of the greatest value.

    Args:
        num_classes: Number of classes.
        height: Rows of the grid, from elevation 90 to -90.
        width: Columns of the grid, from azimuth -180.
        sigma_deg: Width of a point in a target, in degrees; not much less than a step of the grid.
        threshold: A peak counts where it is higher than this; one number, or one for each class.
        max_sources: Most sources of a class that are decoded in a frame.
        separation_deg: No two peaks of a class are nearer than that, in degrees.
        mask: A source reaches as far as its map has this share of its peak.
        overflow: What `encode` does with events beyond the clip: `"raise"`, or `"drop"`.
        distance: Whether there are maps of distance.

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a number is out of its range.

    Examples:
        >>> format = DenseMap(num_classes=2, height=19, width=36, sigma_deg=10.0)
        >>> left = Events.from_degrees([0], [1], [90.0], [10.0])
        >>> target = format.encode(left, num_frames=1)
        >>> target.shape, target[0, 1].max(), target[0, 0].max()
        (torch.Size([1, 2, 19, 36]), tensor(1.), tensor(0.))
        >>> format.decode(target).azimuth_deg.round().long()
        tensor([90])
    """

    height: int = 36
    width: int = 72
    _: KW_ONLY
    sigma_deg: float = 6.0
    max_sources: int = 3
    separation_deg: float = 15.0
    mask: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("height", "width", "max_sources"):
            self._count(name)
        if self.height < 2:
            raise ValueError(f"height must be at least 2, got {self.height}")
        for name, largest in (("sigma_deg", 90), ("separation_deg", 180), ("mask", 1)):
            value = getattr(self, name)
            check_positive(**{name: value})
            if value > largest:
                raise ValueError(f"{name} must be at most {largest}, got {value}")

    @property
    def grid(self) -> DirectionGrid:
        """The directions of the map."""
        return _grid(self.height, self.width)

    def encode(self, events: Events | EnergyMaps, num_frames: int) -> Float[Tensor, "time cls ..."]:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip, each a point of energy 1, or its energy maps.
            num_frames: Number of frames of the target.

        Returns:
            `time cls height width`, or `time cls map height width` with distances.

        Raises:
            ValueError: If a label is not below `num_classes`, a row lies beyond `num_frames`
                (unless `overflow="drop"`), or distances are missing.
        """
        maps = events if isinstance(events, EnergyMaps) else EnergyMaps.from_events(events)
        self._to_encode(_rows(maps), num_frames)
        maps = maps.select(maps.frame < num_frames)
        drawn = maps.render(self.height, self.width, sigma_deg=self.sigma_deg).flatten(1)
        cell = maps.frame * self.num_classes + maps.label
        shape = (num_frames * self.num_classes, self.height * self.width)
        index = cell.unsqueeze(1).expand_as(drawn)
        target = torch.zeros(shape).scatter_reduce_(0, index, drawn, "amax")
        target = target.reshape(num_frames, self.num_classes, self.height, self.width)
        if not self.distance:
            return target
        top = drawn.amax(dim=1, keepdim=True)
        own = (drawn >= self.mask * top) & (drawn >= target.reshape(shape)[cell]) & (drawn > 0)
        metres = torch.zeros(len(maps)) if maps.distance is None else maps.distance.float()
        metres = torch.where(own, metres.unsqueeze(1), 0)  # without any row there may be none
        far = torch.zeros(shape).scatter_reduce_(0, index, metres, "amax")
        return torch.stack((target, far.reshape(target.shape)), dim=2)

    def decode(self, output: Float[Tensor, "time cls ..."]) -> Events:
        """Return the events of a network's output, or of a target: one for each peak.

        The direction is the mean of the cells around the peak that are in its mask, weighted by
        their energy and the part of the sphere that they stand for, so that it is finer than the
        grid; the distance is that of the peak.

        Args:
            output: Maps of any length, `time cls height width` or, with distances,
                `time cls map height width`. Values below zero count as zero.

        Returns:
            Rows by frame, then class, then height of the peak; `source` numbers the peaks of a
            class in a frame.

        Raises:
            TypeError: If the output is no tensor.
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        peaks = self._peaks(output)
        return Events(
            peaks.frame,
            peaks.label,
            self._centres(peaks),
            source=peaks.rank,
            distance=peaks.distance,
            num_frames=len(output),
        )

    def decode_maps(
        self,
        output: Float[Tensor, "time cls ..."],
        *,
        points: Literal["centre", "cells"] = "cells",
        max_points: int = 20,
    ) -> EnergyMaps:
        """Return the energy maps of a network's output, for the protocol of 2026.

        Args:
            output: As in `decode`.
            points: `"cells"` gives a source the cells of its mask as points, each cell to the
                nearest peak; `"centre"` one point where `decode` has its direction.
            max_points: Most points of a source, the strongest.

        Returns:
            Rows as `decode` has them; the score is the height of the peak.

        Raises:
            TypeError: If the output is no tensor.
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        check_choice("points", points, ("centre", "cells"))
        check_count(max_points=max_points)
        peaks = self._peaks(output)
        if points == "centre":
            azimuth, elevation = decimal_degrees(self._centres(peaks))
            row, energy = torch.arange(len(peaks.frame)), peaks.height
        else:
            row, cell = peaks.inside.nonzero(as_tuple=True)
            azimuth, elevation = (angle[cell] for angle in decimal_degrees(self.grid.directions))
            energy = peaks.values[row, cell]
        maps = EnergyMaps(
            peaks.frame,
            peaks.label,
            row,
            azimuth,
            elevation,
            energy,
            source=peaks.rank,
            distance=peaks.distance,
            score=peaks.height,
            num_frames=len(output),
        )
        return maps.strongest(max_points)

    def _peaks(self, output: Tensor) -> "_Sources":
        if not isinstance(output, Tensor):
            raise TypeError(
                f"output must be a tensor of maps for DenseMap, got {type(output).__name__}"
            )
        sizes = {"cls": self.num_classes, "height": self.height, "width": self.width}
        far = None
        if self.distance:
            output = numbers("output", output, "time cls map height width", **sizes, map=2)
            output, far = output.unbind(dim=2)
        else:
            output = numbers("output", output, "time cls height width", **sizes)
        values = output.flatten(2).clamp(min=0)
        found = self.grid.peaks(
            values, max_peaks=self.max_sources, threshold=0.0, separation_deg=self.separation_deg
        )
        high = found.value > self._thresholds()[:, None]
        frame, label, rank = high.nonzero(as_tuple=True)
        point, height = found.point[frame, label, rank], found.value[frame, label, rank]
        own = values[frame, label]
        inside = (own >= self.mask * height.unsqueeze(1)) & (own > 0)
        inside &= self._nearest(frame, label, rank, point)
        distance = None if far is None else far.flatten(2)[frame, label, point].clamp(min=0)
        return _Sources(frame, label, rank, point, height, own, inside, distance)

    def _nearest(
        self,
        frame: Int[Tensor, " peak"],
        label: Int[Tensor, " peak"],
        rank: Int[Tensor, " peak"],
        point: Int[Tensor, " peak"],
    ) -> Bool[Tensor, "peak point"]:
        """Return the cells that are nearer to a peak than to others of its class and frame."""
        near = self.grid.directions[point] @ self.grid.directions.mT
        near = near - 1e-9 * rank.unsqueeze(1)  # halfway, the higher peak has it
        cell, group = (frame * self.num_classes + label).unique(return_inverse=True)
        best = near.new_full((len(cell), near.shape[1]), -2.0)
        best.scatter_reduce_(0, group.unsqueeze(1).expand_as(near), near, "amax")
        return near >= best[group]

    def _centres(self, peaks: "_Sources") -> Float[Tensor, "peak axis=3"]:
        grid = self.grid.directions
        level = (1 - grid[:, 2].square()).clamp(min=0).sqrt()
        step = torch.pi / (self.height - 1)
        share = level.clamp(min=step / 4)  # a row at a pole stands for a small cap
        around = peaks.inside & (angle_deg(grid[peaks.point].unsqueeze(1), grid) <= 2 * self._step)
        weight = (peaks.values * share).where(around, 0)
        return unit_norm(weight @ grid)

    @property
    def _step(self) -> float:
        return max(180 / (self.height - 1), 360 / self.width)

    @property
    def _room(self) -> str:
        return "the maps"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return torch.ones_like(events.frame, dtype=torch.bool)


@dataclass(frozen=True)
class _Sources:
    """The peaks of maps."""

    frame: Int[Tensor, " peak"]
    label: Int[Tensor, " peak"]
    rank: Int[Tensor, " peak"]
    point: Int[Tensor, " peak"]
    height: Float[Tensor, " peak"]
    values: Float[Tensor, "peak point"]
    inside: Bool[Tensor, "peak point"]
    distance: Float[Tensor, " peak"] | None


def _rows(maps: EnergyMaps) -> Events:
    """Return what the checks of all formats look at: frames, classes and distances."""
    ahead = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64).expand(len(maps), 3)
    return Events(maps.frame, maps.label, ahead, distance=maps.distance)


@lru_cache(maxsize=8)
@torch.inference_mode(mode=False)  # it may be needed in a training afterwards
def _grid(height: int, width: int) -> DirectionGrid:
    return DirectionGrid.equiangular(height, width)
