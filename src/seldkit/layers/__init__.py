"""Layers that SELD networks are made of."""

from seldkit.layers.branches import SharedBranch, StitchedBranches, TrackEncoders
from seldkit.layers.conv import DoubleConv
from seldkit.layers.cross_stitch import CrossStitch
from seldkit.layers.positions import SinusoidalPositions

__all__ = [
    "CrossStitch",
    "DoubleConv",
    "SharedBranch",
    "SinusoidalPositions",
    "StitchedBranches",
    "TrackEncoders",
]
