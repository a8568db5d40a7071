"""Clips joined to one long line of frames, so that all of them are counted at once."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.geometry import decimal_degrees


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

    def azimuth_elevation_deg(self) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
        """Return azimuth and elevation: as they were given, or else of the unit vectors."""
        degrees = self.given_deg
        unknown = degrees[:, 0].isnan()
        if unknown.any():
            computed = torch.stack(decimal_degrees(self.direction[unknown]), dim=1)
            degrees = degrees.masked_scatter(unknown.unsqueeze(1), computed)
        azimuth, elevation = degrees.unbind(dim=1)
        return azimuth, elevation


class Clips(NamedTuple):
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


class Timeline(NamedTuple):
    """Clips laid end to end, in blocks of a few frames each.

    A clip fills whole blocks: the last one is read to its end, even where the clip's frames end
    before it.

    Attributes:
        start: Where each clip begins, in frames, `[clip]`.
        length: How many frames each clip takes, `[clip]`.
        clip: Which clip a block belongs to, `[block]`.
        block_frames: Frames in a block.
        num_classes: Number of classes.
    """

    start: Int[Tensor, " clip"]
    length: Int[Tensor, " clip"]
    clip: Int[Tensor, " block"]
    block_frames: int
    num_classes: int

    @property
    def num_cells(self) -> int:
        """Number of (frame, class) pairs."""
        return len(self.clip) * self.block_frames * self.num_classes

    def frame(self, rows: Rows) -> Int[Tensor, " row"]:
        """Return where the rows' frames lie on the line; behind its end if outside of the clip."""
        outside = len(self.clip) * self.block_frames
        frame = self.start[rows.clip] + rows.frame
        return frame.where(rows.frame < self.length[rows.clip], outside)

    def cell(self, rows: Rows) -> Int[Tensor, " row"]:
        """Return the number of each row's (frame, class), `num_cells` or more if outside."""
        return self.frame(rows) * self.num_classes + rows.label

    def sum_blocks(self, values: Tensor) -> Tensor:
        """Add up what was counted in the blocks of each clip: `[block, ...]` to `[clip, ...]`."""
        return sum_by(self.clip, values, len(self.start))


def join(events: Sequence[Events]) -> Rows:
    """Return the rows of several clips, clip after clip."""
    sizes = torch.tensor([len(each) for each in events], dtype=torch.int64)
    distance = [
        torch.full((len(each),), torch.nan, dtype=torch.float64)
        if each.distance is None
        else each.distance
        for each in events
    ]
    onscreen = [
        torch.zeros(len(each), dtype=torch.bool) if each.onscreen is None else each.onscreen
        for each in events
    ]
    given = [
        torch.full((len(each), 2), torch.nan, dtype=torch.float64)
        if each.given_deg is None
        else torch.stack(each.given_deg, dim=1)
        for each in events
    ]
    return Rows(
        clip=torch.arange(len(events)).repeat_interleave(sizes),
        frame=torch.cat([each.frame for each in events]),
        label=torch.cat([each.label for each in events]),
        direction=torch.cat([each.direction for each in events]),
        given_deg=torch.cat(given),
        distance=torch.cat(distance),
        onscreen=torch.cat(onscreen),
        has_distance=torch.tensor([each.distance is not None or not len(each) for each in events]),
        has_onscreen=torch.tensor([each.onscreen is not None or not len(each) for each in events]),
    )


def lay_out(clips: Clips, block_frames: int = 1) -> Timeline:
    """Lay clips end to end in blocks of so many frames."""
    blocks = -(-clips.num_frames // block_frames)
    length = blocks * block_frames
    return Timeline(
        start=length.cumsum(0) - length,
        length=length,
        clip=torch.arange(len(blocks)).repeat_interleave(blocks),
        block_frames=block_frames,
        num_classes=clips.num_classes,
    )


def sum_by(group: Int[Tensor, " value"], values: Tensor, num_groups: int) -> Tensor:
    """Add up the values of each group: `[value, ...]` to `[group, ...]`."""
    return values.new_zeros(num_groups, *values.shape[1:]).index_add_(0, group, values)
