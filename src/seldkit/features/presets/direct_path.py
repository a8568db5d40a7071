"""Extractors of networks that estimate the phases of the direct sound."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.normalized_spectrum import NormalizedSpectrum, SpectrumEncoding
from seldkit.features.stft import STFT


@builder
def srp_dnn(in_channels: int = 2, *, hop_length: int = 256) -> FeatureExtractor:
    """Levels and phases of SRP-DNN: two channels for each microphone, 256 bins.

    16 kHz, FFT and window of 512, hop 256 (16 ms): decimal logarithms of the magnitudes of all
    microphones over their running mean of 256 frames, then their angles, of bins 1 to 256. Twelve
    frames make one of the network.

    Args:
        in_channels: Number of microphones.
        hop_length: Distance between frames, in samples; five of 320 make labels of 100 ms.

    Source: Yang et al., "SRP-DNN: Learning direct-path phase difference for multiple moving sound
    source localization", ICASSP 2022; settings of the published code. How frames lie at the ends
    of a clip is ours: they are centred, as elsewhere here.

    Examples:
        >>> extractor = srp_dnn(4)
        >>> extractor.num_channels, extractor.num_bins
        (8, 256)
    """
    return _extractor("level_and_phase", 256, in_channels, hop_length)


@builder
def ipdnet(in_channels: int = 2, *, hop_length: int = 256) -> FeatureExtractor:
    """Spectra of FN-SSL and IPDnet: two channels for each microphone, 256 bins.

    As [`srp_dnn`][seldkit.features.presets.srp_dnn], but the real parts of all microphones over
    their running mean of 280 frames, then the imaginary parts.

    Args:
        in_channels: Number of microphones.
        hop_length: Distance between frames, in samples; five of 320 make labels of 100 ms.

    Source: Wang et al., "IPDnet: A universal direct-path IPD estimation network for sound source
    localization", IEEE/ACM TASLP 2024; settings of the published code.
    """
    return _extractor("real_and_imaginary", 280, in_channels, hop_length)


def _extractor(
    encoding: SpectrumEncoding, memory: int, in_channels: int, hop_length: int
) -> FeatureExtractor:
    stft = STFT(n_fft=512, hop_length=hop_length, sample_rate=16000)
    part = NormalizedSpectrum(encoding, memory=memory, bins=(1, 257))
    return FeatureExtractor(stft, [part], in_channels=in_channels)
