"""Extractor for networks that read the waveform."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.stft import STFT
from seldkit.features.waveform_blocks import WaveformBlocks


@builder
def waveform(
    *, num_channels: int = 4, sample_rate: int = 24000, block_size: int = 300
) -> FeatureExtractor:
    """The waveform in blocks, as [`sound_doa`][seldkit.models.sound_doa] and its relatives read it.

    Block `i` lies around sample `i * block_size`; there is silence before the clip. Of a clip whose
    length is a whole number of blocks the last half of a block is not in it.

    Args:
        num_channels: Channels of the waveform.
        sample_rate: Sampling rate, in hertz.
        block_size: Samples of a block, even: 300 at 24 kHz are 12.5 ms.

    Examples:
        >>> extractor = waveform(num_channels=2)
        >>> extractor.num_channels, extractor.num_bins, extractor.frame_rate
        (2, 300, 80.0)
    """
    blocks = WaveformBlocks(block_size)
    stft = STFT(
        n_fft=2 * block_size,
        hop_length=block_size,
        sample_rate=sample_rate,
        pad_mode="constant",
        last_frame=False,
    )
    return FeatureExtractor(stft, [blocks], in_channels=num_channels)
