"""Extractor of overlapping end-to-end learning, for arrays of microphones."""

from seldkit._builders import builder
from seldkit._checks import check_count
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.magnitude import LogMagnitude
from seldkit.features.phase import PhaseDifference
from seldkit.features.stft import STFT


@builder
def overlapping_e2e(
    *,
    num_microphones: int = 8,
    sample_rate: int = 16000,
    n_fft: int = 512,
    hop_length: int = 256,
) -> FeatureExtractor:
    """Level and phase differences of overlapping end-to-end learning: 15 channels, 256 bins.

    Eight microphones at 16 kHz, FFT and window of 512, hop 256 (16 ms), bins 0 to 255: the level of
    the first microphone in decibels, then the cosines and then the sines of the phase differences
    of the first microphone with each other one. The frame centred on the end of the clip is cut, so
    that 65536 samples give 256 frames: they are the first 256 of the paper's clips of 4.192 s.

    The paper states 15 channels of 256 bins and 256 frames; what they are and how they are made
    is a reconstruction.

    Args:
        num_microphones: Number of microphones; each one adds two channels.
        sample_rate: Sampling rate, in hertz.
        n_fft: Length of FFT and window, in samples; half of it is the number of bins.
        hop_length: Distance between frames, in samples.

    Source: Long et al., "Overlapping end-to-end learning" for sound source localisation, separation
    and classification.
    """
    check_count(n_fft=n_fft)
    bins = (0, n_fft // 2)
    stft = STFT(n_fft=n_fft, hop_length=hop_length, sample_rate=sample_rate, last_frame=False)
    level = LogMagnitude(bins, channels=(0,))
    phases = PhaseDifference("cosine_sine", bins=bins)
    return FeatureExtractor(stft, [level, phases], in_channels=num_microphones)
