"""Pictures: of events, of scores, and of what a network reads, says and learns."""

from seldkit.plot.activity import plot_activity
from seldkit.plot.angle_errors import plot_angle_errors
from seldkit.plot.class_scores import plot_class_scores
from seldkit.plot.events import plot_events
from seldkit.plot.features import plot_features
from seldkit.plot.ink import DARK_PALETTE, DASHES, PALETTE
from seldkit.plot.maps import animate_maps, plot_maps
from seldkit.plot.overlap import plot_overlap
from seldkit.plot.polar import plot_polar
from seldkit.plot.scene import plot_scene
from seldkit.plot.sky import plot_sky
from seldkit.plot.strokes import MAX_JUMP_DEG
from seldkit.plot.thresholds import plot_thresholds
from seldkit.plot.training import plot_training

__all__ = [
    "DARK_PALETTE",
    "DASHES",
    "MAX_JUMP_DEG",
    "PALETTE",
    "animate_maps",
    "plot_activity",
    "plot_angle_errors",
    "plot_class_scores",
    "plot_events",
    "plot_features",
    "plot_maps",
    "plot_overlap",
    "plot_polar",
    "plot_scene",
    "plot_sky",
    "plot_thresholds",
    "plot_training",
]
