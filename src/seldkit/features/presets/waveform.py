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
    return _in_frames(num_microphones, frame_length, sample_rate)


@builder
def waveform_blocks(
    *, num_channels: int = 4, sample_rate: int = 24000, block_size: int = 300
) -> FeatureExtractor:
    """The waveform in blocks, as [`sound_doa`][seldkit.models.sound_doa] and its relatives read it.

    A last block that the clip does not fill is left out.

    Args:
        num_channels: Channels of the waveform.
        sample_rate: Sampling rate, in hertz.
        block_size: Samples of a block: 300 at 24 kHz are 12.5 ms.

    Examples:
        >>> import torch
        >>> extractor, clip = waveform_blocks(num_channels=2), torch.randn(1, 2, 3000)
        >>> extractor.frame_rate, extractor(clip).shape
        (80.0, torch.Size([1, 2, 10, 300]))
        >>> torch.allclose(extractor(clip).flatten(2), clip, atol=1e-5)
        True
    """
    check_count(block_size=block_size)
    return _in_frames(num_channels, block_size, sample_rate)


def _in_frames(channels: int, length: int, sample_rate: int) -> FeatureExtractor:
    """Return what cuts a waveform into frames that lie side by side."""
    stft = STFT(
        n_fft=length,
        hop_length=length,
        sample_rate=sample_rate,
        taper="none",
        centered=False,
        pad_mode="constant",
        last_frame=False,
    )
    return FeatureExtractor(stft, [Samples()], in_channels=channels)
