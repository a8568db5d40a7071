"""The extractor of overlapping end-to-end learning: sizes of the paper, phases of the array."""

import math

import pytest
import torch

from seldkit._builders import built_by
from seldkit.arrays import ArrayGeometry
from seldkit.features import presets
from seldkit.geometry import unit_vector
from transforms import assert_compiles_and_exports


def test_sizes_of_the_paper() -> None:
    extractor = presets.overlapping_e2e()
    assert (extractor.num_channels, extractor.num_bins, extractor.sample_rate) == (15, 256, 16000)
    clip = 0.1 * torch.randn(1, 8, 67072)  # 4.192 s
    features = extractor(clip)
    assert features.shape == (1, 15, 262, 256)
    torch.testing.assert_close(extractor(clip[..., :65536]), features[:, :, :256])
    assert built_by(extractor) == ("overlapping_e2e", {})
    assert not extractor.state_dict()


def test_channels_are_a_level_and_phases() -> None:
    array, rate, n_fft, tone = ArrayGeometry.circle(4, radius_m=0.03), 8000, 256, 16
    hertz = tone * rate / n_fft
    delays = array.delays(unit_vector(torch.tensor(30.0), 0.0))
    time = torch.arange(8192) / rate - delays.unsqueeze(1)
    waveform = 0.5 * torch.sin(2 * math.pi * hertz * time)
    extractor = presets.overlapping_e2e(num_microphones=4, sample_rate=rate, n_fft=n_fft)
    features = extractor(waveform.unsqueeze(0))[0, :, 4, tone]
    level = 20 * math.log10(0.5 * n_fft / 4)  # half the amplitude times the sum of the window
    phases = 2 * math.pi * hertz * (delays[0] - delays[1:])
    wanted = torch.cat((torch.tensor([level]), phases.cos(), phases.sin()))
    torch.testing.assert_close(features, wanted, rtol=0, atol=1e-2)


def test_streams() -> None:
    extractor = presets.overlapping_e2e(num_microphones=2, n_fft=64, hop_length=32)
    waveform = torch.randn(2, 1000)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform.split(99, dim=1)]
    streamed = torch.cat([*chunks, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, extractor(waveform.unsqueeze(0))[0])


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    extractor = presets.overlapping_e2e(num_microphones=3, n_fft=64, hop_length=32)
    assert_compiles_and_exports(extractor, torch.randn(1, 3, 640))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="n_fft must be at least 1, got 0"):
        presets.overlapping_e2e(n_fft=0)
    with pytest.raises(ValueError, match="pairs need at least 2 channels, got 1"):
        presets.overlapping_e2e(num_microphones=1)
