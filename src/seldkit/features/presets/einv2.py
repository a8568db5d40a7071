"""Extractors of EIN-SELD (EINV2) and of the systems that descend from it."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.intensity import IntensityVector
from seldkit.features.log_mel import LogMel
from seldkit.features.mel import MelFilterBank, MelScale
from seldkit.features.stft import STFT


@builder
def ein_seld(
    *, sample_rate: int = 24000, hop_length: int = 600, num_mels: int = 256, fmin: float = 20.0
) -> FeatureExtractor:
    """Log-mel and unit intensity vectors of EIN-SELD (EINV2): 7 channels, 256 mel bands.

    FOA at 24 kHz, FFT and window of 1024, hop 600 (25 ms), Slaney mel scale and normalisation from
    20 Hz to half the sampling rate; the intensity is of unit length in each bin before the mel
    bands sum it, in the order y, z, x. A clip of 4 s has 161 frames.

    Args:
        sample_rate: Sampling rate, in hertz.
        hop_length: Distance between frames, in samples.
        num_mels: Number of mel bands; smaller networks take fewer.
        fmin: Lower edge of the lowest band, in hertz.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021; settings of the published EIN-SELD code.
    """
    return _unit_intensity(sample_rate, hop_length, num_mels, "slaney", fmin)


@builder
def dcase2022_task3() -> FeatureExtractor:
    """Log-mel and unit intensity vectors of the DCASE2022-TASK3 system: 7 channels, 128 bands.

    [`ein_seld`][seldkit.features.presets.ein_seld] with a hop of 300 (12.5 ms) and 128 mel bands. A
    clip of 5 s has 401 frames.

    Source: Hu et al., "Sound event localization and detection for real spatial sound scenes:
    event-independent network and data augmentation chains", DCASE 2022; settings of the published
    DCASE2022-TASK3 code.
    """
    return _unit_intensity(24000, 300, 128, "slaney")


@builder
def l3das22_task2() -> FeatureExtractor:
    """Log-mel and unit intensity vectors of the L3DAS22-TASK2 system: 7 channels, 128 bands.

    [`ein_seld`][seldkit.features.presets.ein_seld] at 32 kHz with a hop of 400 (12.5 ms) and 128
    mel bands from 20 Hz to 16 kHz, of one FOA microphone. A clip of 5 s has 401 frames. For both
    microphones the published system puts the seven channels of B after those of A: extract them as
    a batch of two and flatten.

    Source: Hu et al., "A track-wise ensemble event independent network for polyphonic sound event
    localization and detection", ICASSP 2022; settings of the published L3DAS22-TASK2 code, which
    the networks of the ROAM paper share.
    """
    return _unit_intensity(32000, 400, 128, "slaney")


@builder
def pseldnets(*, sample_rate: int = 24000, hop_length: int = 240) -> FeatureExtractor:
    """Log-mel and unit intensity vectors of PSELDNets: 7 channels, 64 mel bands on HTK's scale.

    FOA at 24 kHz, FFT and window of 1024, hop 240 (10 ms), 64 bands from 20 Hz to half the sampling
    rate with Slaney's area normalisation; otherwise like
    [`ein_seld`][seldkit.features.presets.ein_seld]. The bands lie elsewhere than on Slaney's scale:
    a published network does not understand those. A clip of 10 s has 1001 frames.

    Args:
        sample_rate: Sampling rate, in hertz; 32000 for L3DAS22.
        hop_length: Distance between frames, in samples; 320 for L3DAS22.

    Source: Hu et al., "PSELDNets: Pre-trained neural networks on a large-scale synthetic dataset
    for sound event localization and detection", 2024; settings of the published code.
    """
    return _unit_intensity(sample_rate, hop_length, 64, "htk")


def _unit_intensity(
    sample_rate: int, hop_length: int, num_mels: int, mel_scale: MelScale, fmin: float = 20.0
) -> FeatureExtractor:
    mel = MelFilterBank(num_mels, fmin=fmin, mel_scale=mel_scale)
    stft = STFT(n_fft=1024, hop_length=hop_length, sample_rate=sample_rate)
    return FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel, norm="unit")])
