"""Heads: the last layers of a network, one for each output format."""

from seldkit.heads.accdoa import ACCDOAHead
from seldkit.heads.angular_grid import AngularGridHead
from seldkit.heads.class_wise import ClassWiseHead
from seldkit.heads.equirectangular import EquirectangularHead
from seldkit.heads.joint_track import JointTrackHead
from seldkit.heads.multi_accdoa import MultiACCDOAHead
from seldkit.heads.prior import set_prior
from seldkit.heads.track_wise import TrackWiseHead

__all__ = [
    "ACCDOAHead",
    "AngularGridHead",
    "ClassWiseHead",
    "EquirectangularHead",
    "JointTrackHead",
    "MultiACCDOAHead",
    "TrackWiseHead",
    "set_prior",
]
