"""What scenes hold: classes, overlap, motion and distances, counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch

from seldkit.events import Events

STEP_M = 0.5


@dataclass
class SceneStatistics:
    """Counts over scenes, or over the clips of any corpus; those of two parts add up.

    An event is all rows of one class and one source in a clip. It moves if its direction or its
    distance is not the same in all of them.

    Attributes:
        num_scenes: Clips.
        num_frames: Label frames.
        frame_s: Length of a frame in seconds; 0 before the first clip.
        events: Number of events, by class.
        frames: Rows, by class.
        moving: Number of events that move, by class.
        overlap: Number of frames, by how many events they have.
        distance: Rows, by distance in steps of half a metre: 2 is from 1 to 1.5 m.

    Examples:
        >>> events = Events([0, 0, 1], [4, 2, 4], torch.eye(3), source=[0, 1, 0], num_frames=4)
        >>> statistics = SceneStatistics.of([events])
        >>> statistics.events, statistics.moving, statistics.overlap
        (Counter({2: 1, 4: 1}), Counter({4: 1}), Counter({0: 2, 2: 1, 1: 1}))
    """

    num_scenes: int = 0
    num_frames: int = 0
    frame_s: float = 0.0
    events: Counter[int] = field(default_factory=Counter)
    frames: Counter[int] = field(default_factory=Counter)
    moving: Counter[int] = field(default_factory=Counter)
    overlap: Counter[int] = field(default_factory=Counter)
    distance: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, clips: Iterable[Events]) -> "SceneStatistics":
        """Return the counts of some clips. One that does not say its length ends with its events.

        Raises:
            ValueError: If clips have frames of different length.
        """
        total = cls()
        for events in clips:
            total.add(_counted(events))
        return total

    def add(self, other: "SceneStatistics") -> None:
        """Add the counts of other scenes.

        Raises:
            ValueError: If their frames have another length.
        """
        if self.frame_s and other.frame_s and self.frame_s != other.frame_s:
            raise ValueError(f"frames must last {self.frame_s} s in all clips, got {other.frame_s}")
        self.frame_s = self.frame_s or other.frame_s
        self.num_scenes += other.num_scenes
        self.num_frames += other.num_frames
        for name in ("events", "frames", "moving", "overlap", "distance"):
            getattr(self, name).update(getattr(other, name))

    def to_dict(self, classes: Sequence[str]) -> dict[str, object]:
        """Return what JSON can hold, with the names of the classes.

        Args:
            classes: Name of each label.
        """
        by_class = {
            name: {
                "events": self.events[label],
                "moving": self.moving[label],
                "seconds": round(self.frames[label] * self.frame_s, 3),
            }
            for label, name in enumerate(classes)
        }
        return {
            "minutes": round(self.num_frames * self.frame_s / 60, 3),
            "classes": by_class,
            "frames_by_events": {str(count): self.overlap[count] for count in sorted(self.overlap)},
            "rows_by_metres": {
                f"{STEP_M * step:g}": self.distance[step] for step in sorted(self.distance)
            },
        }

    def text(self, classes: Sequence[str]) -> str:
        """Return a table to read: a line for each class, then overlap and distances.

        Args:
            classes: Name of each label.
        """
        width = max(map(len, ("class", *classes)))
        lines = [f"{'class':{width}}  events  moving  seconds"]
        for label, name in enumerate(classes):
            seconds = self.frames[label] * self.frame_s
            events, moving = self.events[label], self.moving[label]
            lines.append(f"{name:{width}}  {events:6d}  {moving:6d}  {seconds:7.1f}")
        lines.append("")
        for count in sorted(self.overlap):
            share = self.overlap[count] / self.num_frames
            lines.append(f"frames with {count} event{'' if count == 1 else 's'}: {share:.1%}")
        rows = self.distance.total()
        for step in sorted(self.distance):
            low, high = STEP_M * step, STEP_M * (step + 1)
            lines.append(f"distance {low:.1f} to {high:.1f} m: {self.distance[step] / rows:.1%}")
        return "\n".join(lines) + "\n"


def _counted(events: Events) -> SceneStatistics:
    frames = events.num_frames
    if frames is None:
        frames = int(events.frame.max()) + 1 if len(events) else 0
    at_once = torch.bincount(events.frame, minlength=frames)
    overlap: Counter[int] = Counter(at_once.tolist())
    keys = torch.stack((events.label, events.source), dim=1)
    sources, index = keys.unique(dim=0, return_inverse=True)
    moving: Counter[int] = Counter()
    for number, label in enumerate(sources[:, 0].tolist()):
        rows = index == number
        same = bool((events.direction[rows] == events.direction[rows][0]).all())
        if events.distance is not None:
            same &= bool((events.distance[rows] == events.distance[rows][0]).all())
        moving[label] += not same
    metres: list[float] = []
    if events.distance is not None:
        metres = events.distance[events.distance.isfinite()].tolist()
    return SceneStatistics(
        num_scenes=1,
        num_frames=frames,
        frame_s=events.frame_s,
        events=Counter(sources[:, 0].tolist()),
        frames=Counter(events.label.tolist()),
        moving=+moving,
        overlap=overlap,
        distance=Counter(int(each // STEP_M) for each in metres),
    )
