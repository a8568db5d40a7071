"""Extractor for networks that read the waveform."""

from seldkit._builders import builder
from seldkit._checks import check_count
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.samples import Samples
from seldkit.features.stft import STFT


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
    stft = STFT(
        n_fft=block_size,
        hop_length=block_size,
        sample_rate=sample_rate,
        taper="none",
        centered=False,
        pad_mode="constant",
        last_frame=False,
    )
    return FeatureExtractor(stft, [Samples()], in_channels=num_channels)
