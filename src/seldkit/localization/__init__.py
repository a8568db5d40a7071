"""Where sounds come from, without a network: from a recording of an array to tracks."""

from seldkit.localization.recording import localize
from seldkit.localization.search import search_grid
from seldkit.localization.tracking import (
    DirectionTracker,
    TrackedFrame,
    link_sources,
    track_directions,
)
from seldkit.localization.tracks import map_events

__all__ = [
    "DirectionTracker",
    "TrackedFrame",
    "link_sources",
    "localize",
    "map_events",
    "search_grid",
    "track_directions",
]
