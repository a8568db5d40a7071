"""The intensity vector points to where the sound comes from."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.ambisonics import plane_wave
from seldkit.features import STFT, IntensityVector, MelFilterBank, intensity_vector
from seldkit.geometry import angle_deg, unit_vector

AZIMUTHS = st.floats(-180, 180)
ELEVATIONS = st.floats(-90, 90)
NORMS: Any = ("unit", "energy", "mean_energy")
KINDS: Any = ("active", "reactive")
quick = settings(max_examples=40)
stft = STFT(n_fft=64, hop_length=32)


def noise(*shape: int) -> torch.Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


@quick
@given(AZIMUTHS, ELEVATIONS, st.sampled_from(NORMS))
def test_a_plane_wave_is_found_where_it_comes_from(
    azimuth: float, elevation: float, norm: Any
) -> None:
    direction = unit_vector(torch.tensor(azimuth), elevation)
    spectrum = stft(plane_wave(torch.randn(640), direction).unsqueeze(0))
    vector = IntensityVector(norm=norm, axes="xyz")(spectrum)
    found = vector.mean(dim=(0, 2, 3))
    assert angle_deg(found, direction) < 1
    length = 0.75 if norm == "energy" else 1.0
    torch.testing.assert_close(found.norm(), torch.tensor(length), rtol=1e-3, atol=0)


@quick
@given(
    st.integers(0, 2**31), st.sampled_from((*NORMS, None)), st.sampled_from(KINDS), st.booleans()
)
def test_rotating_the_field_rotates_the_intensity(
    seed: int, norm: Any, kind: Any, in_bands: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    spectrum = noise(2, 4, 3, 9)
    dipoles = torch.einsum("ij,bjtf->bitf", rotation.to(spectrum.dtype), spectrum[:, 1:])
    rotated = torch.cat((spectrum[:, :1], dipoles), dim=1)
    mel = MelFilterBank(4, n_fft=16, sample_rate=16000) if in_bands else None
    intensity = IntensityVector(mel, norm=norm, kind=kind)
    expected = torch.einsum("ij,bjtf->bitf", rotation, intensity(spectrum))
    torch.testing.assert_close(intensity(rotated), expected)


@quick
@given(st.floats(-3, 3))
def test_loudness_and_phase_do_not_matter(decades: float) -> None:
    spectrum = noise(1, 4, 2, 5)
    factor = 10**decades * torch.exp(torch.tensor(1j * decades))
    for norm in NORMS:
        torch.testing.assert_close(
            intensity_vector(factor * spectrum, norm=norm, eps=0.0),
            intensity_vector(spectrum, norm=norm, eps=0.0),
        )


def test_the_divisors_by_hand() -> None:
    # conj(W) Y = 1 - 1j, conj(W) Z = 2, conj(W) X = 0: the flow along y, z, x is (1, 2, 0).
    spectrum = torch.tensor([1 + 0j, 1 - 1j, 2, 3j]).reshape(1, 4, 1, 1)
    flow, energy, dipole = torch.tensor([1.0, 2.0, 0.0]), 1.0, 2.0 + 4.0 + 9.0
    divisors = (5**0.5, energy + dipole / 3, (energy + dipole) / 2)
    for norm, divisor in zip(NORMS, divisors, strict=True):
        vector = intensity_vector(spectrum, norm=norm).flatten()
        torch.testing.assert_close(vector, flow / divisor)
        shifted = intensity_vector(spectrum, norm=norm, eps=1.0).flatten()
        torch.testing.assert_close(shifted, flow / (divisor + 1))
    assert torch.equal(intensity_vector(spectrum, norm=None).flatten(), flow)


def test_the_reactive_intensity_by_hand() -> None:
    # conj(W) Y = 1j (2 - 1j) = 1 + 2j, conj(W) Z = 1j, conj(W) X = 3.
    spectrum = torch.tensor([-1j, 2 - 1j, 1, -3j]).reshape(1, 4, 1, 1)
    parts = [intensity_vector(spectrum, norm=None, kind=kind).flatten() for kind in KINDS]
    assert torch.equal(parts[0], torch.tensor([1.0, 0.0, 3.0]))
    assert torch.equal(parts[1], torch.tensor([2.0, 1.0, 0.0]))
    length = intensity_vector(spectrum, kind="reactive").norm()
    torch.testing.assert_close(length, torch.tensor(1.0))


@quick
@given(AZIMUTHS, ELEVATIONS)
def test_a_plane_wave_has_no_reactive_intensity(azimuth: float, elevation: float) -> None:
    direction = unit_vector(torch.tensor(azimuth), elevation)
    spectrum = stft(plane_wave(torch.randn(640), direction).unsqueeze(0))
    active = IntensityVector(norm=None, axes="xyz")(spectrum)
    reactive = IntensityVector(norm=None, kind="reactive")(spectrum)
    assert reactive.abs().max() <= 1e-5 * active.abs().max()
    power = spectrum[:, 0].real.square() + spectrum[:, 0].imag.square()
    torch.testing.assert_close(active.norm(dim=1), power)


@pytest.mark.parametrize("norm", [*NORMS, None])
def test_silence_gives_zeros_and_finite_gradients(norm: Any) -> None:
    silence = torch.zeros(1, 4, 2, 5, dtype=torch.complex64, requires_grad=True)
    vector = intensity_vector(silence, norm=norm)
    assert (vector == 0).all()
    vector.sum().backward()
    assert silence.grad is not None
    assert silence.grad.isfinite().all()


@pytest.mark.parametrize("norm", [*NORMS, None])
def test_gradients(norm: Any) -> None:
    spectrum = noise(1, 4, 2, 5).requires_grad_()
    for kind in KINDS:
        assert torch.autograd.gradcheck(IntensityVector(norm=norm, kind=kind), (spectrum,))
    mel = MelFilterBank(3, n_fft=8, sample_rate=8000)
    assert torch.autograd.gradcheck(IntensityVector(mel, norm=norm, axes="xyz"), (spectrum,))


def test_bands_sum_the_vectors_of_their_bins() -> None:
    mel = MelFilterBank(3, n_fft=8, sample_rate=8000)
    spectrum = noise(1, 4, 2, 5)
    expected = torch.einsum("batf,fm->batm", intensity_vector(spectrum), mel.weight)
    torch.testing.assert_close(IntensityVector(mel)(spectrum), expected)


def test_axes_counts_and_repr() -> None:
    spectrum = noise(1, 4, 2, 5)
    yzx, xyz = IntensityVector()(spectrum), IntensityVector(axes="xyz")(spectrum)
    assert torch.equal(yzx[:, [2, 0, 1]], xyz)
    mel = MelFilterBank(3, n_fft=8, sample_rate=8000)
    assert (IntensityVector().num_bins, IntensityVector(mel).num_bins) == (None, 3)
    assert IntensityVector().num_channels(4) == 3
    assert "norm='energy', axes='xyz'" in repr(IntensityVector(norm="energy", axes="xyz"))
    assert "kind='reactive'" in repr(IntensityVector(kind="reactive"))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel=4, time, freq\)"):
        intensity_vector(noise(1, 3, 2, 5))
    with pytest.raises(ValueError, match=r"norm must be one of 'unit', .*, got 'max'"):
        intensity_vector(noise(1, 4, 2, 5), norm="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"norm must be one of 'unit', .*, got 'max'"):
        IntensityVector(norm="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of 'active', 'reactive', got 'real'"):
        intensity_vector(noise(1, 4, 2, 5), kind="real")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of 'active', 'reactive', got 'real'"):
        IntensityVector(kind="real")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="axes must be one of 'yzx', 'xyz', got 'zyx'"):
        IntensityVector(axes="zyx")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="IntensityVector needs the 4 channels of FOA, got 2"):
        IntensityVector().num_channels(2)
