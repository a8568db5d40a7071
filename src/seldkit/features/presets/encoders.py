"""Front-ends of encoders of spatial sound, for those who bring their weights."""

from seldkit._builders import builder
from seldkit._checks import check_count
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.intensity import IntensityVector
from seldkit.features.log_mel import LogMel
from seldkit.features.mel import MelFilterBank
from seldkit.features.phase import PhaseDifference
from seldkit.features.stft import STFT


@builder
def spatial_ast() -> FeatureExtractor:
    r"""Levels and phase difference of both ears, as Spatial-AST hears them: 4 channels, 128 bands.

    Binaural audio at 32 kHz, FFT and window of 1024, hop 320 (10 ms): the levels of the left and
    the right ear, then cosine and sine of the phase of the right ear less that of the left, summed
    in the same Slaney bands of 50 Hz to 14 kHz.

    The bands sum magnitudes, as the published code hands them to a bank of filters that expects
    powers: a level is $10 \log_{10}$ of the sum, half of what decibels of magnitudes are. Behind it
    the network standardises the levels and brings clips to 1024 frames by bicubic interpolation;
    neither is part of the features. A bin that is silent in one ear has neither cosine nor sine
    here, where the published code takes its phase to be 0.

    Source: Zheng et al., "BAT: Learning to reason about spatial sounds with large language models",
    ICML 2024, and the code of Spatial-AST.

    Examples:
        >>> import torch
        >>> spatial_ast()(torch.zeros(1, 2, 32000)).shape
        torch.Size([1, 4, 101, 128])
    """
    mel = MelFilterBank(128, fmin=50.0, fmax=14000.0)
    stft = STFT(n_fft=1024, hop_length=320, sample_rate=32000)
    level = LogMel(mel, exponent=1, log="half_db")
    return FeatureExtractor(stft, [level, PhaseDifference("cosine_sine", mel=mel)], in_channels=2)


@builder
def gram(*, sample_rate: int = 32000) -> FeatureExtractor:
    r"""Levels and intensity of FOA, as GRAM hears them: 7 channels, 128 bands.

    FFT and window of 1024, a hop of 10 ms, 128 HTK bands from 50 Hz to half the sampling rate whose
    peaks are 1: the natural logarithm of each band's power plus 1e-6, and
    $2 \operatorname{Re}(W^* V) / (|W|^2 + \lVert V \rVert^2 + 10^{-6})$ of the dipoles $V$, summed
    in the same bands.

    Channels stay in the order of the waveform: W, Y, Z, X and y, z, x of ACN. The published code
    takes them as they come, too, and calls them W, X, Y, Z: weights that were trained with FuMa's
    order want the channels in that order. It brings each clip to -14 dB of full scale first, which
    is not part of the features.

    Args:
        sample_rate: In hertz.

    Raises:
        ValueError: If the rate is not a multiple of 100.

    Source: GRAM, arXiv 2602.03307, and the published code of GRAM-T.

    Examples:
        >>> import torch
        >>> gram()(torch.zeros(1, 4, 32000)).shape
        torch.Size([1, 7, 101, 128])
    """
    check_count(sample_rate=sample_rate)
    if sample_rate % 100:
        raise ValueError(f"sample_rate must be a multiple of 100, got {sample_rate}")
    mel = MelFilterBank(128, fmin=50.0, mel_scale="htk", norm=None)
    stft = STFT(n_fft=1024, hop_length=sample_rate // 100, sample_rate=sample_rate)
    level = LogMel(mel, offset=1e-6, log="natural")
    intensity = IntensityVector(mel, norm="mean_energy", eps=0.5e-6)
    return FeatureExtractor(stft, [level, intensity], in_channels=4)
