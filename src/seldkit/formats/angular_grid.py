"""The format of AD-YOLO: each cell of the sphere tells what sounds in and around it."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_number
from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.events.columns import number_within
from seldkit.formats.base import Format, numbers
from seldkit.formats.track_wise import TrackWise
from seldkit.geometry import angle_deg, unit_norm
from seldkit.grids import AngularCells
from seldkit.outputs import SELDOutput

Merge = Literal["connected", "soft", "suppress"]


@dataclass(frozen=True)
class AngularGrid(Format):
    """Events in overlapping cells of azimuth and elevation, with several anchors in each.

    A network says for every anchor how sure it is that something sounds, the probability of each
    class, and where in reach of the cell: `(time, column, row, anchor, entry)`, entries the logits
    of confidence and classes, then two numbers whose tanh is the offset in azimuth and elevation.
    Several events of one class at once are no trouble, and their number has no bound in the output.

    Targets are those of [`TrackWise`][seldkit.formats.TrackWise]; which cells hold an event
    follows from its direction, and [`adyolo_loss`][seldkit.losses.adyolo_loss] asks it there. So
    `num_tracks` bounds the events at once in a target alone.

    Source: Kim et al., "AD-YOLO: you look only once in training multiple sound event localization
    and detection", ICASSP 2023, and its released code.

    Args:
        num_classes: Number of classes.
        num_tracks: The largest number of events at once in a target.
        cell_deg: Width of a cell in degrees, see [`AngularCells`][seldkit.grids.AngularCells].
        anchors: Anchors of a cell.
        overlap: How far a cell reaches into its neighbours, in cells.
        threshold: A class sounds where the product of confidence and its probability exceeds this;
            one number, or one for each class.
        confidence: An anchor counts where its confidence exceeds this. The authors choose it by
            validation after every epoch.
        merge: How anchors of a class that are close become one event. `"connected"`: all that a
            chain of close ones joins become their mean. `"soft"`: the surest becomes the mean of
            all that are close to it, which are taken out; so on with the rest, each mean being of
            all that are close, also those taken out before. `"suppress"`: likewise, but the surest
            stays as it is. Means are of unit vectors, weighted by the softmax of exp(score² /
            threshold), as published; then made unit vectors.
        merge_deg: Closer than this is close.
        overflow: What `encode` does with events that find no free track or lie beyond the clip.

    Raises:
        TypeError: If a count is no integer, or another setting no number.
        ValueError: If a setting is out of range, or a word unknown.

    Examples:
        >>> format = AngularGrid(num_classes=3, merge="suppress")
        >>> output = torch.full((1, 8, 4, 5, 6), -9.0)  # nothing sounds
        >>> output[0, 4, 2, 0] = torch.tensor([9.0, -9.0, 9.0, -9.0, 0.0, 0.0])
        >>> events = format.decode(output)
        >>> events.label.tolist(), events.azimuth_deg.tolist(), events.elevation_deg.tolist()
        ([1], [22.5], [22.5])
    """

    num_tracks: int = 3
    _: KW_ONLY
    cell_deg: float = 45.0
    anchors: int = 5
    overlap: float = 0.5
    confidence: float = 0.5
    merge: Merge = "connected"
    merge_deg: float = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._count("num_tracks")
        self._count("anchors")
        if self.distance:
            raise ValueError("distance must be False for AngularGrid, which has none")
        check_literal("merge", self.merge, Merge)
        check_number(confidence=self.confidence, merge_deg=self.merge_deg)
        if not 0 <= self.confidence < 1:
            raise ValueError(f"confidence must be in [0, 1), got {self.confidence}")
        if not 0 <= self.merge_deg <= 180:
            raise ValueError(f"merge_deg must be in 0..180, got {self.merge_deg}")
        if not (self._thresholds() > 0).all():
            raise ValueError(f"threshold must be positive for AngularGrid, got {self.threshold}")
        AngularCells(self.cell_deg, self.overlap)

    @property
    def cells(self) -> AngularCells:
        """The cells of the sphere."""
        return AngularCells(self.cell_deg, self.overlap)

    def encode(self, events: Events, num_frames: int) -> SELDOutput:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            Activity `(time, track, cls)`, 0 or 1, and direction `(time, track, axis)`.

        Raises:
            ValueError: If a label is not below `num_classes`, or an event has no free track or lies
                beyond `num_frames` (unless `overflow="drop"`).
        """
        return self._tracks.encode(self._to_encode(events, num_frames), num_frames)

    def decode(self, output: Float[Tensor, "time column row anchor entry"] | SELDOutput) -> Events:
        """Return the events of a network's output, or of a target.

        Args:
            output: Logits of confidence and classes, and offsets before tanh; or a target.

        Returns:
            Rows sorted by frame, then class, then score (the highest of what was merged), highest
            first; `source` counts the events of a class and frame. Of a target, what
            `TrackWise.decode` returns.

        Raises:
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        if isinstance(output, SELDOutput):
            return self._tracks.decode(output)
        cells = self.cells
        sizes = {"column": cells.columns, "row": cells.rows, "anchor": self.anchors}
        axes = "time column row anchor entry"
        x = numbers("output", output, axes, entry=3 + self.num_classes, **sizes)
        direction = cells.directions(x[..., -2:].tanh()).flatten(1, 3)
        probability = x[..., :-2].sigmoid().flatten(1, 3)
        sure = probability[..., :1]
        score = (sure * probability[..., 1:]).mT  # time cls anchor
        active = (score > self._thresholds()[:, None]) & (sure > self.confidence).mT
        frame, label, place = active.nonzero(as_tuple=True)
        score, direction = score[frame, label, place], direction[frame, place]
        order = score.argsort(descending=True, stable=True)
        cell = frame * self.num_classes + label
        order = order[cell[order].argsort(stable=True)]
        frame, label, cell = frame[order], label[order], cell[order]
        kept, direction = self._merged(cell, label, score[order], direction[order])
        return Events(
            frame[kept],
            label[kept],
            unit_norm(direction[kept], zero_is_front=True),
            source=number_within(cell[kept]),
            num_frames=len(x),
        )

    def _merged(
        self,
        cell: Int[Tensor, " place"],
        label: Int[Tensor, " place"],
        score: Float[Tensor, " place"],
        direction: Float[Tensor, "place axis"],
    ) -> tuple[Bool[Tensor, " place"], Float[Tensor, "place axis"]]:
        """Return which places become an event, and its direction, of places sorted by score."""
        group, size = cell.unique_consecutive(return_inverse=True, return_counts=True)[1:]
        if not len(cell):
            return torch.ones_like(cell, dtype=torch.bool), direction
        member = torch.arange(len(cell)) - (size.cumsum(0) - size)[group]
        shape = (len(size), int(size.max()))
        there = torch.zeros(shape, dtype=torch.bool).index_put_((group, member), torch.tensor(True))
        table = direction.new_zeros(*shape, 3).index_put_((group, member), direction)
        near = angle_deg(table.unsqueeze(2), table.unsqueeze(1)) < self.merge_deg
        near |= torch.eye(shape[1], dtype=torch.bool)
        near &= there.unsqueeze(1) & there.unsqueeze(2)
        if self.merge == "connected":
            for _ in range((shape[1] - 1).bit_length()):  # each time chains of twice the length
                near = near.double() @ near.double() > 0
        left = there.clone()
        for i in range(shape[1]):  # what is surer than i and stays takes out what is close to it
            left[:, i + 1 :] &= ~(near[:, i, i + 1 :] & left[:, i : i + 1])
        if self.merge != "suppress":
            raised = score.square().div(self._thresholds()[label]).exp()
            raised = raised.clamp(max=torch.finfo(raised.dtype).max)  # of thresholds near 0
            weight = table.new_zeros(shape).index_put_((group, member), raised).unsqueeze(1)
            weight = weight.where(near, -torch.inf).where(there.unsqueeze(2), 0).softmax(dim=2)
            table = weight @ table
        return left[group, member], table[group, member]

    @property
    def _tracks(self) -> TrackWise:
        return TrackWise(self.num_classes, self.num_tracks, overflow=self.overflow)

    @property
    def _room(self) -> str:
        return f"{self.num_tracks} tracks"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return self._tracks._placed(events)
