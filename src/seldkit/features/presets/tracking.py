"""Extractors of networks that follow talkers with microphone arrays."""

from seldkit._builders import builder
from seldkit.arrays import ArrayGeometry
from seldkit.features.cross_correlation import GCCPHAT
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.map_peak import PeakedMap
from seldkit.features.pair_selection import PairSelection
from seldkit.features.srp_phat import SRPPHAT, Lags
from seldkit.features.stft import STFT
from seldkit.grids import DirectionGrid


@builder
def cross3d(
    array: ArrayGeometry | None = None,
    grid_shape: tuple[int, int] = (16, 32),
    *,
    upper_half: bool = False,
    lags: Lags = "whole",
    sample_rate: int = 16000,
    n_fft: int = 4096,
    hop_length: int = 3072,
) -> FeatureExtractor:
    """Maps of SRP-PHAT and the place of their maximum, as Cross3D reads them: 3 channels.

    16 kHz, FFT and window of 4096 that begin every 3072 samples (192 ms), without the mean of the
    map and divided by the greatest value that is left. The published system sets all channels of
    frames to zero that its detector of voices finds less than two thirds voiced: do so with a
    detector of your own. A last frame that the clip does not fill ends in silence here.

    Args:
        array: The microphones, in the order of the channels; the MIC format of DCASE if None.
        grid_shape: Rows and columns of the map, elevations and azimuths of
            [`DirectionGrid.equiangular`][seldkit.grids.DirectionGrid.equiangular].
        upper_half: End at elevation 0: a level array cannot tell above from below.
        lags: Delays of the nearest `"whole"` samples, as published, or `"exact"` ones, without
            which small arrays cannot tell many directions apart.
        sample_rate: Sampling rate, in hertz.
        n_fft: Length of FFT and window, in samples.
        hop_length: Distance between frames, in samples.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021; settings of the published code.
    """
    array = ArrayGeometry.tetrahedron() if array is None else array
    grid = DirectionGrid.equiangular(*grid_shape, upper_half=upper_half)
    stft = _frames_from_their_start(sample_rate, n_fft, hop_length)
    part = PeakedMap(SRPPHAT(array, grid, lags=lags, scale="frame"))
    return FeatureExtractor(stft, [part], in_channels=array.num_channels)


@builder
def neural_srp(
    array: ArrayGeometry | None = None,
    *,
    selection: PairSelection | None = None,
    absolute: bool = True,
    sample_rate: int = 16000,
    n_fft: int = 640,
    hop_length: int = 320,
) -> FeatureExtractor:
    """Absolute GCC-PHAT of pairs of microphones, as Neural-SRP reads it: a channel for each pair.

    FFT and window of 640 samples, half of it from one to the next, and lags of -32 to 31 samples,
    positive where the first microphone of a pair hears a sound after the second. These are the
    settings for TAU-NIGENS; those for LOCATA are `n_fft=4096, hop_length=3072`. The sampling rate
    is that of the published settings, with which five frames make a label of 100 ms; TAU-NIGENS
    itself has 24 kHz. A last frame that the clip does not fill ends in silence here.

    Args:
        array: The microphones, in the order of the channels; the MIC format of DCASE if None.
        selection: Which pairs; all if None. The network must be told the same.
        absolute: Whether correlations lose their sign, as published.
        sample_rate: Sampling rate, in hertz.
        n_fft: Length of FFT and window, in samples.
        hop_length: Distance between frames, in samples.

    Source: Grinstein et al., "The Neural-SRP method for universal robust multi-source tracking",
    IEEE OJSP 5, 2024; settings of the published code.
    """
    array = ArrayGeometry.tetrahedron() if array is None else array
    pairs = None if selection is None else selection(array)
    stft = _frames_from_their_start(sample_rate, n_fft, hop_length)
    part = GCCPHAT(64, pairs=pairs, conjugate="second", absolute=absolute)
    return FeatureExtractor(stft, [part], in_channels=array.num_channels)


def _frames_from_their_start(sample_rate: int, n_fft: int, hop_length: int) -> STFT:
    """Return a transform whose frames begin every hop, the first with the clip."""
    return STFT(
        n_fft=n_fft,
        hop_length=hop_length,
        sample_rate=sample_rate,
        pad_mode="constant",
        centered=False,
    )
