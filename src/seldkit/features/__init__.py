"""Front-ends: from waveform to `batch channel time freq`."""

from seldkit.features import presets
from seldkit.features.agreement import visibility
from seldkit.features.autocorrelation import Autocorrelation
from seldkit.features.beam_energy import BeamEnergy
from seldkit.features.cross_correlation import GCCPHAT
from seldkit.features.dereverberation import DirectReverberant, direct_sound
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.gabor import GaborFilterbank
from seldkit.features.intensity import IntensityVector, intensity_vector
from seldkit.features.level import LevelDifference, MidSideLevel
from seldkit.features.log_mel import LogMel
from seldkit.features.magnitude import LogMagnitude
from seldkit.features.map_peak import PeakedMap, peaked_map
from seldkit.features.max_corr import MaxCorrFilterbank
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.mel import MelFilterBank
from seldkit.features.music import MUSIC
from seldkit.features.normalized_spectrum import NormalizedSpectrum
from seldkit.features.pair_selection import PairSelection
from seldkit.features.part import Part, PartStream
from seldkit.features.phase import PhaseDifference
from seldkit.features.real_spectrum import RealSpectrum
from seldkit.features.salsa import SALSA
from seldkit.features.salsa_lite import SALSALite
from seldkit.features.samples import Samples
from seldkit.features.sinc_filters import SincFilterbank
from seldkit.features.srp_phat import SRPPHAT
from seldkit.features.standardize import Standardize
from seldkit.features.stft import STFT
from seldkit.features.stream import FeatureStream
from seldkit.features.tdoa import TDOA, peak_place
from seldkit.features.turning import ChannelSwap

__all__ = [
    "GCCPHAT",
    "MUSIC",
    "SALSA",
    "SRPPHAT",
    "STFT",
    "TDOA",
    "Autocorrelation",
    "BeamEnergy",
    "ChannelMeaning",
    "ChannelSwap",
    "DirectReverberant",
    "FeatureExtractor",
    "FeatureStream",
    "GaborFilterbank",
    "IntensityVector",
    "LevelDifference",
    "LogMagnitude",
    "LogMel",
    "MaxCorrFilterbank",
    "MelFilterBank",
    "MidSideLevel",
    "NormalizedSpectrum",
    "PairSelection",
    "Part",
    "PartStream",
    "PeakedMap",
    "PhaseDifference",
    "RealSpectrum",
    "SALSALite",
    "Samples",
    "SincFilterbank",
    "Standardize",
    "direct_sound",
    "intensity_vector",
    "peak_place",
    "peaked_map",
    "presets",
    "visibility",
]
