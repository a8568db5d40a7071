"""Levels of linear bins."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit.features import STFT, FeatureExtractor, LogMagnitude, RealSpectrum
from transforms import assert_compiles_and_exports


def noise(*shape: int) -> Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


def test_levels_by_hand() -> None:
    spectrum = torch.tensor([1 + 0j, 10j, 3 + 4j, 1e-9]).reshape(1, 1, 1, 4)
    expected = torch.tensor([0.0, 20.0, 13.9794, -100.0])
    torch.testing.assert_close(LogMagnitude()(spectrum).flatten(), expected)
    assert LogMagnitude(floor=0.01)(spectrum).min() == -20


def test_bins_that_are_kept() -> None:
    spectrum = noise(2, 4, 3, 17)
    every, some = LogMagnitude(), LogMagnitude((1, 9))
    torch.testing.assert_close(some(spectrum), every(spectrum)[..., 1:9])
    assert (every.num_bins, some.num_bins, some.num_channels(4)) == (None, 8, 4)
    extractor = FeatureExtractor(STFT(n_fft=32, hop_length=16), [some])
    waveform = torch.randn(1, 4, 320)
    features = extractor(waveform)
    assert features.shape == (1, 4, 21, extractor.num_bins) == (1, 4, 21, 8)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(50, dim=1)]
    torch.testing.assert_close(torch.cat([*chunks, stream.flush()], dim=1), features[0])


def test_channels_that_are_kept() -> None:
    spectrum = noise(2, 4, 3, 9)
    part = LogMagnitude((1, 9), channels=(2, 0))
    torch.testing.assert_close(part(spectrum), LogMagnitude((1, 9))(spectrum)[:, [2, 0]])
    assert part.num_channels(4) == 2


def test_precision_gradients_and_repr() -> None:
    spectrum, part = noise(1, 2, 3, 9).requires_grad_(), LogMagnitude((1, 9))
    assert torch.autograd.gradcheck(part, (spectrum,))
    assert part(spectrum.to(torch.complex64)).dtype == torch.float32
    silence = torch.zeros(1, 1, 2, 9, dtype=torch.complex64, requires_grad=True)
    level = part(silence)
    assert (level == -100).all()
    level.sum().backward()
    assert silence.grad is not None
    assert (silence.grad == 0).all()
    assert repr(part) == "LogMagnitude(bins=(1, 9), channels=None, floor=1e-10)"


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    part, spectrum = LogMagnitude((2, 8), channels=(0, 2)), noise(2, 3, 5, 17).to(torch.complex64)
    assert_compiles_and_exports(part, spectrum)
    real_valued: Any = RealSpectrum(spectrum.real, spectrum.imag)
    assert torch.equal(part(real_valued), part(spectrum))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"floor": 0.0}, "floor must be positive, got 0"),
        ({"bins": (-1, 3)}, "bins must be 0 <= first < stop, got -1 and 3"),
        ({"bins": (4, 4)}, "bins must be 0 <= first < stop, got 4 and 4"),
        ({"bins": (4, 10)}, "spectrum must have at least 10 bins, got 9"),
        ({"channels": ()}, r"channels must be counted from 0, one at least, got \(\)"),
        ({"channels": (0, -1)}, r"channels must be counted from 0, one at least, got \(0, -1\)"),
        ({"channels": (1,)}, r"channels must be below 1, as there are so many, got \(1,\)"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LogMagnitude(**settings)(noise(1, 1, 2, 9))


@pytest.mark.messages
def test_message_of_shapes() -> None:
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq\), got"):
        LogMagnitude()(noise(1, 2, 9))
