"""SALSA of frames that come in bit by bit is SALSA of the clip."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.features import SALSA, presets

quick = settings(max_examples=20)
SMALL: dict[str, Any] = {"n_fft": 64, "sample_rate": 24000, "fmin_doa": 0.0}


def mixture(frames: int) -> Tensor:
    """Return the spectrum of a source in noise: two clips, 4 channels, 33 bins."""
    source = torch.randn(2, 1, frames, 33, dtype=torch.complex128)
    return source + 0.3 * torch.randn(2, 4, frames, 33, dtype=torch.complex128)


@quick
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any),
    st.sampled_from((None, 1.5)),
    st.sampled_from((None, 5.0)),
)
def test_runs_of_frames_give_what_the_clip_gives(
    sizes: list[int], noise_ratio: float | None, condition: float | None
) -> None:
    salsa = SALSA(noise_ratio=noise_ratio, condition=condition, **SMALL)
    spectrum = mixture(sum(sizes))
    stream = salsa.stream()
    parts = [stream.push(part) for part in spectrum.split(sizes, dim=2)]
    features = torch.cat([*parts, stream.flush()], dim=2)
    torch.testing.assert_close(features, salsa(spectrum))


def test_frames_come_out_three_frames_late() -> None:
    stream = SALSA(**SMALL).stream()
    counts = [stream.push(frame).shape[2] for frame in mixture(9).split(1, dim=2)]
    assert counts == [0, 0, 0, 0, 2, 1, 1, 1, 1]
    assert stream.flush().shape == (2, 7, 3, 25)


def test_the_extractor_streams_it() -> None:
    extractor = presets.salsa_foa(edges="clip")
    waveform, stream = torch.randn(4, 12000), extractor.stream()
    assert stream.latency == 256 + 4 * 300
    parts = [stream.push(chunk) for chunk in waveform.split(701, dim=1)]
    features = torch.cat([*parts, stream.flush()], dim=1)
    expected = extractor(waveform.unsqueeze(0))[0]
    different = (features - expected).abs().amax(dim=0) > 1e-4
    assert different.double().mean() < 1e-4  # tests are hard, transforms are rounded


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"SALSA\(edges='wrap'\) reads the last frames of a clip"):
        presets.salsa_foa().stream()
    with pytest.raises(RuntimeError, match="must be given a frame before its clip ends"):
        SALSA(**SMALL).stream().flush()
