"""Phase differences follow the path differences between microphones."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references.plane_waves import array_recording
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.features import (
    STFT,
    FeatureExtractor,
    LogMel,
    MelFilterBank,
    PhaseDifference,
    RealSpectrum,
)
from seldkit.geometry import unit_vector
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
TETRAHEDRON = ArrayGeometry.tetrahedron()
SAMPLE_RATE = 24000
FORMS: Any = ("angle", "cosine_sine", "path")
quick = settings(max_examples=40)
each_form = pytest.mark.parametrize("form", FORMS)


def noise(*shape: int) -> Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("form", ["path", "angle"])
def test_salsa_lite_and_ipd(golden: Golden, form: Any, dtype: torch.dtype) -> None:
    samples = np.load(golden("dcase/features_input.npz"))["mic_int16"]
    waveform = torch.from_numpy(samples.T.copy()).to(dtype)[None] / 32768
    stft = STFT(n_fft=512, hop_length=300, sample_rate=SAMPLE_RATE)
    found = PhaseDifference(form, sample_rate=SAMPLE_RATE, bins=(1, 43))(stft(waveform))[0].double()
    name = "salsa_lite_a" if form == "path" else "salsa_ipd_a"
    expected = torch.from_numpy(np.load(golden("dcase/features_salsa.npz"))[name]).double()
    frequency = torch.arange(1, 43) * SAMPLE_RATE / 512
    turn = SPEED_OF_SOUND / frequency if form == "path" else 2 * math.pi
    difference = (found - expected[4:, :, :42] * (1 if form == "path" else math.pi)).abs()
    # In the first frame, which is its own mirror image, half a turn can have either sign.
    difference = torch.minimum(difference, turn - difference)
    # They are computed in float32: the phase of bins far below the rest is rough.
    assert difference.max() < 1e-3
    assert difference.mean() < 1e-6


@quick
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 2**31))
def test_the_path_of_a_plane_wave_is_shorter_to_the_nearer_microphone(
    azimuth: float, elevation: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sound = torch.randn(1024, generator=generator, dtype=torch.float64)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    waveform = array_recording(TETRAHEDRON, sound, direction, sample_rate=SAMPLE_RATE)
    below_aliasing = int(TETRAHEDRON.aliasing_frequency() * 1024 / SAMPLE_RATE)
    spectrum = torch.fft.rfft(waveform)[None, :, None]
    part = PhaseDifference(
        "path", pairs=TETRAHEDRON.pairs, bins=(1, below_aliasing), sample_rate=SAMPLE_RATE
    )
    shorter = TETRAHEDRON.positions @ direction
    for row, (m, n) in zip(part(spectrum)[0, :, 0], TETRAHEDRON.pairs, strict=True):
        torch.testing.assert_close(row, (shorter[n] - shorter[m]).expand_as(row))


@quick
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 2**31))
def test_a_recorded_plane_wave_turns_by_its_delays(
    azimuth: float, elevation: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sound = torch.randn(9600, generator=generator, dtype=torch.float64)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    waveform = array_recording(TETRAHEDRON, sound, direction, sample_rate=SAMPLE_RATE)
    stft = STFT(n_fft=512, hop_length=300, sample_rate=SAMPLE_RATE)
    found = FeatureExtractor(stft, [PhaseDifference("angle", bins=(1, 43))])(waveform[None])
    frequency = torch.arange(1, 43) * SAMPLE_RATE / 512
    delays = TETRAHEDRON.delays(direction)
    expected = -2 * math.pi * torch.outer(delays[1:] - delays[0], frequency)
    torch.testing.assert_close(found[0].median(dim=1).values, expected, rtol=0, atol=0.05)


def test_the_forms_by_hand() -> None:
    phases = torch.tensor([0.0, 0.5, -2.0, 3.0], dtype=torch.float64)
    magnitudes = torch.tensor([1.0, 1e-4, 3.0, 100.0], dtype=torch.float64)
    first = noise(1, 1, 1, 4)
    spectrum = torch.cat((first, torch.polar(magnitudes, phases) * first), dim=1)
    expected = phases.reshape(1, 1, 1, 4)
    torch.testing.assert_close(PhaseDifference()(spectrum), expected)
    vector = PhaseDifference("cosine_sine")(spectrum)
    torch.testing.assert_close(vector, torch.cat((expected.cos(), expected.sin()), dim=1))
    # Four bins of an FFT of 7 at 7 kHz: 0, 1, 2 and 3 kHz.
    path = PhaseDifference("path", sample_rate=7000, n_fft=7, speed_of_sound=340.0)(spectrum)
    metres = phases * 340.0 / (2 * math.pi * torch.tensor([torch.inf, 1000, 2000, 3000]))
    torch.testing.assert_close(path.flatten(), metres)
    even = PhaseDifference("path", sample_rate=6000, speed_of_sound=340.0)(spectrum)
    torch.testing.assert_close(even.flatten(), metres)
    assert SPEED_OF_SOUND == PhaseDifference("path").speed_of_sound


@each_form
def test_pairs_and_bins_are_those_asked_for(form: Any) -> None:
    spectrum = noise(2, 4, 3, 17)
    every = PhaseDifference(form, sample_rate=SAMPLE_RATE, pairs=TETRAHEDRON.pairs)
    per_pair = 2 if form == "cosine_sine" else 1
    whole = every(spectrum).unflatten(1, (per_pair, 6))
    first = PhaseDifference(form, sample_rate=SAMPLE_RATE, bins=(2, 9))
    cropped = first(spectrum).unflatten(1, (per_pair, 3))
    torch.testing.assert_close(cropped, whole[:, :, :3, :, 2:9])
    assert (every.num_bins, first.num_bins) == (None, 7)
    assert (every.num_channels(4), first.num_channels(4)) == (6 * per_pair, 3 * per_pair)
    swapped = PhaseDifference(form, sample_rate=SAMPLE_RATE, pairs=[(3, 2)])(spectrum).unflatten(
        1, (per_pair, 1)
    )
    sign = torch.tensor([1.0, -1.0] if form == "cosine_sine" else [-1.0])
    expected = sign.reshape(1, per_pair, 1, 1, 1) * whole[:, :, 5:]
    torch.testing.assert_close(swapped, expected)


def test_cosines_and_sines_in_mel_bands() -> None:
    mel = MelFilterBank(4, n_fft=32, sample_rate=16000)
    spectrum = noise(2, 3, 4, 17)
    part = PhaseDifference("cosine_sine", mel=mel)
    torch.testing.assert_close(part(spectrum), mel(PhaseDifference("cosine_sine")(spectrum)))
    stft = STFT(n_fft=32, hop_length=16, sample_rate=16000)
    extractor = FeatureExtractor(stft, [LogMel(mel), part], in_channels=2)
    assert extractor(torch.randn(1, 2, 320)).shape == (1, 4, 21, 4)


@each_form
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_silence_gives_zeros_and_finite_gradients(form: Any, dtype: torch.dtype) -> None:
    spectrum = noise(1, 2, 6, 9).to(dtype)
    spectrum[:, :, 0] = 0
    spectrum[:, 1, 1] = 0
    spectrum[:, :, 2] *= 1e-9
    spectrum[:, :, 3] *= 1e-13
    spectrum[:, :, 4] *= 1e-25
    spectrum.requires_grad_()
    phase = PhaseDifference(form, sample_rate=SAMPLE_RATE)(spectrum)
    assert (phase[:, :, :2] == 0).all()
    assert phase[:, :, 3:5].abs().max() < 1e-4
    assert phase.isfinite().all()
    phase.sum().backward()
    assert spectrum.grad is not None
    assert spectrum.grad.isfinite().all()
    negative = torch.full((1, 2, 1, 9), complex(-0.0, -0.0), dtype=dtype)
    assert (PhaseDifference(form, sample_rate=SAMPLE_RATE)(negative) == 0).all()


@each_form
def test_gradients(form: Any) -> None:
    spectrum = noise(1, 3, 2, 5).requires_grad_()
    assert torch.autograd.gradcheck(PhaseDifference(form, sample_rate=SAMPLE_RATE), (spectrum,))


@each_form
def test_precision_and_repr(form: Any) -> None:
    spectrum = noise(1, 3, 2, 9)
    part = PhaseDifference(form, sample_rate=SAMPLE_RATE, bins=(1, 5))
    expected = part(spectrum)
    single = part(spectrum.to(torch.complex64))
    assert (expected.dtype, single.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(part(spectrum.to(torch.complex64)), single)
    assert f"{form!r}, pairs=None, bins=(1, 5)" in repr(part)
    assert not part.state_dict()


@pytest.mark.transforms
@each_form
def test_compiles_and_exports(form: Any) -> None:
    part, spectrum = (
        PhaseDifference(form, sample_rate=SAMPLE_RATE),
        noise(2, 3, 5, 17).to(torch.complex64),
    )
    assert_compiles_and_exports(part, spectrum)
    real_valued: Any = RealSpectrum(spectrum.real, spectrum.imag)
    assert torch.equal(part(real_valued), part(spectrum))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"encoding": "sine"},
            "encoding must be one of 'angle', 'cosine_sine', 'path', got 'sine'",
        ),
        ({"sample_rate": 0}, "sample_rate must be at least 1, got 0"),
        ({"speed_of_sound": -1.0}, "speed_of_sound must be positive, got -1"),
        ({"floor": 0.0}, "floor must be positive, got 0"),
        ({"bins": (3, 3)}, "bins must be 0 <= first < stop, got 3 and 3"),
        ({"bins": (3, 18)}, "spectrum must have at least 18 bins, got 17"),
        (
            {"encoding": "path", "sample_rate": 8000, "n_fft": 34},
            "spectrum must have 18 bins for n_fft=34, got 17",
        ),
        ({"pairs": [(0, 3)]}, "pairs must join channels below 3, got 3"),
        ({"pairs": [(2, 2)]}, r"pairs must join two different channels, .*, got \(2, 2\)"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhaseDifference(**settings)(noise(1, 3, 2, 17))


@pytest.mark.messages
def test_messages_of_bands_and_channels() -> None:
    mel = MelFilterBank(4, n_fft=32, sample_rate=16000)
    wrong: Any
    for wrong in ({"encoding": "path"}, {"encoding": "cosine_sine", "bins": (0, 4)}):
        with pytest.raises(ValueError, match="mel must be None unless encoding is 'cosine_sine'"):
            PhaseDifference(mel=mel, **wrong)
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq\)"):
        PhaseDifference()(noise(3, 2, 17))
    with pytest.raises(ValueError, match="pairs need at least 2 channels, got 1"):
        PhaseDifference().num_channels(1)
