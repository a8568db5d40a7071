"""Front-end of YAMNet."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.log_mel import LogMel
from seldkit.features.mel import MelFilterBank
from seldkit.features.stft import STFT


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
