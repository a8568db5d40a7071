"""The track-wise format of EINV2: each track holds at most one event at a time."""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.events.spans import unbroken
from seldkit.formats.activity import ActivityFormat
from seldkit.outputs import SELDOutput


@dataclass(frozen=True)
class TrackWise(ActivityFormat):
    """Events on tracks: a class and a direction for each track and frame.

    A sound stays on the track it starts on, which is the first free one, for as long as its frames
    follow one another; so the tracks of a target are continuous, and two sounds of one class are
    two tracks. Distances travel if asked.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, section 2.1.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        threshold: A track is active where the probability of a class exceeds this; one number, or
            one for each class, in a list, an array or a tensor.
        overflow: What `encode` does with events that find no free track or lie beyond the clip:
            `"raise"`, or `"drop"`, which leaves them out; `fit` tells which.
        distance: Whether targets and predictions hold distances, in metres.
        class_directions: Whether each class of a track has a direction, and distance, of its own.
        positions_m: For positions in place of directions, as L3DAS has them: the direction axes
            hold the position over this number of metres (one, or one for x, y and z), so that they
            lie in ±1, and events get their distances from it. The L3DAS baseline has 2, its winner
            of 2022 (2, 1.5, 1). Positions beyond do not fit. Excludes `distance`.

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a count is not positive, there are not as many thresholds as classes, one is
            nan, `overflow` is unknown, or `positions_m` is not as said.

    Examples:
        >>> events = Events.from_degrees([0, 1], [3, 3], [90.0, 90.0], [0.0, 0.0])
        >>> target = TrackWise(num_classes=5).encode(events, num_frames=3)
        >>> target.activity[:, 0].argmax(dim=-1), target.activity.sum(dim=(1, 2))
        (tensor([3, 3, 0]), tensor([1., 1., 0.]))
    """

    _activity_axes: ClassVar[str] = "time track cls"

    num_tracks: int = 2
    _: KW_ONLY
    class_directions: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._count("num_tracks")

    @property
    def _direction_axes(self) -> str:
        return self._activity_axes if self.class_directions else "time track"

    @property
    def _sizes(self) -> dict[str, int]:
        return {"track": self.num_tracks, "cls": self.num_classes}

    def encode(self, events: Events, num_frames: int) -> SELDOutput:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            Activity `(time, track, cls)`, 0 or 1; direction `(time, track, axis)`, or
            `(time, track, cls, axis)` with directions of each class, unit vectors or positions in
            ±1; distance likewise, `(time, track)` or `(time, track, cls)` in metres, if the format
            has it. An inactive place is all zeros.

        Raises:
            ValueError: If a label is not below `num_classes`, an event has no free track or lies
                beyond `num_frames` (unless `overflow="drop"`), or distances are missing.
        """
        kept = self._to_encode(events, num_frames)
        index = {"time": kept.frame, "track": tracks_of(kept, self.num_tracks), "cls": kept.label}
        return self._target(kept, index, num_frames)

    def decode(self, output: SELDOutput, *, logits: bool = True) -> Events:
        """Return the events of a network's output.

        Each track gives at most one event a frame: of the classes whose probability exceeds their
        threshold the one that does so by the largest factor; with one threshold for all that is
        the most probable class. Tracks are not merged. With the default threshold a target of
        `encode` decodes to its events too, since 1 lies above and 0 at the threshold's logit.

        Args:
            output: Activity `(time, track, cls)` and direction `(time, track, axis)`, or
                `(time, track, cls, axis)`, of any length; a direction of length zero counts as the
                front. Distances below zero count as zero.
            logits: Whether the activity holds logits; otherwise probabilities.

        Returns:
            One row for each active track and frame, sorted by frame, then track; `source` is the
            track.

        Raises:
            TypeError: If the output is a tensor.
            ValueError: If the shapes are not those of the format, or a value is nan.
        """
        label, active = best_class(self._probability(output, logits), self._thresholds())
        frame, track = active.nonzero(as_tuple=True)
        index = {"time": frame, "track": track, "cls": label[frame, track]}
        return self._events(output, index, source=track)

    @property
    def classes_compete(self) -> bool:
        """True of several classes: a track gives one event."""
        return self.num_classes > 1

    @property
    def _room(self) -> str:
        return f"{self.num_tracks} tracks"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return tracks_of(events, self.num_tracks) >= 0


def best_class(
    score: Float[Tensor, "*axes cls"], threshold: Float[Tensor, " cls"]
) -> tuple[Int[Tensor, "*axes"], Bool[Tensor, "*axes"]]:
    """Return the class that exceeds its threshold by the largest factor, and whether any does.

    Every number exceeds a threshold of zero or below by an infinite factor. Of equal factors the
    largest score decides, then the lower class.
    """
    passing = score > threshold
    factor = (score / threshold).where(threshold > 0, torch.inf).where(passing, -torch.inf)
    first = factor == factor.amax(dim=-1, keepdim=True)
    label: Tensor = score.where(first, -torch.inf).argmax(dim=-1)
    return label, passing.any(dim=-1)


def tracks_of(events: Events, num_tracks: int) -> Int[Tensor, " event"]:
    """Return the track of each event, -1 where it finds none."""
    if not len(events):
        return torch.zeros_like(events.frame)
    frame, sound = events.frame, _sounds(events)
    ends = torch.zeros(2, int(sound.max()) + 1, dtype=torch.int64)
    start = ends[0].scatter_reduce(0, sound, frame, "amin", include_self=False)
    stop = ends[1].scatter_reduce(0, sound, frame + 1, "amax", include_self=False)
    order = start.argsort(stable=True)
    turns = zip(start[order].tolist(), stop[order].tolist(), strict=True)
    places = torch.empty_like(ends)
    places[:, order] = torch.tensor(_first_free(turns, num_tracks)).T
    place, begin = places[:, sound]
    track: Tensor = place.where(frame >= begin, -1)
    return track


def _first_free(sounds: Iterable[tuple[int, int]], num_tracks: int) -> list[tuple[int, int]]:
    """Return a track for each sound and the frame from which on it has the track to itself.

    Taken by their start, sounds get the first track that is free; for intervals of frames this
    never needs more tracks than there are sounds at once. A sound that comes too late for a track
    gets the first that falls free.
    """
    free_from = [0] * num_tracks
    places = []
    for start, stop in sounds:
        free = (k for k in range(num_tracks) if free_from[k] <= start)
        track = next(free, None)
        if track is None:
            track = min(range(num_tracks), key=free_from.__getitem__)
        places.append((track, free_from[track]))
        free_from[track] = max(stop, free_from[track])
    return places


def _sounds(events: Events) -> Int[Tensor, " event"]:
    """Number the sounds: runs of consecutive frames of one label and source."""
    sound = torch.empty_like(events.frame)
    for number, rows in enumerate(unbroken(events.frame, events.label, events.source)):
        sound[rows] = number
    return sound
