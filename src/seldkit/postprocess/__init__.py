"""What makes decisions and directions steady over time, once a network has spoken."""

from seldkit.postprocess.median_filter import median_filter
from seldkit.postprocess.runs import detect_activity, drop_short, fill_gaps, hysteresis
from seldkit.postprocess.tracks import smooth_tracks, unit_norm

__all__ = [
    "detect_activity",
    "drop_short",
    "fill_gaps",
    "hysteresis",
    "median_filter",
    "smooth_tracks",
    "unit_norm",
]
