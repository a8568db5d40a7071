"""Front-ends: from waveform to `batch channel time freq`."""

from seldkit.features import presets
from seldkit.features.extractor import FeatureExtractor, Part
from seldkit.features.intensity import IntensityVector, intensity_vector
from seldkit.features.mel import LogMel, MelFilterBank
from seldkit.features.standardize import Standardize
from seldkit.features.stft import STFT

__all__ = [
    "STFT",
    "FeatureExtractor",
    "IntensityVector",
    "LogMel",
    "MelFilterBank",
    "Part",
    "Standardize",
    "intensity_vector",
    "presets",
]
