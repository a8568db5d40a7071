"""Frames of the waveform, for networks that learn their features."""

from seldkit._builders import builder
from seldkit._checks import check_count
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.samples import Samples
from seldkit.features.stft import STFT


@builder
def ngcc_phat(
    *, num_microphones: int = 4, frame_length: int = 480, sample_rate: int = 24000
) -> FeatureExtractor:
    """What NGCC-PHAT reads: the waveform in frames of 20 ms, side by side.

    A last frame that the clip does not fill is left out.

    Args:
        num_microphones: Number of microphones.
        frame_length: Samples of a frame.
        sample_rate: Sampling rate, in hertz.

    Source: Berg et al., "The LU system for DCASE 2024 sound event localization and detection
    challenge", DCASE 2024.

    Examples:
        >>> import torch
        >>> ngcc_phat()(torch.zeros(1, 4, 24000)).shape
        torch.Size([1, 4, 50, 480])
    """
    check_count(frame_length=frame_length)
    stft = STFT(
        n_fft=frame_length,
        hop_length=frame_length,
        sample_rate=sample_rate,
        taper="none",
        centered=False,
        pad_mode="constant",
        last_frame=False,
    )
    return FeatureExtractor(stft, [Samples()], in_channels=num_microphones)
