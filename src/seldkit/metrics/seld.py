"""The accumulator: events of clip after clip in, scores out."""

from collections.abc import Mapping
from typing import Literal

import torch

from seldkit._checks import check_choice, check_positive
from seldkit.events import Events
from seldkit.metrics.protocols import PROTOCOLS
from seldkit.metrics.scores import Average, Counts, SELDScores

Frames = Literal["official", "clip"]


class SELDMetrics:
    """Scores of predicted events, exactly as a published protocol counts them.

    Give it one clip a call: blocks of one second do not cross clips, so joined clips score
    differently. It keeps the counts of every clip, in `clips`.

    `dcase2022` and `dcase2023` (one published script) count blocks of one second and class, up to
    20 degrees, and score ER, F, LE, LR and their mean SELD. What is odd in it, and kept:

    - Frames stop at the largest reference index, so the last annotated frame is dropped, unless
      the last block, which is read whole, reaches it.
    - Predictions after that block cost nothing; in a clip without references none does.
    - "macro" averages over all classes: one that never occurs has F 0, LR 0 and LE 180, so that
      a perfect system scores below 1 where a class is absent.
    - ER is always micro, in "macro" too, where it stands for every class.
    - Instances of one class are told apart by row order inside the frame, not by source.
    - Where predictions and references of a block never meet in a frame, FN and DE_FN grow by the
      number of predictions.
    - Nothing is nan: without a match F and LR are 0 and LE is 180; without any reference ER is 0,
      or beyond 1e15 where there are false alarms.
    - The arc cosine puts equal directions up to 1e-6 degrees apart.

    `frames="clip"` mends the first two and nothing else.

    `dcase2024` counts every frame and class by itself: a hit is within 20 degrees and a relative
    distance error of 1. It scores ER, F, the mean angle (DOAE), the mean error of the distance in
    metres (DistE) and relative to it (RDE), LR, and the mean of 1 - F, DOAE / 180 and RDE (SELD).
    Frames, ER and absent classes in the mean of F and LR are as above, though no block reaches
    beyond the last frame. What is odd in it, and kept:

    - Angles, distances and LR take in every matched pair, however far apart, and pairs are matched
      by angle alone.
    - DOAE, DistE and RDE are nan without a pair, and "macro" leaves such classes out of them; the
      SELD of such a class is 1 - F alone.
    - Where events have no distance the angle alone decides, DistE and RDE are nan and SELD is the
      mean of ER, 1 - F, DOAE / 180 and 1 - LR.
    - The angle comes out too large near 0: equal directions are 8.1e-4 degrees apart.

    Args:
        protocol: `"dcase2022"`, `"dcase2023"` or `"dcase2024"`.
        num_classes: Number of classes; labels count from 0.
        average: `"macro"` (mean over classes) or `"micro"` (counts of all classes together); by
            default the protocol's own, here always `"macro"`.
        frames: `"official"` scores the frames that the published script scores; `"clip"` scores
            all `num_frames` of the reference or, if it does not say, of the prediction.
        relative_distance_threshold: Largest relative distance error of a hit, for `dcase2024`; by
            default the published 1, `math.inf` lets the angle alone decide.

    Raises:
        ValueError: If the protocol, its average or `frames` is unknown, `num_classes` or the
            threshold is not positive, or the protocol knows no such threshold.

    Examples:
        >>> speech = Events.from_degrees([0, 1, 2], [0, 0, 0], [10.0, 10.0, 10.0], [0.0, 0.0, 0.0])
        >>> nearby = Events.from_degrees([0, 1, 2], [0, 0, 0], [15.0, 15.0, 15.0], [0.0, 0.0, 0.0])
        >>> metrics = SELDMetrics("dcase2023", num_classes=1)
        >>> metrics.update(nearby, speech)
        >>> metrics.compute()
        SELDScores(ER=0.000, F=1.000, LE=5.000, LR=1.000, SELD=0.007)
    """

    clips: list[Counts]
    """The counts of each clip, in the order of the updates."""

    settings: Mapping[str, float]
    """What else may be set in the protocol's counting, and its value here."""

    def __init__(
        self,
        protocol: str,
        num_classes: int,
        *,
        average: Average | None = None,
        frames: Frames = "official",
        relative_distance_threshold: float | None = None,
    ) -> None:
        check_choice("protocol", protocol, PROTOCOLS)
        check_positive(num_classes=num_classes)
        self._protocol = PROTOCOLS[protocol]
        average = self._protocol.averages[0] if average is None else average
        check_choice("average", average, self._protocol.averages)
        check_choice("frames", frames, ("official", "clip"))
        self.protocol = protocol
        self.num_classes = num_classes
        self.average: Average = average
        self.frames: Frames = frames
        self.settings = self._choose(relative_distance_threshold=relative_distance_threshold)
        self.reset()

    def reset(self) -> None:
        """Forget every clip."""
        self.clips = []

    def update(self, prediction: Events, reference: Events) -> None:
        """Count one clip.

        Args:
            prediction: What the system found. Frames beyond the clip do not count, but
                for those of a last, started second where the protocol counts by seconds.
            reference: What there is. Row order matters where one class sounds several times.

        Raises:
            TypeError: If either is not `Events`.
            ValueError: If a label is not below `num_classes`, or the clip's length is needed and
                not known.
        """
        for name, events in (("prediction", prediction), ("reference", reference)):
            if not isinstance(events, Events):
                raise TypeError(f"{name} must be Events, got {type(events).__name__}")
            if len(events) and events.label.max() >= self.num_classes:
                raise ValueError(
                    f"{name}.label must be below num_classes={self.num_classes},"
                    f" got {int(events.label.max())}"
                )
        num_frames = self._num_frames(prediction, reference)
        counts = self._protocol.count(
            prediction, reference, num_frames, self.num_classes, **self.settings
        )
        self.clips.append(counts)

    def merge(self, other: "SELDMetrics") -> None:
        """Add the clips of another accumulator, such as another process's.

        Raises:
            TypeError: If `other` is not `SELDMetrics`.
            ValueError: If its protocol, number of classes, average, frames or settings differ.
        """
        if not isinstance(other, SELDMetrics):
            raise TypeError(f"other must be SELDMetrics, got {type(other).__name__}")
        for name in ("protocol", "num_classes", "average", "frames", "settings"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(f"other.{name} must be {mine!r} as here, got {theirs!r}")
        self.clips.extend(other.clips)

    def compute(self) -> SELDScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        if not self.clips:
            raise ValueError("compute needs at least one clip, got none: call update first")
        names = self.clips[0]
        counts = {name: torch.stack([clip[name] for clip in self.clips]).sum(0) for name in names}
        return self._protocol.score(counts, self.average)

    def _choose(self, **given: float | None) -> Mapping[str, float]:
        """Return the published settings of the protocol, those replaced that are given."""
        settings = dict(self._protocol.settings)
        for name, value in given.items():
            if value is None:
                continue
            if name not in settings:
                raise ValueError(f"{name} must be None for {self.protocol!r}, got {value}")
            check_positive(**{name: value})
            settings[name] = value
        return settings

    def _num_frames(self, prediction: Events, reference: Events) -> int:
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

    def __repr__(self) -> str:
        settings = "".join(f" {name}={value}," for name, value in self.settings.items())
        return (
            f"SELDMetrics({self.protocol!r}, num_classes={self.num_classes},"
            f" average={self.average!r}, frames={self.frames!r},{settings} clips={len(self.clips)})"
        )
