"""Output formats: the seam between a network's tensors and events."""

from seldkit.formats.accdoa import ACCDOA
from seldkit.formats.angular_grid import AngularGrid
from seldkit.formats.base import Dropped
from seldkit.formats.class_wise import ClassWise
from seldkit.formats.direct_path import DirectPathPhase
from seldkit.formats.multi_accdoa import MultiACCDOA
from seldkit.formats.track_wise import TrackWise

__all__ = ["ACCDOA", "AngularGrid", "ClassWise", "Dropped", "MultiACCDOA", "TrackWise"]
__all__ = ["ACCDOA", "ClassWise", "DirectPathPhase", "Dropped", "MultiACCDOA", "TrackWise"]
