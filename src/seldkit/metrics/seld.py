"""The accumulator: events of clip after clip in, scores out."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch

from seldkit._checks import check_choice, check_count, check_positive, integer
from seldkit.events import Events
from seldkit.events.frames import check_frame_s
from seldkit.events.rows import MAX_FRAMES
from seldkit.metrics.clip_metrics import check_alike
from seldkit.metrics.counts import Counts, concatenate
from seldkit.metrics.protocols import PROTOCOLS, choose_settings
from seldkit.metrics.scores import Average, SELDScores
from seldkit.metrics.settings import ALIKE, Setting
from seldkit.metrics.timeline import JoinedClips, join

Frames = Literal["official", "clip"]
AbsentClasses = Literal["published", "skip"]

MAX_WAITING_ROWS = 200_000
"""Clips wait to be counted together until they have so many events, or so many are waiting."""

MAX_CLASSES = 10_000
"""Counts are kept of every class in every clip: more than so many is a slip in a file."""


class SELDMetrics:
    """Scores of predicted events, exactly as a published protocol counts them.

    The protocols are `dcase2019` to `dcase2025` and `l3das21` to `l3das23`;
    [their page][seldkit.metrics.protocols] says what each counts and what is odd in it. Oddities
    are kept, and each that is an error has an argument here that mends it.

    Give it one clip a call, whose counts are kept: blocks of one second do not cross clips.

    Args:
        protocol: One of the names above.
        num_classes: Number of classes; labels count from 0.
        average: `"macro"` (mean over classes) or `"micro"` (counts of all classes together); by
            default the protocol's own: `"macro"` since dcase2022, `"micro"` in all others.
        frames: `"official"` scores the frames that the published script scores: since dcase2022 up
            to, but without, the last annotated one, so that what is predicted later costs
            nothing. `"clip"` scores all `num_frames` of the reference or, if it does not say, of
            the prediction.
        absent_classes: `"published"` lets "macro" average over all classes, also those that occur
            nowhere, which score 0 (and 180 degrees until 2023), so that a perfect system scores
            below 1. `"skip"` leaves them out; "micro" has none to leave out.
        counting: `"corrected"` counts as the protocol describes rather than as its script does,
            where they differ: dcase2019 to dcase2024 and l3das21. A match at just 20 degrees is a
            hit then; in the scripts rounding decides.
        angle_threshold_deg: Largest angle of a hit, for dcase2020 to dcase2025; the published is
            20 degrees.
        block_frames: How many frames are counted together, for dcase2019 to dcase2023; by default
            those of a second, 10 or, in dcase2019, 50.
        relative_distance_threshold: Largest relative distance error of a hit, for dcase2024 and
            dcase2025; the published is 1, and `math.inf` lets the angle alone decide.
        require_onscreen: Whether a hit must have the right on-screen flag, for dcase2025; the
            published is False for audio.
        distance_threshold_m: A hit is nearer than this, for l3das; the published is 2 m, and
            1.75 m in l3das23.
        matching: `"optimal"` matches one to one, for l3das, whose scripts over-count matches.
        doa: `"regression"`, or `"class"` for directions on a grid of 10 degrees, for dcase2019.
        frame_s: Length of the frames of all events, in seconds; the published is 0.1, and 0.02 in
            dcase2019.

    Raises:
        TypeError: If a count is no integer or a threshold no number.
        ValueError: If the protocol, its average or a choice is unknown, `num_classes` is not
            in 1..10000, a number is not positive, the protocol knows no such argument, or a second
            is no whole number of frames and `block_frames` is not given.

    Examples:
        >>> speech = Events.from_degrees([0, 1, 2], [0, 0, 0], [10.0, 10.0, 10.0], [0.0, 0.0, 0.0])
        >>> nearby = Events.from_degrees([0, 1, 2], [0, 0, 0], [15.0, 15.0, 15.0], [0.0, 0.0, 0.0])
        >>> metrics = SELDMetrics("dcase2023", num_classes=1)
        >>> metrics.update(nearby, speech)
        >>> metrics.compute()
        SELDScores(ER=0.000, F=1.000, LE=5.000, LR=1.000, SELD=0.007)
    """

    settings: Mapping[str, Setting]
    """What may be set in the protocol's counting, and its value here."""

    alike: ClassVar[tuple[str, ...]] = ALIKE

    def __init__(
        self,
        protocol: str,
        num_classes: int,
        *,
        average: Average | None = None,
        frames: Frames = "official",
        absent_classes: AbsentClasses = "published",
        counting: Literal["published", "corrected"] | None = None,
        angle_threshold_deg: float | None = None,
        block_frames: int | None = None,
        relative_distance_threshold: float | None = None,
        require_onscreen: bool | None = None,
        distance_threshold_m: float | None = None,
        matching: Literal["published", "optimal"] | None = None,
        doa: Literal["regression", "class"] | None = None,
        frame_s: float | None = None,
    ) -> None:
        check_choice("protocol", protocol, PROTOCOLS)
        check_count(num_classes=num_classes)
        if num_classes > MAX_CLASSES:
            raise ValueError(f"num_classes must be at most {MAX_CLASSES}, got {num_classes}")
        self.protocol = protocol
        self.num_classes = integer("num_classes", num_classes)
        frame_s = PROTOCOLS[protocol].frame_s if frame_s is None else frame_s
        check_positive(frame_s=frame_s)
        self.frame_s = float(frame_s)
        self._protocol = PROTOCOLS[protocol].at(self.frame_s)
        average = self._protocol.averages[0] if average is None else average
        check_choice("average", average, self._protocol.averages)
        check_choice("frames", frames, ("official", "clip"))
        check_choice("absent_classes", absent_classes, ("published", "skip"))
        if average == "micro" and absent_classes == "skip":
            raise ValueError(
                "absent_classes must be 'published' for average='micro', which adds up counts:"
                " a class that occurs nowhere adds nothing, got 'skip'"
            )
        self.average: Average = average
        self.frames: Frames = frames
        self.absent_classes: AbsentClasses = absent_classes
        self.settings = choose_settings(
            protocol,
            self.frame_s,
            counting=counting,
            angle_threshold_deg=angle_threshold_deg,
            block_frames=block_frames,
            relative_distance_threshold=relative_distance_threshold,
            require_onscreen=require_onscreen,
            distance_threshold_m=distance_threshold_m,
            matching=matching,
            doa=doa,
        )
        self.reset()

    def reset(self) -> None:
        """Forget every clip."""
        self._counted: list[Counts] = []
        self._waiting: list[tuple[Events, Events, int]] = []
        self._waiting_rows = 0

    def update(
        self, prediction: Events, reference: Events, *, num_frames: int | None = None
    ) -> None:
        """Take in one clip.

        Args:
            prediction: What the system found. Frames beyond the clip do not count, but
                for those of a last, started second in dcase2020 to dcase2023.
            reference: What there is. Where one class sounds several times in a frame, the order of
                its rows matters in dcase2021 to dcase2023, which tell instances apart by it, and
                in dcase2025, where matchings often cost the same.
            num_frames: How many frames of the clip to score; by default
                [`scored_frames`][seldkit.metrics.SELDMetrics.scored_frames] of it.

        Raises:
            TypeError: If either is not `Events`.
            ValueError: If frames are not of length `frame_s`, a label is not below `num_classes`, a
                column that the protocol needs is missing, `num_frames` is negative or beyond a day,
                or the clip's length is needed and not known.
        """
        for name, events in (("prediction", prediction), ("reference", reference)):
            if not isinstance(events, Events):
                raise TypeError(f"{name} must be Events, got {type(events).__name__}")
            if len(events) or events.num_frames is not None:
                check_frame_s(name, events.frame_s, self.frame_s)
            if len(events) and events.label.max() >= self.num_classes:
                raise ValueError(
                    f"{name}.label must be below num_classes={self.num_classes},"
                    f" got {int(events.label.max())}"
                )
            for column, setting in self._protocol.needs.items():
                asked = len(events) and (setting is None or self.settings[setting])
                if asked and getattr(events, column) is None:
                    raise ValueError(f"{self.protocol!r} needs {name}.{column}, got None")
        if num_frames is None:
            num_frames = self.scored_frames(prediction, reference)
        num_frames = integer("num_frames", num_frames)
        if num_frames < 0:
            raise ValueError(f"num_frames must not be negative, got {num_frames}")
        if num_frames > MAX_FRAMES:
            raise ValueError(f"num_frames must be at most {MAX_FRAMES}, a day, got {num_frames}")
        self._waiting.append((prediction, reference, num_frames))
        self._waiting_rows += len(prediction) + len(reference) + 1
        if self._waiting_rows > MAX_WAITING_ROWS:
            self._count_waiting()

    def scored_frames(self, prediction: Events, reference: Events) -> int:
        """Return how many frames of a clip count, by the rule of `frames`.

        Raises:
            ValueError: If the clip's length is needed and not known.
        """
        if self.frames == "official":
            return self._protocol.official_frames(reference)
        if reference.num_frames is not None:
            return reference.num_frames
        if prediction.num_frames is None:
            raise ValueError("frames='clip' needs reference.num_frames, got None")
        if len(reference) and reference.frame.max() >= prediction.num_frames:
            raise ValueError(
                f"reference.frame must be below prediction.num_frames={prediction.num_frames},"
                f" got {int(reference.frame.max())}"
            )
        return prediction.num_frames

    def merge(self, other: "SELDMetrics") -> None:
        """Add the clips of another accumulator, such as another process's.

        Raises:
            TypeError: If `other` is not `SELDMetrics`.
            ValueError: If its protocol, number of classes, average, frames or settings differ.
        """
        check_alike(self, other)
        self.add_counts(other.counts())

    def add_counts(self, counts: Counts) -> None:
        """Add clips that an accumulator of the same settings has counted."""
        self._count_waiting()
        self._counted.append(counts)

    def counts(self) -> Counts:
        """Return the counts of each clip, in the order of the updates: `[clip, cls]`, `[clip]`."""
        self._count_waiting()
        if not self._counted:
            nothing = Events.from_degrees([], [], [], [])
            return self._count([(nothing, nothing, 0)]).map(lambda count: count[:0])
        self._counted = [concatenate(self._counted)]
        return self._counted[0]

    def compute(self) -> SELDScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        if not self.num_clips:
            raise ValueError("compute needs at least one clip, got none: call update first")
        total = self.counts().total()
        scores = self.score(total)
        return SELDScores(
            **{name: score.item() for name, score in scores.items()},
            per_class=self.score_classes(total),
            counts={name: count.item() for name, count in total.together().items()},
            published_names=dict(self._protocol.scoring.published_names),
        )

    def score(self, counts: Counts) -> dict[str, torch.Tensor]:
        """Return the scores that counts have, by our names: `[clip]` for `[clip, cls]`."""
        return self._protocol.scoring.average(
            counts, self.average, skip_absent=self.absent_classes == "skip"
        )

    def score_classes(self, counts: Counts) -> dict[str, torch.Tensor]:
        """Return the scores of each class that counts have, by our names."""
        return self._protocol.scoring.each_class(counts)

    @property
    def block_frames(self) -> int:
        """How many frames are counted together, 1 where the protocol counts frame by frame."""
        return int(self.settings.get("block_frames", 1))

    @property
    def num_clips(self) -> int:
        """Number of clips so far."""
        counted = (next(iter(counts.by_class.values())) for counts in self._counted)
        return len(self._waiting) + sum(map(len, counted))

    def _count_waiting(self) -> None:
        if self._waiting:
            self._counted.append(self._count(self._waiting))
            self._waiting, self._waiting_rows = [], 0

    def _count(self, waiting: list[tuple[Events, Events, int]]) -> Counts:
        predictions, references, num_frames = zip(*waiting, strict=True)
        clips = JoinedClips(
            join(predictions), join(references), torch.tensor(num_frames), self.num_classes
        )
        return self._protocol.count(clips, **self.settings)

    def __repr__(self) -> str:
        names = ("num_classes", "average", "frames", "absent_classes", "frame_s")
        shown = {name: getattr(self, name) for name in names} | dict(self.settings)
        shown["clips"] = self.num_clips
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"SELDMetrics({self.protocol!r}, {arguments})"
