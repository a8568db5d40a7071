"""The published protocols: how each counts, scores, averages and takes its frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from seldkit.events import Events
from seldkit.metrics.frame import count_frames
from seldkit.metrics.scores import Average, Counts, SELDScores, frame_scores, segment_scores
from seldkit.metrics.segment import count_segments


@dataclass(frozen=True)
class Protocol:
    """One published way to score.

    Attributes:
        count: From prediction, reference, number of frames, number of classes and, by name, the
            settings to the counts of one clip.
        score: From the counts of all clips, added up, and the average to the scores.
        official_frames: From the reference to the number of frames that the published script
            takes the clip to have.
        averages: The averages that it knows, the published default first.
        settings: What else may be set in its counting, and the published values.
    """

    count: Callable[..., Counts]
    score: Callable[[Counts, Average], SELDScores]
    official_frames: Callable[[Events], int]
    averages: tuple[Average, ...]
    settings: Mapping[str, float] = field(default_factory=dict)


def last_reference_frame(reference: Events) -> int:
    """Return the largest reference frame index, 0 where there are no references."""
    return int(reference.frame.max()) if len(reference) else 0


DCASE2023 = Protocol(count_segments, segment_scores, last_reference_frame, ("macro", "micro"))
DCASE2024 = Protocol(
    count_frames,
    frame_scores,
    last_reference_frame,
    ("macro", "micro"),
    {"relative_distance_threshold": 1.0},
)

PROTOCOLS: Mapping[str, Protocol] = {
    "dcase2022": DCASE2023,  # the published metric files of both years are the same
    "dcase2023": DCASE2023,
    "dcase2024": DCASE2024,
}
