"""The presets for microphone arrays and stereo equal the published extractors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.features import FeatureExtractor, LogMel, presets

Golden = Callable[[str], Path]
Preset = Callable[..., FeatureExtractor]
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
PRESETS = [presets.dcase2023_mic, presets.dcase2025_stereo]
each_preset = pytest.mark.parametrize("preset", PRESETS)


def waveform_for(extractor: FeatureExtractor, *, batch: int = 1) -> Tensor:
    """Return noise with as many channels as the extractor takes."""
    return 0.1 * torch.randn(batch, extractor.in_channels, 7200)


@both_precisions
@pytest.mark.parametrize(
    ("clip", "name", "step"),
    [("mic_int16", "b2023_mic_gcc_a", 1), ("noise_int16", "b2023_mic_gcc_b", 10)],
)
def test_dcase2023_mic(golden: Golden, clip: str, name: str, step: int, dtype: torch.dtype) -> None:
    samples = np.load(golden("dcase/features_input.npz"))[clip]
    waveform = torch.from_numpy(samples.T.copy()).to(dtype)[None] / 32768
    expected = torch.from_numpy(np.load(golden("dcase/features_b2023.npz"))[name])
    expected = expected.reshape(-1, 10, 64).transpose(0, 1).to(dtype)
    features = presets.dcase2023_mic()(waveform)[0, :, ::step]
    assert features.dtype == dtype
    exact = dtype == torch.float64
    torch.testing.assert_close(features[:4], expected[:4], rtol=0, atol=1e-5 if exact else 1e-4)
    torch.testing.assert_close(features[4:], expected[4:], rtol=0, atol=5e-8 if exact else 2e-6)


@both_precisions
def test_dcase2025_stereo(golden: Golden, dtype: torch.dtype) -> None:
    arrays = np.load(golden("dcase/features_other.npz"))
    waveform = torch.from_numpy(arrays["b2025_stereo_in"]).to(dtype)[None]
    expected = torch.from_numpy(arrays["b2025_stereo_logmel"]).to(dtype)
    features = presets.dcase2025_stereo()(waveform)[0]
    assert features.dtype == dtype
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-4)


def test_the_levels_of_stereo_are_cut_below_the_loudest_of_both() -> None:
    waveform = torch.randn(2, 2, 7200) * torch.tensor([1.0, 1e-6]).reshape(1, 2, 1)
    levels = presets.dcase2025_stereo()(waveform)
    loudest = levels.amax(dim=(1, 2, 3))
    torch.testing.assert_close(levels[:, 1].amin(dim=(1, 2)), loudest - 80)
    free = presets.dcase2025_stereo(top_db=None)(waveform)
    assert free[:, 1].max() < loudest.min() - 100


@each_preset
def test_batches_equal_their_items_and_nothing_is_held(preset: Preset) -> None:
    extractor = preset()
    waveform = waveform_for(extractor, batch=3)
    batch = extractor(waveform)
    items = torch.cat([extractor(item[None]) for item in waveform])
    torch.testing.assert_close(batch, items, rtol=1e-5, atol=1e-5)
    assert not extractor.state_dict()
    assert built_by(extractor) == (preset.__name__, {})
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(extractor(waveform), batch)


@each_preset
@both_precisions
def test_silence_clipping_and_a_constant_are_finite(preset: Preset, dtype: torch.dtype) -> None:
    extractor = preset()
    for waveform in (
        torch.zeros_like(waveform_for(extractor)),
        torch.ones_like(waveform_for(extractor)),
        (1e3 * waveform_for(extractor)).clamp(-1, 1),
    ):
        waveform = waveform.to(dtype).requires_grad_()
        features = extractor(waveform)
        assert features.isfinite().all()
        features.square().sum().backward()
        assert waveform.grad is not None
        assert waveform.grad.isfinite().all()


def test_digital_silence_correlates_like_a_constant() -> None:
    silence = torch.zeros(1, 4, 7200)
    correlation = presets.dcase2023_mic()(silence)[0, 4:, 2:-2]
    wanted = presets.dcase2023_mic()(silence.double())[0, 4:, 2:-2]
    assert (correlation.argmax(dim=2) == 32).all()
    assert (wanted.argmax(dim=2) == 32).all()


@each_preset
def test_the_variant_without_top_db_streams(preset: Preset) -> None:
    with pytest.raises(ValueError, match="top_db"):
        preset().stream()
    extractor = preset(top_db=None)
    waveform = waveform_for(extractor)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(1000, dim=1)]
    streamed = torch.cat([*chunks, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, extractor(waveform)[0], rtol=1e-5, atol=1e-5)
    level = extractor.parts[0]
    assert isinstance(level, LogMel)
    assert level.top_db is None


@pytest.mark.transforms
@each_preset
def test_compiles_and_exports(preset: Preset) -> None:
    extractor = preset()
    waveform = waveform_for(extractor)
    torch.compiler.reset()
    compiled = torch.compile(extractor, fullgraph=True, backend="aot_eager")
    expected = extractor(waveform)
    torch.testing.assert_close(compiled(waveform), expected, rtol=1e-4, atol=1e-4)
    exported = torch.export.export(extractor, (waveform,)).module()
    torch.testing.assert_close(exported(waveform), expected, rtol=1e-4, atol=1e-4)
