"""First-order ambisonics (FOA): conventions, plane waves, recordings of arrays, and beams.

Inside seldkit FOA is always in ACN order (W, Y, Z, X) with SN3D normalisation, also called AmbiX:
a plane wave has `W = s` and `(Y, Z, X) = s * (y, z, x)` of its unit vector.
"""

from seldkit.ambisonics.beams import beam
from seldkit.ambisonics.conventions import AXIS_TO_CHANNEL, convert, plane_wave, plane_wave_gains
from seldkit.ambisonics.conventions import Normalization as Normalization
from seldkit.ambisonics.conventions import Order as Order
from seldkit.ambisonics.encoding import encode, usable_band_hz
from seldkit.ambisonics.findings import Findings, RecordingWarning, check

__all__ = [
    "AXIS_TO_CHANNEL",
    "Findings",
    "RecordingWarning",
    "beam",
    "check",
    "convert",
    "encode",
    "plane_wave",
    "plane_wave_gains",
    "usable_band_hz",
]
