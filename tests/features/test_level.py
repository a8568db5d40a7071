"""Level features of stereo: mid, side and the difference between left and right."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.ambisonics import plane_wave
from seldkit.features import (
    STFT,
    FeatureExtractor,
    LevelDifference,
    LogMagnitude,
    LogMel,
    MelFilterBank,
    MidSideLevel,
    Part,
    RealSpectrum,
)
from seldkit.geometry import unit_vector

quick = settings(max_examples=40)
mel = MelFilterBank(4, n_fft=32, sample_rate=16000)
stft = STFT(n_fft=32, hop_length=16, sample_rate=16000)
PARTS: list[Any] = [MidSideLevel(), MidSideLevel(mel), LevelDifference(), LevelDifference(mel)]
each_part = pytest.mark.parametrize("part", PARTS, ids=["mid", "mid-mel", "ild", "ild-mel"])


def noise(*shape: int) -> Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


def stereo_of(foa: Tensor) -> Tensor:
    """Return left and right, two cardioids back to back, as DCASE 2025 makes them of FOA."""
    return torch.stack((foa[0] + foa[1], foa[0] - foa[1]))


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_mid_and_side_are_the_channels_of_foa_that_stereo_keeps(
    azimuth: float, elevation: float
) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    foa = plane_wave(torch.randn(640, dtype=torch.float64), direction)
    level = MidSideLevel()(stft(stereo_of(foa)[None]))
    torch.testing.assert_close(level, LogMagnitude()(stft(foa[None, :2])), rtol=0, atol=1e-6)


@quick
@given(st.floats(-80, 80))
def test_the_louder_side_is_where_the_source_is(azimuth: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), 0.0)
    foa = plane_wave(torch.randn(640, dtype=torch.float64), direction)
    difference = LevelDifference(mel)(stft(stereo_of(foa)[None]))
    left, right = 1 + direction[1], 1 - direction[1]
    expected = 20 * (left / right).log10()
    torch.testing.assert_close(difference, expected.expand_as(difference), rtol=0, atol=1e-3)


def test_a_weak_side_is_not_lost_in_rounding() -> None:
    middle = torch.randn(1, 1, 3, 17, dtype=torch.complex64)
    side = 1e-4 * torch.randn(1, 1, 3, 17, dtype=torch.complex64)
    level = MidSideLevel(floor=1e-16)(torch.cat((middle + side, middle - side), dim=1))
    torch.testing.assert_close(level[:, 1:], LogMagnitude()(side), rtol=0, atol=0.2)
    assert (MidSideLevel()(middle.expand(1, 2, 3, 17))[:, 1] == -100).all()


def test_mel_bands_sum_powers() -> None:
    spectrum = noise(2, 2, 3, 17)
    level = LogMel(mel)(spectrum)
    torch.testing.assert_close(LevelDifference(mel)(spectrum), level[:, :1] - level[:, 1:])
    left, right = spectrum[:, :1], spectrum[:, 1:]
    mid_side = torch.cat((left + right, left - right), dim=1) / 2
    torch.testing.assert_close(MidSideLevel(mel)(spectrum), LogMel(mel)(mid_side))
    torch.testing.assert_close(MidSideLevel()(spectrum), LogMagnitude()(mid_side))


def test_pairs_of_more_channels() -> None:
    spectrum = noise(1, 4, 2, 9)
    level = LogMagnitude()(spectrum)
    difference = LevelDifference(pairs=[(3, 1), (0, 2)])
    expected = torch.stack((level[:, 3] - level[:, 1], level[:, 0] - level[:, 2]), dim=1)
    torch.testing.assert_close(difference(spectrum), expected)
    assert (difference.num_channels(4), LevelDifference().num_channels(4)) == (2, 6)


@each_part
def test_silence_is_finite_and_has_no_difference(part: nn.Module) -> None:
    silence = torch.zeros(1, 2, 3, 17, dtype=torch.complex64, requires_grad=True)
    level = part(silence)
    assert (level == (0 if isinstance(part, LevelDifference) else -100)).all()
    level.sum().backward()
    assert silence.grad is not None
    assert (silence.grad == 0).all()


@each_part
def test_gradients_and_precision(part: nn.Module) -> None:
    spectrum = noise(1, 2, 2, 17).requires_grad_()
    assert torch.autograd.gradcheck(part, (spectrum,))
    expected = part(spectrum)
    single = part(spectrum.to(torch.complex64))
    assert (single.dtype, expected.dtype) == (torch.float32, torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(part(spectrum.to(torch.complex64)), single)
    assert not part.state_dict()


def test_they_stand_beside_each_other_and_stream() -> None:
    parts: list[Part] = [LogMel(mel), MidSideLevel(mel), LevelDifference(mel)]
    extractor = FeatureExtractor(stft, parts, in_channels=2)
    waveform = torch.randn(1, 2, 320)
    features = extractor(waveform)
    assert features.shape == (1, 5, 21, 4)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(50, dim=1)]
    streamed = torch.cat([*chunks, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, features[0], rtol=0, atol=1e-4)


@pytest.mark.transforms
@each_part
def test_compiles_and_exports(part: nn.Module) -> None:
    spectrum = noise(2, 2, 5, 17).to(torch.complex64)
    torch.compiler.reset()
    compiled = torch.compile(part, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(spectrum), part(spectrum))
    real_valued: Any = RealSpectrum(spectrum.real, spectrum.imag)
    assert torch.equal(part(real_valued), part(spectrum))
    exported = torch.export.export(part, (spectrum,)).module()
    torch.testing.assert_close(exported(spectrum), part(spectrum))


def test_sizes_and_repr() -> None:
    assert [part.num_bins for part in PARTS] == [None, 4, None, 4]
    assert [part.num_channels(2) for part in PARTS] == [2, 2, 1, 1]
    assert "floor=1e-10" in repr(MidSideLevel())
    assert "pairs=((1, 0),), floor=1e-06" in repr(LevelDifference(pairs=[(1, 0)], floor=1e-6))


@pytest.mark.messages
def test_messages() -> None:
    each: Any
    for each in (MidSideLevel, LevelDifference):
        with pytest.raises(ValueError, match="floor must be positive, got 0"):
            each(floor=0)
    with pytest.raises(ValueError, match="MidSideLevel needs 2 channels, left and right, got 4"):
        MidSideLevel().num_channels(4)
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel=2, time, freq\)"):
        MidSideLevel()(noise(1, 4, 2, 9))
    with pytest.raises(ValueError, match="pairs must join channels below 2, got 2"):
        LevelDifference(pairs=[(0, 2)])(noise(1, 2, 2, 9))
