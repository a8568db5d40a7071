"""Grids of directions, on which maps of the sphere are computed, read and drawn."""

from seldkit.grids.cells import AngularCells
from seldkit.grids.grid import DirectionGrid
from seldkit.grids.peaks import Peaks

__all__ = ["AngularCells", "DirectionGrid", "Peaks"]
