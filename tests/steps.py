"""Steps of post-processing that read a number of frames, one of each kind."""

from typing import Any

from seldkit.postprocess import DropShort, FillGaps, Hysteresis, MedianFilter, SmoothTracks


def steps_in_windows(*, planar: bool = False) -> dict[str, Any]:
    """Return the steps for three classes, by what they do."""
    return {
        "median": MedianFilter(5, planar=planar),
        "gaps": FillGaps([1, 2, 3], threshold=0.5, planar=planar),
        "short": DropShort(3, threshold=0.5, planar=planar),
        "smooth": SmoothTracks(3, threshold=0.5, planar=planar),
        "plain": Hysteresis(0.5, planar=planar),
    }
