"""Pictures: of events, of scores, and of what a network reads, says and learns."""

from seldkit.plot.events import plot_events
from seldkit.plot.ink import DARK_PALETTE, DASHES, PALETTE
from seldkit.plot.scene import plot_scene
from seldkit.plot.strokes import MAX_JUMP_DEG

__all__ = [
    "DARK_PALETTE",
    "DASHES",
    "MAX_JUMP_DEG",
    "PALETTE",
    "plot_events",
    "plot_scene",
]
