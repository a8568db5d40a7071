"""What makes decisions and directions steady over time, once a network has spoken."""

from seldkit.postprocess.chain import Chain, Step
from seldkit.postprocess.link import link_tracks
from seldkit.postprocess.median import median_filter
from seldkit.postprocess.runs import detect_activity, drop_short, fill_gaps, hysteresis
from seldkit.postprocess.steps import (
    DropShort,
    FillGaps,
    Hysteresis,
    LinkTracks,
    MedianFilter,
    SmoothTracks,
)
from seldkit.postprocess.tracks import smooth_tracks

__all__ = [
    "Chain",
    "DropShort",
    "FillGaps",
    "Hysteresis",
    "LinkTracks",
    "MedianFilter",
    "SmoothTracks",
    "Step",
    "detect_activity",
    "drop_short",
    "fill_gaps",
    "hysteresis",
    "link_tracks",
    "median_filter",
    "smooth_tracks",
]
