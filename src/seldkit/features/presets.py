"""Feature extractors of published systems, equal to theirs."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.intensity import IntensityVector
from seldkit.features.mel import LogMel, MelFilterBank
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
    mel = MelFilterBank(num_mels, n_fft=1024, sample_rate=sample_rate, fmin=fmin)
    stft = STFT(n_fft=1024, hop_length=hop_length, sample_rate=sample_rate)
    return FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel, norm="unit")])


@builder
def dcase2023_foa() -> FeatureExtractor:
    """Log-mel and intensity vectors of the DCASE 2022 to 2024 baselines: 7 channels, 64 bands.

    FOA at 24 kHz, FFT 1024, window 960, hop 480 (20 ms), silence beyond the ends, 1e-8 added to the
    waveform, the last frame cut, Slaney mel bands from 0 to 12 kHz, levels raised to 80 dB below
    the loudest of the clip and channel; the intensity is divided by the energy, in the order
    y, z, x. Because of that `top_db` a clip's features depend on the whole clip.

    Source: Politis et al., "STARSS22: A dataset of spatial recordings of real scenes with
    spatiotemporal annotations of sound events", DCASE 2022; settings of the published baselines.
    """
    mel = MelFilterBank(64, n_fft=1024, sample_rate=24000)
    stft = STFT(
        n_fft=1024,
        hop_length=480,
        win_length=960,
        sample_rate=24000,
        pad_mode="constant",
        offset=1e-8,
        last_frame=False,
    )
    return FeatureExtractor(stft, [LogMel(mel, top_db=80.0), IntensityVector(mel, norm="energy")])
