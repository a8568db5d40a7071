"""Decisions and probabilities fitted to validation data: thresholds and temperatures."""

from seldkit.calibration.calibration_error import expected_calibration_error
from seldkit.calibration.f1 import F1Curve, f1_curve
from seldkit.calibration.search import search_thresholds
from seldkit.calibration.temperature import fit_temperature
from seldkit.calibration.thresholds import choose_thresholds

__all__ = [
    "F1Curve",
    "choose_thresholds",
    "expected_calibration_error",
    "f1_curve",
    "fit_temperature",
    "search_thresholds",
]
