"""One transform, any parts: what an extractor promises."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seldkit.features import (
    STFT,
    FeatureExtractor,
    IntensityVector,
    LogMel,
    MelFilterBank,
    Part,
    presets,
)

PRESETS = [presets.ein_seld, presets.dcase2023_foa]
each_preset = pytest.mark.parametrize("preset", PRESETS)
Preset = Callable[[], FeatureExtractor]


class Magnitude(nn.Module):
    """A part of a user's own."""

    num_bins = None

    def num_channels(self, in_channels: int) -> int:
        """Return one for each channel."""
        return in_channels

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the magnitude of each bin."""
        return spectrum.abs()


def test_parts_follow_one_another() -> None:
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    mel = MelFilterBank(8, n_fft=64, sample_rate=16000)
    parts: list[Part] = [IntensityVector(mel), LogMel(mel)]
    extractor = FeatureExtractor(stft, parts)
    waveform = torch.randn(2, 4, 320)
    spectrum = stft(waveform)
    features = extractor(waveform)
    assert torch.equal(features[:, :3], parts[0](spectrum))
    assert torch.equal(features[:, 3:], parts[1](spectrum))
    assert features.shape == (2, extractor.num_channels, 11, extractor.num_bins)
    assert (extractor.num_channels, extractor.num_bins) == (7, 8)
    assert (extractor.sample_rate, extractor.frame_rate) == (16000, 500.0)


def test_a_part_of_ones_own_in_linear_bins() -> None:
    part = Magnitude()
    assert isinstance(part, Part)
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32), [part], in_channels=2)
    features = extractor(torch.randn(1, 2, 320))
    assert features.shape == (1, extractor.num_channels, 11, extractor.num_bins) == (1, 2, 11, 33)


@each_preset
def test_batches_equal_their_items(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(3, 4, 4800)
    batch = extractor(waveform)
    items = torch.cat([extractor(item.unsqueeze(0)) for item in waveform])
    torch.testing.assert_close(batch, items)


@each_preset
def test_the_precision_of_the_input_is_kept_and_no_state_is_held(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(1, 4, 4800, dtype=torch.float64)
    double, single = extractor(waveform), extractor(waveform.float())
    assert (double.dtype, single.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-3)
    assert not extractor.state_dict()
    assert not list(extractor.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(waveform.float()), single)
    assert extractor.float()(waveform.float()).dtype == torch.float32


@each_preset
def test_gradients_reach_the_waveform(preset: Preset) -> None:
    waveform = torch.randn(1, 4, 4800, requires_grad=True)
    preset()(waveform).sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.isfinite().all()
    assert (waveform.grad != 0).any()


@pytest.mark.transforms
@each_preset
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_without_breaks(preset: Preset, backend: str) -> None:
    extractor, waveform = preset(), torch.randn(2, 4, 4800)
    torch.compiler.reset()
    compiled = torch.compile(extractor, fullgraph=True, backend=backend)
    torch.testing.assert_close(compiled(waveform), extractor(waveform))


@pytest.mark.transforms
@each_preset
def test_exports(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(2, 4, 4800)
    exported = torch.export.export(extractor, (waveform,))
    torch.testing.assert_close(exported.module()(waveform), extractor(waveform))


@pytest.mark.messages
def test_messages() -> None:
    stft = STFT(n_fft=64, hop_length=32)
    with pytest.raises(ValueError, match="parts must hold at least one feature, got none"):
        FeatureExtractor(stft, [])
    mel = MelFilterBank(8, n_fft=64, sample_rate=24000)
    with pytest.raises(ValueError, match=r"parts must have one number of bins, got \[8, 33\]"):
        FeatureExtractor(stft, [LogMel(mel), IntensityVector()])
    with pytest.raises(ValueError, match="needs the 4 channels of FOA, got 2"):
        FeatureExtractor(stft, [IntensityVector()], in_channels=2)
    extractor = FeatureExtractor(stft, [LogMel(mel)])
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel=4, sample\), got"):
        extractor(torch.zeros(1, 2, 100))
