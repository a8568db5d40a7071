"""The track-wise format of EINV2: each track holds at most one event at a time."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_finite, check_positive, check_shape
from seldkit.events import Events
from seldkit.outputs import SELDOutput


@dataclass
class TrackWise:
    """Events on tracks: a class and a direction for each track and frame.

    A sound stays on the track it starts on, which is the first free one, for as long as its frames
    follow one another; so the tracks of a target are continuous, and two sounds of one class are
    two tracks. Distances travel if asked.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, section 2.1.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        threshold: A track is active where its most probable class exceeds this probability; one
            number, or one for each class.
        overflow: What `encode` does with events that find no free track or lie beyond the clip:
            `"raise"`, or `"drop"`, which counts them in `num_dropped`.
        distance: Whether targets and predictions hold distances, in metres.

    Attributes:
        num_dropped: Number of rows that `encode` has dropped since the format was made.

    Raises:
        ValueError: If a number is not positive, there are not as many thresholds as classes, or
            `overflow` is unknown.

    Examples:
        >>> events = Events.from_degrees([0, 1], [3, 3], [90.0, 90.0], [0.0, 0.0])
        >>> target = TrackWise(num_classes=5).encode(events, num_frames=3)
        >>> target.activity[:, 0].argmax(dim=-1), target.activity.sum(dim=(1, 2))
        (tensor([3, 3, 0]), tensor([1., 1., 0.]))
    """

    num_classes: int
    num_tracks: int = 2
    _: KW_ONLY
    threshold: float | Sequence[float] = 0.5
    overflow: Literal["raise", "drop"] = "raise"
    distance: bool = False
    num_dropped: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        check_positive(num_classes=self.num_classes, num_tracks=self.num_tracks)
        check_choice("overflow", self.overflow, ("raise", "drop"))
        if isinstance(self.threshold, Sequence) and len(self.threshold) != self.num_classes:
            raise ValueError(
                f"threshold must be one number or {self.num_classes}, got {len(self.threshold)}"
            )

    def encode(self, events: Events, num_frames: int) -> SELDOutput:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            Activity `(time, track, cls)`, 0 or 1; direction `(time, track, axis)`, unit vectors;
            distance `(time, track)` in metres if the format has it. An inactive place is all zeros.

        Raises:
            ValueError: If a label is not below `num_classes`, an event has no free track or lies
                beyond `num_frames` (unless `overflow="drop"`), or distances are missing.
        """
        check_positive(num_frames=num_frames)
        if (events.label >= self.num_classes).any():
            top = int(events.label.max())
            raise ValueError(f"label must be below num_classes={self.num_classes}, got {top}")
        if self.distance and events.distance is None:
            raise ValueError("events must have distances for a format with distance=True")
        rows, track = self._place(events, num_frames)
        frame = events.frame[rows]
        activity = torch.zeros(num_frames, self.num_tracks, self.num_classes)
        direction = torch.zeros(num_frames, self.num_tracks, 3)
        activity[frame, track, events.label[rows]] = 1.0
        direction[frame, track] = events.direction[rows].float()
        if not self.distance or events.distance is None:
            return SELDOutput(activity, direction)
        distance = torch.zeros(num_frames, self.num_tracks)
        distance[frame, track] = events.distance[rows].float()
        return SELDOutput(activity, direction, distance)

    def decode(self, output: SELDOutput, *, logits: bool = True) -> Events:
        """Return the events of a network's output.

        Each track gives at most one event a frame: its most probable class, where the probability
        exceeds that class's threshold. Tracks are not merged. With the default threshold a target
        of `encode` decodes to its events too, since 1 lies above and 0 at the threshold's logit.

        Args:
            output: Activity `(time, track, cls)` and direction `(time, track, axis)` of any length;
                a direction of length zero counts as the front.
            logits: Whether the activity holds logits; otherwise probabilities.

        Returns:
            One row for each active track and frame, sorted by frame, then track; `source` is the
            track.

        Raises:
            ValueError: If the shapes are not those of the format, or a value is nan.
        """
        sizes = {"track": self.num_tracks, "cls": self.num_classes}
        check_shape("activity", output.activity, "time track cls", **sizes)
        time = output.activity.shape[0]
        sizes = {"time": time, "track": self.num_tracks, "axis": 3}
        check_shape("direction", output.direction, "time track axis", **sizes)
        activity = output.activity.detach().cpu().double()
        best, label = (activity.sigmoid() if logits else activity).max(dim=-1)
        check_finite("activity", best)
        threshold = torch.as_tensor(self.threshold, dtype=torch.float64).expand(self.num_classes)
        frame, track = (best > threshold[label]).nonzero(as_tuple=True)
        distance = None
        if self.distance:
            if output.distance is None:
                raise ValueError("output must have distances for a format with distance=True")
            distance = output.distance.detach().cpu()[frame, track].clamp(min=0)
        return Events(
            frame,
            label[frame, track],
            _unit(output.direction.detach().cpu().double()[frame, track]),
            source=track,
            distance=distance,
            num_frames=time,
        )

    def _place(self, events: Events, num_frames: int) -> tuple[Tensor, Tensor]:
        """Return the rows that find a track, and their tracks.

        Sounds are intervals of frames. Taken by their start, each gets the first track that is
        free; for intervals this never needs more tracks than there are sounds at once.
        """
        inside = (events.frame < num_frames).nonzero().squeeze(1)
        rows, track = [], []
        free_from = [0] * self.num_tracks
        for sound in _sounds(events, inside):
            frames = events.frame[sound]
            start, stop = int(frames[0]), int(frames[-1]) + 1
            place = next((k for k, free in enumerate(free_from) if free <= start), None)
            if place is None:
                # A sound that comes too late for a track gets the first that falls free.
                place = min(range(self.num_tracks), key=free_from.__getitem__)
                sound = sound[frames >= free_from[place]]
            free_from[place] = max(stop, free_from[place])
            rows.append(sound)
            track.append(torch.full_like(sound, place))
        placed = torch.cat(rows) if rows else inside
        dropped = len(events) - len(placed)
        if dropped and self.overflow == "raise":
            raise ValueError(
                f"events must fit {self.num_tracks} tracks and {num_frames} frames, but {dropped}"
                f" of {len(events)} rows do not; overflow='drop' leaves them out"
            )
        self.num_dropped += dropped
        return placed, torch.cat(track) if track else inside


def _sounds(events: Events, rows: Tensor) -> list[Tensor]:
    """Split rows into sounds: runs of consecutive frames of one label and source, by start."""
    if not len(rows):
        return []
    frame, label, source = (c[rows] for c in (events.frame, events.label, events.source))
    # Rows that agree in frame, label and source are different sounds: the n-th of each goes on.
    columns = torch.stack((frame, label, source))
    _, cell = columns.unique(dim=1, return_inverse=True)
    order = cell.argsort(stable=True)
    new_cell = cell[order].diff(prepend=cell.new_tensor([-1])) != 0
    position = torch.arange(len(rows))
    copy = torch.empty_like(position)
    copy[order] = position - torch.where(new_cell, position, 0).cummax(0).values

    _, key = torch.stack((label, source, copy)).unique(dim=1, return_inverse=True)
    order = (key * (frame.max() + 1) + frame).argsort(stable=True)
    breaks = (key[order].diff() != 0) | (frame[order].diff() != 1)
    runs = rows[order].tensor_split((breaks.nonzero().squeeze(1) + 1).tolist())
    return sorted(runs, key=lambda run: int(events.frame[run[0]]))


def _unit(direction: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(direction, dim=-1, keepdim=True)
    front = direction.new_tensor([1.0, 0.0, 0.0])
    return torch.where(norm == 0, front, direction / norm)
