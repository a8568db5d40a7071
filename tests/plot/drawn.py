"""What the tests of pictures draw, and how they read what was drawn."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from seldkit.events import Events

Points = list[NDArray[np.float64]]


def glide(
    azimuth_deg: list[float],
    *,
    frames: list[int] | None = None,
    label: int = 0,
    distance: list[float] | None = None,
) -> Events:
    """Return a source at elevation 10° that moves frame by frame."""
    rows = len(azimuth_deg)
    frames = list(range(rows)) if frames is None else frames
    return Events.from_degrees(
        frames, [label] * rows, azimuth_deg, [10.0] * rows, distance=distance
    )


def strokes(panel: Axes) -> Points:
    """Return the unbroken lines of a panel, `[point, axis]`."""
    found: Points = []
    for line in panel.get_lines():
        if line.get_linestyle() != "None":
            points = np.asarray(line.get_xydata(), dtype=np.float64)
            gaps = np.flatnonzero(np.isnan(points).any(axis=1))
            found += [s[~np.isnan(s).any(axis=1)] for s in np.split(points, gaps)]
    return [stroke for stroke in found if len(stroke)]


def dots(panel: Axes) -> Points:
    """Return the places of the dots of each class, `[point, axis]`."""
    lines = [line for line in panel.get_lines() if line.get_linestyle() == "None"]
    return [np.asarray(line.get_xydata(), dtype=np.float64) for line in lines]


def legend(panel: Axes) -> list[str]:
    """Return what the legend of a panel says."""
    found = panel.get_legend()
    assert found is not None
    return names(found.get_texts())


def names(texts: object) -> list[str]:
    """Return what texts say."""
    return [text.get_text() for text in texts]  # type: ignore[attr-defined]
