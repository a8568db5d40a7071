"""The waveform in blocks, as an extractor of its own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.features import presets


@settings(max_examples=15)
@given(st.integers(1, 40), st.integers(40, 300))
def test_blocks_are_the_waveform(size: int, samples: int) -> None:
    waveform = torch.randn(2, 3, samples, dtype=torch.float64)
    blocks = presets.waveform_blocks(num_channels=3, block_size=size)(waveform)
    assert blocks.shape == (2, 3, samples // size, size)
    whole = samples // size * size
    torch.testing.assert_close(blocks.flatten(2), waveform[..., :whole])


def test_turned_and_streamed() -> None:
    extractor, waveform = presets.waveform_blocks(block_size=20), torch.randn(1, 4, 200)
    blocks = extractor(waveform)
    mirrored = waveform * torch.tensor([1.0, -1, 1, 1]).reshape(4, 1)
    turned = extractor.turn(blocks, torch.diag(torch.tensor([1, -1, 1])), array="foa")
    torch.testing.assert_close(turned, extractor(mirrored))
    stream = extractor.stream()
    made = [stream.push(chunk) for chunk in waveform[0].split(33, dim=1)]
    torch.testing.assert_close(torch.cat([*made, stream.flush()], dim=1), blocks[0])


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="block_size must be at least 1, got 0"):
        presets.waveform_blocks(block_size=0)
