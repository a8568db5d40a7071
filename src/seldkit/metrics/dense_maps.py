"""Scores of predicted energy maps, as DCASE 2026 task 3 counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, check_positive, integer
from seldkit._typing import Float
from seldkit.events import EnergyMaps
from seldkit.events.frames import check_same_frame_s
from seldkit.metrics.average_precision import average_precision
from seldkit.metrics.clip_metrics import check_alike
from seldkit.metrics.map_pairs import ClipRecords, MapSettings, compare

PUBLISHED_NAMES = {
    "Mask mAP": "mean_average_precision",
    "Mask AP50": "average_precision_50",
    "Pearson r": "correlation",
    "Distance RDE": "relative_distance_error",
}
"""What the published report calls its scores; it prints the last one in percent."""


@dataclass(frozen=True)
class DenseMapScores:
    """Scores of energy maps; all are nan where they are undefined.

    Attributes:
        mean_average_precision: Mean over classes, and over thresholds from 0.50 to 0.95, of the
            average precision of masks; higher is better.
        average_precision_50: The same at a threshold of 0.50 alone.
        correlation: Mean Pearson correlation of the maps of pairs; higher is better.
        relative_distance_error: Mean of |d - d'| / d over pairs; lower is better.
        per_class: The same scores by name, `[cls]`; nan for a class without references or pairs.
        counts: How many references, detections and pairs there were.
    """

    mean_average_precision: float
    average_precision_50: float
    correlation: float
    relative_distance_error: float
    per_class: Mapping[str, Float[Tensor, " cls"]] = field(repr=False)
    counts: Mapping[str, int] = field(repr=False)

    @property
    def published_names(self) -> dict[str, str]:
        """From published names to ours."""
        return dict(PUBLISHED_NAMES)

    def as_dict(self) -> dict[str, float]:
        """Return the scores by their published names."""
        return {name: float(getattr(self, ours)) for name, ours in PUBLISHED_NAMES.items()}


class DenseMapMetrics:
    r"""Scores of predicted energy maps, exactly as the script of DCASE 2026 task 3 counts them.

    Maps are [drawn][seldkit.events.EnergyMaps.render] on a canvas of 180 x 360 and masked where
    they have at least a tenth of their greatest value.

    1. Mask mAP is the evaluation of COCO, with an image for each frame: detections of a class, the
       surest first, take the reference that shares most of the union of the masks, if it is as much
       as a threshold; precision at 101 recalls, mean over classes that have references.
    2. Pairs are matched where the angles between strongest points add up to least, within a class
       and 20 degrees. Pearson's $r$ is that of both maps over the union of the masks and what lies
       within two cells of it; the relative distance error is $|d - \hat d| / d$.

    The published description says that $r$ and the distance error are means over classes, the
    script takes the mean over all pairs: `average` chooses. Where nothing was predicted the script
    says N/A; the precision is 0 here. A prediction without scores has 0 in all rows, and one
    without distances is nought metres away, as in the script.

    Args:
        protocol: `"dcase2026"`.
        num_classes: Number of classes; labels count from 0.
        average: `"pairs"`, as the script does, or `"macro"`, the mean over classes that have pairs.
        counting: `"published"` draws points near the poles as the script does, one or two columns
            twice as high; `"corrected"` draws them once.
        sigma_deg: Width of a point, in degrees.
        mask_threshold: Share of its greatest value from which a map is in its mask.
        angle_threshold_deg: Greatest angle of a pair.

    Raises:
        TypeError: If a number is none.
        ValueError: If the protocol or a choice is unknown, or a number out of its range.

    Source: DCASE 2026 task 3, baseline, `evaluate.py`; Lin et al., "Microsoft COCO: common objects
    in context", ECCV 2014, and its evaluation of masks.

    Examples:
        >>> speech = EnergyMaps([0], [0], [0], [10.0], [0.0], [1.0], distance=[2.0])
        >>> nearby = EnergyMaps([0], [0], [0], [12.0], [0.0], [1.0], distance=[2.2], score=[0.9])
        >>> metrics = DenseMapMetrics("dcase2026")
        >>> metrics.update(nearby, speech)
        >>> scores = metrics.compute()
        >>> round(scores.average_precision_50, 3), round(scores.correlation, 3)
        (1.0, 0.937)
        >>> round(scores.relative_distance_error, 3)
        0.1
    """

    alike: ClassVar[tuple[str, ...]] = ("protocol", "num_classes", "average", "settings")

    def __init__(
        self,
        protocol: str = "dcase2026",
        num_classes: int = 13,
        *,
        average: Literal["pairs", "macro"] = "pairs",
        counting: Literal["published", "corrected"] = "published",
        sigma_deg: float = 6.0,
        mask_threshold: float = 0.1,
        angle_threshold_deg: float = 20.0,
    ) -> None:
        check_choice("protocol", protocol, ("dcase2026",))
        check_count(num_classes=num_classes)
        check_choice("average", average, ("pairs", "macro"))
        check_choice("counting", counting, ("published", "corrected"))
        for name, value, largest in (
            ("sigma_deg", sigma_deg, 90),
            ("mask_threshold", mask_threshold, 1),
            ("angle_threshold_deg", angle_threshold_deg, 180),
        ):
            check_positive(**{name: value})
            if value > largest:
                raise ValueError(f"{name} must be at most {largest}, got {value}")
        self.protocol = protocol
        self.num_classes = integer("num_classes", num_classes)
        self.average: Literal["pairs", "macro"] = average
        self.settings = MapSettings(float(sigma_deg), mask_threshold, angle_threshold_deg, counting)
        self.reset()

    def reset(self) -> None:
        """Forget every clip."""
        self._clips: list[ClipRecords] = []

    @property
    def num_clips(self) -> int:
        """Number of clips so far."""
        return len(self._clips)

    def update(self, prediction: EnergyMaps, reference: EnergyMaps) -> None:
        """Take in one clip.

        Args:
            prediction: What the system found.
            reference: What there is.

        Raises:
            TypeError: If either is not `EnergyMaps`.
            ValueError: If frames differ in length, or a label is not below `num_classes`.
        """
        for name, maps in (("prediction", prediction), ("reference", reference)):
            if not isinstance(maps, EnergyMaps):
                raise TypeError(f"{name} must be EnergyMaps, got {type(maps).__name__}")
            if len(maps) and maps.label.max() >= self.num_classes:
                raise ValueError(
                    f"{name}.label must be below num_classes={self.num_classes},"
                    f" got {int(maps.label.max())}"
                )
        if len(prediction) and len(reference):
            check_same_frame_s(prediction.frame_s, reference.frame_s)
        self._clips.append(compare(prediction, reference, self.num_classes, self.settings))

    def merge(self, other: "DenseMapMetrics") -> None:
        """Add the clips of another accumulator, such as another process's.

        Raises:
            TypeError: If `other` is not `DenseMapMetrics`.
            ValueError: If its settings differ.
        """
        check_alike(self, other)
        self._clips.extend(other._clips)

    def compute(self) -> DenseMapScores:
        """Return the scores of all clips so far.

        Raises:
            ValueError: If there is no clip.
        """
        if not self._clips:
            raise ValueError("compute needs at least one clip, got none: call update first")
        per_class, scores = _scores(self._clips, self.num_classes, self.average)
        return DenseMapScores(
            **{name: value.item() for name, value in scores.items()},
            per_class=per_class,
            counts={
                "references": sum(int(clip.positives.sum()) for clip in self._clips),
                "detections": sum(len(clip.label) for clip in self._clips),
                "pairs": sum(len(clip.pair_label) for clip in self._clips),
            },
        )

    def with_and_without(
        self, *, per_class: bool = False
    ) -> tuple[Mapping[str, Tensor], Mapping[str, Tensor]]:
        """Return the scores of all clips, and those without each clip: `[clip]` or `[clip, cls]`.

        They are what [`jackknife`][seldkit.metrics.jackknife] needs.
        """
        which = 0 if per_class else 1
        clips = self._clips
        plain = _scores(clips, self.num_classes, self.average)[which]
        parts = [
            _scores(clips[:left] + clips[left + 1 :], self.num_classes, self.average)[which]
            for left in range(len(clips))
        ]
        return plain, {name: torch.stack([part[name] for part in parts]) for name in plain}

    def __repr__(self) -> str:
        shown = {"num_classes": self.num_classes, "average": self.average}
        shown |= {**self.settings._asdict(), "clips": self.num_clips}
        arguments = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"DenseMapMetrics({self.protocol!r}, {arguments})"


def _scores(
    clips: list[ClipRecords], num_classes: int, average: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the scores of each class, and those of all."""
    label, score = (torch.cat([getattr(c, name) for c in clips]) for name in ("label", "score"))
    hits = torch.cat([clip.hits for clip in clips], dim=1)
    positives = torch.stack([clip.positives for clip in clips]).sum(dim=0).tolist()
    table = torch.stack(
        [
            average_precision(score[label == cls], hits[:, label == cls], positives[cls])
            for cls in range(num_classes)
        ]
    )
    per_class = {
        "mean_average_precision": table.mean(dim=1),
        "average_precision_50": table[:, 0],
    }
    scores = {name: values.nanmean() for name, values in per_class.items()}
    pair_label = torch.cat([clip.pair_label for clip in clips])
    for name, column in (
        ("correlation", "correlation"),
        ("relative_distance_error", "relative_distance"),
    ):
        values = torch.cat([getattr(clip, column) for clip in clips])
        means = [values[pair_label == cls].nanmean() for cls in range(num_classes)]
        per_class[name] = torch.stack(means)
        scores[name] = per_class[name].nanmean() if average == "macro" else values.nanmean()
    return per_class, scores
