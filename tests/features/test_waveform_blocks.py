"""The waveform in blocks: exact, turned, streamed, exported."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.features import STFT, FeatureExtractor, WaveformBlocks, presets


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(40, 300))
def test_blocks_are_the_waveform(half_block: int, samples: int) -> None:
    size = 2 * half_block
    samples = max(samples, 3 * size)
    waveform = torch.randn(2, 3, samples, dtype=torch.float64)
    blocks = presets.waveform(num_channels=3, block_size=size)(waveform)
    assert blocks.shape == (2, 3, samples // size, size)
    joined = blocks.flatten(2)
    assert joined[..., :half_block].abs().max() < 1e-12
    length = joined.shape[-1] - half_block
    torch.testing.assert_close(joined[..., half_block:], waveform[..., :length])


def test_turned_and_streamed() -> None:
    extractor, waveform = presets.waveform(block_size=20), torch.randn(1, 4, 200)
    blocks = extractor(waveform)
    mirrored = waveform * torch.tensor([1.0, -1, 1, 1]).reshape(4, 1)
    turned = extractor.turn(blocks, torch.diag(torch.tensor([1, -1, 1])), array="foa")
    torch.testing.assert_close(turned, extractor(mirrored))
    stream = extractor.stream()
    made = [stream.push(chunk) for chunk in waveform[0].split(33, dim=1)]
    torch.testing.assert_close(torch.cat([*made, stream.flush()], dim=1), blocks[0])


@pytest.mark.transforms
def test_without_complex_numbers() -> None:
    extractor, waveform = presets.waveform(block_size=20), torch.randn(1, 4, 200)
    exported: Tensor = extractor.for_export()(waveform)
    torch.testing.assert_close(exported, extractor(waveform), rtol=0, atol=1e-5)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="block_size must be even, got 3"):
        WaveformBlocks(3)
    with pytest.raises(ValueError, match="block_size must be half of n_fft=32, got 10"):
        FeatureExtractor(STFT(n_fft=32, hop_length=16, sample_rate=8000), [WaveformBlocks(10)])
