"""Front-end of the audio-tagging networks that SELD systems start from."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.mel import LogMel, MelFilterBank
from seldkit.features.stft import STFT


@builder
def panns() -> FeatureExtractor:
    """Log-mel of PANNs (CNN14, E-PANNs): 1 channel, 64 mel bands.

    One channel at 32 kHz (of FOA: W), FFT and window of 1024, hop 320 (10 ms), Slaney mel scale and
    normalisation from 50 Hz to 14 kHz, decibels not below -100. A clip of 10 s has 1001 frames.

    Source: Kong et al., "PANNs: Large-scale pretrained audio neural networks for audio pattern
    recognition", IEEE/ACM TASLP 28, 2020; settings of the published code.
    """
    mel = MelFilterBank(64, n_fft=1024, sample_rate=32000, fmin=50.0, fmax=14000.0)
    stft = STFT(n_fft=1024, hop_length=320, sample_rate=32000)
    return FeatureExtractor(stft, [LogMel(mel)], in_channels=1)
