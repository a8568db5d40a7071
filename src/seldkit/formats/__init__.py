"""Output formats: the seam between a network's tensors and events."""

from seldkit.formats.accdoa import ACCDOA
from seldkit.formats.base import Dropped
from seldkit.formats.class_wise import ClassWise
from seldkit.formats.dense_map import DenseMap
from seldkit.formats.multi_accdoa import MultiACCDOA
from seldkit.formats.track_wise import TrackWise

__all__ = [
    "ACCDOA",
    "ClassWise",
    "DenseMap",
    "Dropped",
    "MultiACCDOA",
    "TrackWise",
]
