"""The rows of one clip as tracks and frames."""

from typing import Literal, NamedTuple

from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.events.columns import number_within, one_key
from seldkit.events.frames import check_frame_s
from seldkit.geometry import angle_deg, azimuth_elevation_deg, wrap_deg
from seldkit.metrics.matching import Cells, Pairs, gather_cells, match_cells, pair_cells
from seldkit.metrics.timeline import number

Angle = Literal["sphere", "azimuth", "elevation"]
"""How far directions are apart: the angle between them, or of their azimuths or elevations."""


class Side(NamedTuple):
    """The references of a clip, or its predictions.

    Attributes:
        direction: Unit vectors, `[row, axis]`.
        label: Class of each row, `[row]`.
        track: Number of its track, from 0, `[row]`.
        cell: Number of its frame among those of the clip in which anything is, `[row]`.
        num_tracks: How many tracks there are.
    """

    direction: Float[Tensor, "row axis=3"]
    label: Int[Tensor, " row"]
    track: Int[Tensor, " row"]
    cell: Int[Tensor, " row"]
    num_tracks: int


class TrackClip(NamedTuple):
    """Both sides of a clip, in the frames in which anything is.

    Attributes:
        reference: What there is.
        prediction: What was found.
        frame: The frames in which either side has a row, rising, `[cell]`.
        num_frames: How many frames the clip has, as far as it is known.
    """

    reference: Side
    prediction: Side
    frame: Int[Tensor, " cell"]
    num_frames: int

    def cells(self) -> tuple[Cells, Cells]:
        """Return references and predictions gathered by frame."""
        size = len(self.frame)
        return gather_cells(self.reference.cell, size), gather_cells(self.prediction.cell, size)

    def angle_deg(self, row: Tensor, col: Tensor, angle: Angle = "sphere") -> Tensor:
        """Return how far references and predictions, of these row numbers, are apart."""
        a, b = self.reference.direction[row], self.prediction.direction[col]
        if angle == "sphere":
            return angle_deg(a, b)
        place = 0 if angle == "azimuth" else 1
        return wrap_deg(azimuth_elevation_deg(a)[place] - azimuth_elevation_deg(b)[place]).abs()

    def match(self, angle: Angle, limit_deg: float = 180.0, order: float = 1.0) -> Pairs:
        """Return the pairs of the cheapest matching of each frame.

        The cost of a pair is its angle, at most the limit, to the power of the order.
        """
        references, predictions = self.cells()
        return match_cells(
            references,
            predictions,
            lambda row, col: self.angle_deg(row, col, angle).clamp(max=limit_deg).pow(order),
        )

    def pairs(self) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"]]:
        """Return row numbers of every reference with every prediction of its frame."""
        return pair_cells(*self.cells())

    def same_label(self, row: Tensor, col: Tensor) -> Bool[Tensor, " pair"]:
        """Return whether references and predictions, of these row numbers, are of one class."""
        return self.reference.label[row] == self.prediction.label[col]


def lay_clip(prediction: Events, reference: Events) -> TrackClip:
    """Return the clip of two sides, or raise if they are none."""
    for name, events in (("prediction", prediction), ("reference", reference)):
        if not isinstance(events, Events):
            raise TypeError(f"{name} must be Events, got {type(events).__name__}")
    if len(prediction) and len(reference):
        check_frame_s("prediction", prediction.frame_s, reference.frame_s)
    frame, cells = number(reference.frame, prediction.frame)
    return TrackClip(
        _side("reference", reference, cells[0]),
        _side("prediction", prediction, cells[1]),
        frame,
        max(
            int(frame[-1]) + 1 if len(frame) else 0,
            reference.num_frames or 0,
            prediction.num_frames or 0,
        ),
    )


def _side(name: str, events: Events, cell: Int[Tensor, " row"]) -> Side:
    tracks, (track,) = number(one_key(events.label, events.source))
    again = number_within(cell, track) > 0
    if again.any():
        row = int(again.nonzero()[0])
        raise ValueError(
            f"{name}.source must tell the tracks of a class apart, got source"
            f" {int(events.source[row])} twice in frame {int(events.frame[row])}"
        )
    return Side(events.direction, events.label, track, cell, len(tracks))
