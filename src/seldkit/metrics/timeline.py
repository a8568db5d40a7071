"""Clips joined to one long line of frames, so that all of them are counted at once.

Only what sounds has a place on the line: silence costs neither time nor memory.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.geometry import decimal_degrees

DENSE = 8
"""Numbers with no more gaps than that, on the mean, are numbered by a list of all in between."""


class Rows(NamedTuple):
    """The events of several clips, one clip after the other.

    Attributes:
        clip: Which clip a row belongs to, `[row]`.
        frame: Frame in its clip, `[row]`.
        label: Class, `[row]`.
        direction: Unit vector, `[row, axis]`.
        given_deg: Azimuth and elevation as they were given, `[row, 2]`; nan where they were not.
        distance: Metres, nan where its clip has none, `[row]`.
        onscreen: Whether the source is in the picture, `[row]`; False where its clip does not say.
        has_distance: Whether the distances of a clip's rows are known, `[clip]`; an empty clip's
            are.
        has_onscreen: The same of `onscreen`, `[clip]`.
    """

    clip: Int[Tensor, " row"]
    frame: Int[Tensor, " row"]
    label: Int[Tensor, " row"]
    direction: Float[Tensor, "row axis=3"]
    given_deg: Float[Tensor, "row 2"]
    distance: Float[Tensor, " row"]
    onscreen: Bool[Tensor, " row"]
    has_distance: Bool[Tensor, " clip"]
    has_onscreen: Bool[Tensor, " clip"]

    def select(self, rows: Tensor) -> "Rows":
        """Return the rows that a boolean mask or a list of row numbers picks."""
        rows = rows.nonzero().squeeze(1) if rows.dtype == torch.bool else rows
        columns = {name: getattr(self, name).index_select(0, rows) for name in _BY_ROW}
        return self._replace(**columns)

    def azimuth_elevation_deg(self) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
        """Return azimuth and elevation: as they were given, or else of the unit vectors."""
        degrees = self.given_deg
        unknown = degrees[:, 0].isnan()
        if unknown.any():
            computed = torch.stack(decimal_degrees(self.direction[unknown]), dim=1)
            degrees = degrees.masked_scatter(unknown.unsqueeze(1), computed)
        azimuth, elevation = degrees.unbind(dim=1)
        return azimuth, elevation


_BY_ROW = Rows._fields[:-2]
"""The columns of rows; the others are of clips."""


class JoinedClips(NamedTuple):
    """What was found in some clips and what there is.

    Attributes:
        prediction: What was found.
        reference: What there is.
        num_frames: How many frames of each clip to score, `[clip]`.
        num_classes: Number of classes; all labels are below.
    """

    prediction: Rows
    reference: Rows
    num_frames: Int[Tensor, " clip"]
    num_classes: int

    def scored(self, block_frames: int = 1) -> "JoinedClips":
        """Return the events of the frames to score alone.

        Blocks of so many frames are read whole, the last one too where the clip ends inside it.
        """
        end = -(-self.num_frames // block_frames) * block_frames
        prediction, reference = (
            rows.select(rows.frame < end[rows.clip]) for rows in (self.prediction, self.reference)
        )
        return self._replace(prediction=prediction, reference=reference)

    def without_classes(self) -> "JoinedClips":
        """Return the same events, all of one class."""
        prediction, reference = (
            rows._replace(label=torch.zeros_like(rows.label))
            for rows in (self.prediction, self.reference)
        )
        return self._replace(prediction=prediction, reference=reference, num_classes=1)


class Timeline(NamedTuple):
    """Where something sounds in clips laid end to end, in blocks of a few frames each.

    A cell is a class in a frame, a segment a class in a block. Cells, segments and blocks with an
    event on either side are numbered in the order of time, then class; others are not there.

    Attributes:
        reference: The cell of each reference, `[row]`.
        prediction: The cell of each prediction, `[row]`.
        segment: The segment of each cell, `[cell]`; the same numbers if blocks are single frames.
        block: The block of each segment, `[segment]`.
        label: The class of each segment, `[segment]`.
        clip: The clip of each block, `[block]`.
        num_clips: Number of clips.
        num_classes: Number of classes.
    """

    reference: Int[Tensor, " row"]
    prediction: Int[Tensor, " row"]
    segment: Int[Tensor, " cell"]
    block: Int[Tensor, " segment"]
    label: Int[Tensor, " segment"]
    clip: Int[Tensor, " block"]
    num_clips: int
    num_classes: int

    @property
    def num_cells(self) -> int:
        """Number of cells in which something sounds."""
        return len(self.segment)

    def by_segment(self, values: Tensor) -> Tensor:
        """Add up over the frames of each block: `[cell]` to `[segment]`."""
        return sum_by(self.segment, values, len(self.block))

    def most(self, values: Tensor) -> Tensor:
        """Return the largest value in any frame of each block: `[cell]` to `[segment]`."""
        return most_by(self.segment, values, len(self.block))

    def by_block(self, values: Tensor) -> Tensor:
        """Add up over all classes: `[segment]` to `[block]`."""
        return sum_by(self.block, values, len(self.clip))

    def by_clip(self, values: Tensor) -> Tensor:
        """Add up over the blocks of each clip: `[block]` to `[clip]`."""
        return sum_by(self.clip, values, self.num_clips)

    def by_class(self, values: Tensor) -> Tensor:
        """Add up over the blocks of each clip, class by class: `[segment]` to `[clip, cls]`."""
        place = self.clip[self.block] * self.num_classes + self.label
        sums = sum_by(place, values, self.num_clips * self.num_classes)
        return sums.reshape(self.num_clips, self.num_classes)


def join(events: Sequence[Events]) -> Rows:
    """Return the rows of several clips, clip after clip."""
    sizes = [len(each) for each in events]
    nan = torch.tensor(torch.nan, dtype=torch.float64)

    def known(columns: Sequence[Tensor | None], unknown: Tensor) -> Tensor:
        pairs = zip(sizes, columns, strict=True)
        return torch.cat([unknown.expand(n) if x is None else x for n, x in pairs])

    given = [(None, None) if each.given_deg is None else each.given_deg for each in events]
    return Rows(
        clip=torch.arange(len(events)).repeat_interleave(torch.tensor(sizes)),
        frame=torch.cat([each.frame for each in events]),
        label=torch.cat([each.label for each in events]),
        direction=torch.cat([each.direction for each in events]),
        given_deg=torch.stack([known(degrees, nan) for degrees in zip(*given, strict=True)], dim=1),
        distance=known([each.distance for each in events], nan),
        onscreen=known([each.onscreen for each in events], torch.tensor(False)),
        has_distance=torch.tensor([each.distance is not None or not len(each) for each in events]),
        has_onscreen=torch.tensor([each.onscreen is not None or not len(each) for each in events]),
    )


def lay_out(clips: JoinedClips, block_frames: int = 1) -> Timeline:
    """Lay clips, all of whose events are scored, end to end in blocks of so many frames."""
    blocks = -(-clips.num_frames // block_frames)
    start = blocks.cumsum(0) - blocks
    cell, (reference, prediction) = number(
        *(
            (start[rows.clip] * block_frames + rows.frame) * clips.num_classes + rows.label
            for rows in (clips.reference, clips.prediction)
        )
    )
    frame, label = cell // clips.num_classes, cell % clips.num_classes
    segment, (of_cell,) = number(frame // block_frames * clips.num_classes + label)
    block, (of_segment,) = number(segment // clips.num_classes)
    return Timeline(
        reference=reference,
        prediction=prediction,
        segment=of_cell,
        block=of_segment,
        label=segment % clips.num_classes,
        clip=torch.searchsorted(start, block, right=True) - 1,
        num_clips=len(blocks),
        num_classes=clips.num_classes,
    )


def number(*keys: Int[Tensor, " _"]) -> tuple[Int[Tensor, " value"], tuple[Tensor, ...]]:
    """Number the values that occur in any of several lists, in rising order.

    Returns:
        The values, and for each list the numbers of what stands in it.

    Examples:
        >>> number(torch.tensor([7, 7, 3]), torch.tensor([9]))
        (tensor([3, 7, 9]), (tensor([1, 1, 0]), tensor([2])))
    """
    joined = torch.cat(keys)
    low, high = (int(end) for end in joined.aminmax()) if len(joined) else (0, 0)
    if high - low < DENSE * len(joined):  # a list of all numbers in between is quicker than sorting
        joined = joined - low
        there = torch.zeros(high - low + 1, dtype=torch.bool)
        there[joined] = True
        values = there.nonzero().squeeze(1) + low
        index = (there.cumsum(0) - 1)[joined]
    else:
        values, index = joined.unique(return_inverse=True)
    return values, index.split([len(key) for key in keys])


def sum_by(group: Int[Tensor, " value"], values: Tensor, num_groups: int) -> Tensor:
    """Add up the values of each group: `[value]` to `[group]`."""
    return values.new_zeros(num_groups).index_add_(0, group, values)


def most_by(group: Int[Tensor, " value"], values: Tensor, num_groups: int) -> Tensor:
    """Return the largest value of each group, none below 0: `[value]` to `[group]`."""
    return values.new_zeros(num_groups).scatter_reduce_(0, group, values, "amax")
