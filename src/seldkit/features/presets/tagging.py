"""Front-ends of the audio-tagging networks that SELD systems start from: PANNs and YAMNet."""

from typing import Literal

from seldkit._builders import builder
from seldkit._checks import check_choice, integer
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.log_mel import LogMel
from seldkit.features.mel import MelFilterBank
from seldkit.features.stft import STFT

_FMAX = {32000: 14000.0, 16000: 8000.0, 8000: 4000.0}


@builder
def panns(*, sample_rate: Literal[32000, 16000, 8000] = 32000) -> FeatureExtractor:
    """Log-mel of PANNs (CNN14, E-PANNs): 1 channel, 64 mel bands.

    One channel (of FOA: W), Slaney mel scale and normalisation from 50 Hz on, decibels not below
    -100, a frame each 10 ms. A clip of 10 s has 1001 frames. There are weights of CNN14 for three
    rates, each with its own front-end:

    | `sample_rate` | FFT and window | hop | bands up to | weights |
    | ------------- | -------------- | --- | ----------- | ------- |
    | 32000         | 1024           | 320 | 14 kHz      | Cnn14, E-PANNs |
    | 16000         | 512            | 160 | 8 kHz       | Cnn14_16k |
    | 8000          | 256            | 80  | 4 kHz       | Cnn14_8k |

    Args:
        sample_rate: Sampling rate that the network was trained on, in hertz.

    Raises:
        ValueError: If there is no published front-end of this rate.

    Source: Kong et al., "PANNs: Large-scale pretrained audio neural networks for audio pattern
    recognition", IEEE/ACM TASLP 28, 2020; settings of the published code.
    """
    check_choice("sample_rate", integer("sample_rate", sample_rate), _FMAX)
    mel = MelFilterBank(64, fmin=50.0, fmax=_FMAX[sample_rate])
    n_fft, hop_length = 4 * sample_rate // 125, sample_rate // 100
    stft = STFT(n_fft=n_fft, hop_length=hop_length, sample_rate=sample_rate)
    return FeatureExtractor(stft, [LogMel(mel)], in_channels=1)


@builder
def yamnet(*, whole_patches: bool = True) -> FeatureExtractor:
    """Log-mel of YAMNet: 1 channel, 64 mel bands.

    One channel at 16 kHz (of FOA: W), FFT of 512, window 400 (25 ms), hop 160 (10 ms), magnitudes
    in 64 HTK mel bands of 125 to 7500 Hz, whose filters are triangles over mel with a peak of 1;
    then the natural logarithm of the band plus 0.001. The window of the first frame begins with
    the clip.

    Args:
        whole_patches: Continue the clip by silence until it fills whole patches of 96 frames, 48
            frames from one to the next, as the published one does. Otherwise there are
            `num_samples // 160` frames, which suits networks that label every frame.

    Source: Plakal and Ellis, YAMNet, published code in the TensorFlow model garden, 2020.
    """
    stft = STFT(
        n_fft=512,
        hop_length=160,
        win_length=400,
        sample_rate=16000,
        pad_mode="constant",
        last_frame=whole_patches,
        centered=False,
        patch=(96, 48) if whole_patches else None,
    )
    level = LogMel(yamnet_bands(), exponent=1, offset=0.001, log="natural")
    return FeatureExtractor(stft, [level], in_channels=1)


def yamnet_bands() -> MelFilterBank:
    """Return the mel bands of YAMNet, for a spectrum of any size and rate."""
    return MelFilterBank(64, fmin=125.0, fmax=7500.0, mel_scale="htk", norm=None, slope="mel")
