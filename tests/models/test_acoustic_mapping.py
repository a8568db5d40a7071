"""LAM and UpLAM by their formulas, and the matrices that they read."""

import math

import numpy as np
import pytest
import torch
from scipy.signal.windows import tukey
from torch.nn import functional

from seldkit.features import visibility
from seldkit.models import lam, lam_points, uplam
from seldkit.models.back_projection import BackProjection
from transforms import assert_compiles_and_exports


def matrices(channels: int = 4, bands: int = 2) -> torch.Tensor:
    x = torch.randn(1, 3, bands, channels, 5, dtype=torch.complex64)
    return x @ x.mH


def test_visibility_is_its_formula() -> None:
    rate = 24000
    wave = torch.randn(1, 4, 5000, dtype=torch.float64)
    found = visibility(wave, rate)
    assert found.shape == (1, 2, 9, 4, 4)
    edges = np.linspace(1500, 4500, 10)
    window = tukey(240, alpha=1.0)
    for band, centre in enumerate((edges[1:] + edges[:-1]) / 2):
        first, last = int((centre - 25) * 240 / rate), int((centre + 25) * 240 / rate)
        total = np.zeros((4, 4), dtype=complex)
        for start in range(2400, 4800, 240):
            block = wave[0, :, start : start + 240].numpy() * window
            tone = np.fft.fft(block)[:, first : last + 1].sum(axis=1)
            total += np.outer(tone.conj(), tone)
        total /= np.linalg.eigvalsh(total)[-1]
        np.testing.assert_allclose(found[0, 1, band], total, atol=1e-12)


def test_silence_has_zeros_and_loudness_does_not_count() -> None:
    assert visibility(torch.zeros(1, 4, 2400)).abs().max() == 0
    wave = torch.randn(1, 4, 2400, dtype=torch.float64)
    torch.testing.assert_close(visibility(wave), visibility(wave * 100))
    half = wave.bfloat16()
    torch.testing.assert_close(visibility(half), visibility(half.float()))


@pytest.mark.parametrize("triangle", ["both", "lower"])
def test_a_map_is_its_formula(triangle: str) -> None:
    model = lam(2, 4, 6, triangle=triangle)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    state = model.state_dict()
    s = torch.randn(1, 3, 2, 4, 4, dtype=torch.complex64)
    low = s.tril() + s.tril(-1).mH - 1j * torch.diag_embed(s.diagonal(dim1=-2, dim2=-1).imag)
    hermitian = (s + s.mH) / 2 if triangle == "both" else low
    values, vectors = torch.linalg.eigh(hermitian)
    positive = (vectors * values.clamp(min=0).unsqueeze(-2)) @ vectors.mH
    beams = torch.view_as_complex(model.steering)
    power = torch.einsum("bcp,ntbcd,bdp->ntbp", beams.conj(), positive, beams).real
    first = power - model.floor
    x = first
    for place, size in enumerate((3, 5, 7, 9)):
        weight, bias = state[f"convs.{place}.weight"], state[f"convs.{place}.bias"]
        x = (functional.conv1d(x[0], weight, bias, padding=size // 2) + first[0]).relu()[None]
    torch.testing.assert_close(model(s), x, atol=1e-3, rtol=1e-4)


def test_for_hermitian_matrices_triangles_are_the_same() -> None:
    both, lower = lam(2, 4, 6), lam(2, 4, 6, triangle="lower")
    lower.load_state_dict(both.state_dict())
    s = matrices()
    torch.testing.assert_close(both(s), lower(s))


def test_sizes_are_the_published_ones() -> None:
    assert sum(p.numel() for p in uplam().parameters()) == 2_979_560
    assert sum(p.numel() for p in lam(9).parameters()) == 285_120
    assert BackProjection(2, scale=8, filters=2, features=3)(matrices()[0]).shape == (3, 2, 32, 32)
    model = uplam(2, 10, filters=4, features=4)
    maps = model(matrices())
    assert maps.shape == (1, 3, 2, 10)
    maps.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_projections_go_there_and_back(scale: int) -> None:
    lifted = BackProjection(1, scale=scale, filters=2, features=2)(matrices(4, 1)[0])
    assert lifted.shape == (3, 1, 4 * scale, 4 * scale)
    assert lifted.is_complex()


def test_points_are_the_published_spiral() -> None:
    points = lam_points().directions
    n = 100
    colatitude = math.acos(1 - (2 * n + 1) / 484)
    turn = 4 * math.pi * n / (1 + math.sqrt(5))
    wanted = [
        math.sin(colatitude) * math.cos(turn),
        math.sin(colatitude) * math.sin(turn),
        math.cos(colatitude),
    ]
    np.testing.assert_allclose(points[n], wanted, atol=1e-12)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(uplam(2, 8, filters=2, features=2).eval(), matrices())


@pytest.mark.messages
def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match=r"matrices must be \(batch, time, band=2, channel=4"):
        lam(2, 4, 6)(torch.zeros(1, 3, 2, 5, 5, dtype=torch.complex64))
    with pytest.raises(ValueError, match="scale must be one of 2, 4, 8, got 3"):
        uplam(scale=3)
    with pytest.raises(ValueError, match="waveform must have at least 2400 samples, got 2399"):
        visibility(torch.zeros(1, 4, 2399))
    with pytest.raises(ValueError, match="fmin and fmax must rise and lie in"):
        visibility(torch.zeros(1, 4, 2400), fmin=5000.0)
    with pytest.raises(ValueError, match="sample_rate must be a multiple of 100, got 22050"):
        visibility(torch.zeros(1, 4, 22050), 22050)
    for model in (lam(2, 4, 6), uplam(2, 6, num_channels=4)):
        with pytest.raises(TypeError, match=r"matrices must hold complex numbers, got"):
            model(torch.zeros(1, 3, 2, 4, 4))
    with pytest.raises(ValueError, match=r"must be \(batch, time, band, channel=4, other\)"):
        uplam(2, 6, num_channels=4)(torch.zeros(1, 3, 2, 8, 8, dtype=torch.complex64))
    with pytest.raises(TypeError, match=r"num_points must be an integer, got 2\.5"):
        lam_points(2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_matrices_as_they_are(dtype: torch.dtype) -> None:
    with torch.autocast("cpu", dtype=dtype):
        maps = uplam(2, 8, filters=2, features=2)(matrices())
    assert maps.isfinite().all()
