"""Where a system does well and where it does not: scores by overlap, by class, and task by task.

Functions that match frame by frame ([`match_events`][seldkit.metrics.analysis.match_events] and
what reads its result) look at all frames of a clip; what takes
[`SELDMetrics`][seldkit.metrics.SELDMetrics] looks at those that its protocol scores.
"""

from seldkit.metrics.analysis.detection import DetectionScores, detection_scores
from seldkit.metrics.analysis.direction import (
    DirectionScores,
    direction_scores,
)
from seldkit.metrics.analysis.errors import ErrorCounts, count_errors
from seldkit.metrics.analysis.matches import Matches, match_events
from seldkit.metrics.analysis.oracle import match_oracle
from seldkit.metrics.analysis.overlap import Overlap, by_overlap, count_overlap
from seldkit.metrics.analysis.tables import Table, class_table, overlap_table
from seldkit.metrics.analysis.thresholds import Sweep, sweep

__all__ = [
    "DetectionScores",
    "DirectionScores",
    "ErrorCounts",
    "Matches",
    "Overlap",
    "Sweep",
    "Table",
    "by_overlap",
    "class_table",
    "count_errors",
    "count_overlap",
    "detection_scores",
    "direction_scores",
    "match_events",
    "match_oracle",
    "overlap_table",
    "sweep",
]
