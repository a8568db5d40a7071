"""From maps of directions to events: peaks, linked from frame to frame."""

import torch
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_floating, check_positive, check_shape
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.grids import DirectionGrid
from seldkit.localization.tracking import link_sources


def map_events(
    maps: Float[Tensor, "time point"],
    grid: DirectionGrid,
    *,
    max_sources: int = 1,
    threshold: float | None = None,
    separation_deg: float = 15.0,
    max_jump_deg: float = 20.0,
    memory_s: float = 5.0,
    frame_s: float = 0.1,
) -> Events:
    """Return the peaks of a map in each frame as events of class 0, a source for each track.

    A peak continues the track that it is nearest to, over all peaks and tracks of a frame, unless
    it is further than `max_jump_deg` from all that are left. Then it begins a new one.

    Args:
        maps: A map for each label frame.
        grid: Its directions.
        max_sources: How many sources sound at once, at most.
        threshold: What a peak must be greater than, if anything.
        separation_deg: Least angle between two sources, in degrees.
        max_jump_deg: How far a source may move until it is heard again, in degrees.
        memory_s: How long a source may be silent and still be the same, in seconds.
        frame_s: Length of a label frame, in seconds.

    Returns:
        Events without distances. Sources are numbered by when they are first heard.

    Raises:
        TypeError: If the maps hold integers, or a setting is no number.
        ValueError: If there is no value for each point, one is not finite, or a setting is out of
            range.

    Examples:
        >>> grid = DirectionGrid.equiangular(3, 4)
        >>> left_then_back = grid.directions[:, [1, 1, 0]].T * torch.tensor([[1.0], [1.0], [-1.0]])
        >>> events = map_events(left_then_back, grid)
        >>> events.azimuth_deg.tolist(), events.source.tolist()
        ([90.0, 90.0, -180.0], [0, 0, 1])
    """
    check_shape("maps", maps, "time point", point=grid.num_points)
    check_floating(maps=maps)
    check_count(max_sources=max_sources)
    check_finite("maps", maps)
    check_positive(max_jump_deg=max_jump_deg, memory_s=memory_s, frame_s=frame_s)
    peaks = grid.peaks(
        maps.detach().cpu(),
        max_peaks=max_sources,
        threshold=threshold,
        separation_deg=separation_deg,
    )
    frame, rank = (peaks.point >= 0).nonzero().unbind(dim=1)
    direction = grid.directions[peaks.point[frame, rank]]
    label = torch.zeros_like(frame)
    events = Events(frame, label, direction, num_frames=len(maps), frame_s=frame_s)
    return link_sources(events, max_jump_deg=max_jump_deg, memory_s=memory_s)
