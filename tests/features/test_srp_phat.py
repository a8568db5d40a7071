"""Maps of SRP-PHAT equal the published numbers, and peak where a plane wave comes from."""

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
from seldkit.arrays import ArrayGeometry
from seldkit.features import SRPPHAT, STFT, FeatureExtractor, RealSpectrum
from seldkit.geometry import unit_vector
from seldkit.grids import DirectionGrid
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
RATE = 24000
TETRAHEDRON = ArrayGeometry.tetrahedron()
GRIDS = (
    DirectionGrid.equiangular(19, 36),
    DirectionGrid.fibonacci(300),
    DirectionGrid.icosahedral(2),
)
quick = settings(max_examples=15)


def by_loops(part: SRPPHAT, spectrum: Tensor) -> Tensor:
    """Return the map by the formula: all pairs, all directions, all bins."""
    assert part.n_fft is not None
    assert part.sample_rate is not None
    first, stop = part._bins
    white = spectrum[..., first:stop] / spectrum[..., first:stop].abs()
    hertz = torch.arange(first, stop, dtype=torch.float64) * part.sample_rate / part.n_fft
    weight = 1 - 0.5 * ((hertz == 0) | (hertz == part.sample_rate / 2)).double()
    delays = part.array.delays(part.grid.directions)
    total = torch.zeros(white.shape[0], white.shape[2], part.grid.num_points).double()
    for m, n in part.array.pairs:
        for point, delay in enumerate(delays[:, m] - delays[:, n]):
            turn = torch.exp(2j * torch.pi * hertz * delay) * weight
            total[..., point] += (white[:, m] * white[:, n].conj() * turn).real.sum(dim=-1)
    return (total / weight.sum() / len(part.array.pairs)).unsqueeze(1)


def noise(channels: int = 4, bins: int = 33, frames: int = 3) -> Tensor:
    spectrum = torch.randn(2, channels, frames, bins, dtype=torch.complex128)
    spectrum[..., [0, -1]] = spectrum[..., [0, -1]].real + 0j  # as in all audio
    return spectrum


@pytest.mark.parametrize("name", ["tetra4", "rand8"])
def test_maps_of_pyroomacoustics(golden: Golden, name: str) -> None:
    arrays = np.load(golden(f"others/srp_pra_{name}.npz"))
    azimuth, colatitude = (
        torch.rad2deg(torch.from_numpy(arrays[f"{angle}_grid"]))
        for angle in ("azimuth", "colatitude")
    )
    rate, bins = int(arrays["fs"]), arrays["freq_bins"]
    part = SRPPHAT(
        ArrayGeometry(arrays["mic_pos"]),
        DirectionGrid(unit_vector(azimuth, 90 - colatitude)),
        fmin=bins[0] * rate / 512,
        fmax=bins[-1] * rate / 512,
        scale="power",
        n_fft=512,
        sample_rate=rate,
    )
    maps = part(torch.from_numpy(arrays["X"]).transpose(1, 2)[None])[0, 0]
    np.testing.assert_allclose(maps.mean(dim=0), arrays["srp_12snap"], rtol=1e-12)
    np.testing.assert_allclose(maps[0], arrays["srp_first_snap"], rtol=1e-12)
    assert maps.mean(dim=0).argmax() == arrays["argmax_12snap"]


@pytest.mark.parametrize(("name", "half"), [("tetra4_full", False), ("planar6_half", True)])
def test_maps_of_cross3d(golden: Golden, name: str, half: bool) -> None:
    arrays = np.load(golden(f"others/srp_cross3d_{name}.npz"))
    grid = DirectionGrid.equiangular(*arrays["map_raw"].shape[1:], upper_half=half)
    array, rate = ArrayGeometry(arrays["mic_pos"]), int(arrays["fs"])
    spectrum = torch.fft.rfft(torch.from_numpy(arrays["frames"])).transpose(0, 1)[None]
    settings: Any = {"lags": "whole", "n_fft": 1024, "sample_rate": rate}
    for scale, key, tolerance in (("sum", "map_raw", 1e-5), ("frame", "map_normalised", 1e-4)):
        maps = SRPPHAT(array, grid, scale=scale, **settings)(spectrum)[0, 0]  # type: ignore[arg-type]
        expected = arrays[key].reshape(len(maps), -1)
        atol = tolerance * np.abs(expected).max()
        np.testing.assert_allclose(maps, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("band", [(0.0, None), (700.0, 5000.0), (3000.0, 3000.0 + 375)])
def test_it_is_the_formula(band: tuple[float, float | None]) -> None:
    array = ArrayGeometry(0.2 * torch.randn(3, 3).double())
    grid = DirectionGrid.fibonacci(11)
    part = SRPPHAT(array, grid, fmin=band[0], fmax=band[1], n_fft=64, sample_rate=RATE)
    spectrum = noise(3)
    expected = by_loops(part, spectrum)
    torch.testing.assert_close(part(spectrum), expected, rtol=0, atol=1e-13)
    single = part(spectrum.to(torch.complex64))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=3e-6)


@quick
@given(st.integers(0, 2**31), st.sampled_from(GRIDS), st.integers(3, 6))
def test_a_plane_wave_peaks_at_its_direction(seed: int, grid: DirectionGrid, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    array = ArrayGeometry(0.05 * torch.randn(count + 1, 3, generator=generator).double())
    point = int(torch.randint(grid.num_points, (), generator=generator))
    sound = torch.randn(4096, generator=generator, dtype=torch.float64)
    direction = grid.directions[point]
    waveform = array_recording(array, sound, direction, sample_rate=RATE)
    spectrum = torch.fft.rfft(waveform)[None, :, None]
    values = SRPPHAT(array, grid, n_fft=4096, sample_rate=RATE)(spectrum)[0, 0, 0]
    torch.testing.assert_close(grid.peaks(values).direction[0], direction)
    assert values.max() == pytest.approx(1, abs=1e-3)  # half the sampling rate cannot be delayed
    assert values.min() >= -1


@quick
@given(st.permutations(range(4)))
def test_the_order_of_microphones_does_not_matter(order: list[int]) -> None:
    spectrum, grid = noise(), GRIDS[1]
    settings: Any = {"n_fft": 64, "sample_rate": RATE}
    expected = SRPPHAT(TETRAHEDRON, grid, **settings)(spectrum)
    array = ArrayGeometry(TETRAHEDRON.positions[order])
    torch.testing.assert_close(SRPPHAT(array, grid, **settings)(spectrum[:, order]), expected)


def test_loudness_and_place_of_the_array_do_not_matter() -> None:
    spectrum, grid = noise(), GRIDS[1]
    settings: Any = {"n_fft": 64, "sample_rate": RATE}
    expected = SRPPHAT(TETRAHEDRON, grid, **settings)(spectrum)
    louder = SRPPHAT(TETRAHEDRON, grid, **settings)(1e5 * spectrum)
    torch.testing.assert_close(louder, expected)
    moved = ArrayGeometry(TETRAHEDRON.positions + torch.tensor([1.0, 2.0, 3.0]))
    torch.testing.assert_close(SRPPHAT(moved, grid, **settings)(spectrum), expected)


@pytest.mark.parametrize("scale", ["mean", "power", "sum", "frame"])
@pytest.mark.parametrize("lags", ["exact", "whole"])
def test_maps_turn_with_the_sound_field(scale: Any, lags: Any) -> None:
    part = SRPPHAT(TETRAHEDRON, DirectionGrid.equiangular(9, 16), scale=scale, lags=lags)
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32, sample_rate=RATE), [part])
    waveform = torch.randn(1, 4, 400, dtype=torch.float64)
    maps = extractor(waveform)
    for matrix, permutation in TETRAHEDRON.swaps():
        turned = extractor.turn(maps, matrix, array=TETRAHEDRON)
        torch.testing.assert_close(turned, extractor(waveform[:, permutation]))


def test_level_arrays_turn_on_the_upper_half() -> None:
    array, grid = ArrayGeometry.circle(4, 0.05), DirectionGrid.equiangular(4, 8, upper_half=True)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=RATE)
    extractor = FeatureExtractor(stft, [SRPPHAT(array, grid)])
    waveform = torch.randn(1, 4, 400, dtype=torch.float64)
    maps = extractor(waveform)
    for matrix, permutation in array.swaps():
        turned = extractor.turn(maps, matrix, array=array)
        torch.testing.assert_close(turned, extractor(waveform[:, permutation]))
    spiral = FeatureExtractor(stft, [SRPPHAT(array, GRIDS[1])])
    message = "SRPPHAT cannot be turned so: the grid would be turned to where it has no points"
    with pytest.raises(ValueError, match=message):
        spiral.turn(spiral(waveform), array.swaps()[-1].matrix, array=array)


def test_it_streams_and_has_a_meaning() -> None:
    part = SRPPHAT(TETRAHEDRON, GRIDS[2], fmin=500)
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32, sample_rate=RATE), [part])
    waveform = torch.randn(1, 4, 800)
    maps = extractor(waveform)
    assert maps.shape == (1, 1, 26, 162)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(70, dim=1)]
    torch.testing.assert_close(torch.cat([*chunks, stream.flush()], dim=1), maps[0])
    assert [meaning.bins for meaning in extractor.meanings] == ["point"]
    assert not part.state_dict()
    assert extractor.half()(waveform).dtype == torch.float16
    assert "fmin=500, fmax=None, lags='exact', scale='mean', n_fft=64, sample_rate=24000" in repr(
        part
    )


def test_silence_has_a_map_of_zeros_and_finite_gradients() -> None:
    spectrum = noise()
    spectrum[:, :, 0] = 0
    spectrum.requires_grad_()
    for scale in ("mean", "frame"):
        part = SRPPHAT(TETRAHEDRON, GRIDS[1], scale=scale, n_fft=64, sample_rate=RATE)
        maps = part(spectrum)
        assert (maps[:, :, 0] == 0).all()
        spectrum.grad = None
        maps.sum().backward()
        assert spectrum.grad is not None
        assert spectrum.grad.isfinite().all()


def test_gradients() -> None:
    grid = DirectionGrid.fibonacci(3)
    part = SRPPHAT(ArrayGeometry.line(3, 0.05), grid, n_fft=8, sample_rate=8000)
    spectrum = torch.randn(1, 3, 2, 5, dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(part, (spectrum,))


@pytest.mark.transforms
@pytest.mark.parametrize("lags", ["exact", "whole"])
def test_compiles_and_exports(lags: Any) -> None:
    part = SRPPHAT(TETRAHEDRON, GRIDS[2], lags=lags, n_fft=64, sample_rate=RATE)
    spectrum = noise().to(torch.complex64)
    assert_compiles_and_exports(part, spectrum)
    real_valued: Any = RealSpectrum(spectrum.real, spectrum.imag)
    assert torch.equal(part(real_valued), part(spectrum))


@pytest.mark.transforms
def test_an_extractor_of_maps_is_exported_without_complex_numbers() -> None:
    stft = STFT(n_fft=64, hop_length=32, sample_rate=RATE)
    extractor, waveform = (
        FeatureExtractor(stft, [SRPPHAT(TETRAHEDRON, GRIDS[2])]),
        torch.randn(1, 4, 800),
    )
    copy = extractor.for_export()
    torch.testing.assert_close(copy(waveform), extractor(waveform), rtol=0, atol=1e-4)
    exported = torch.export.export(copy, (waveform,)).module()
    torch.testing.assert_close(exported(waveform), copy(waveform))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"array": ArrayGeometry([[0, 0, 0]])}, "array must have at least 2 microphones, got 1"),
        ({"array": ArrayGeometry.line(3, 0.1)}, "spectrum must be .batch, channel=3, time, freq"),
        ({"lags": "near"}, "lags must be one of 'exact', 'whole', got 'near'"),
        ({"scale": "db"}, "scale must be one of 'mean', 'power', 'sum', 'frame', got 'db'"),
        ({"fmin": -1}, "fmin must not be negative, got -1"),
        ({"fmin": 500, "fmax": 400}, "fmin must be below fmax=400, got 500"),
        ({"fmax": 20000}, "fmax must be at most 12000.0, got 20000"),
        ({"fmin": 400, "fmax": 500}, "fmin and fmax must hold a bin of n_fft=64, got 400 and 500"),
        ({"n_fft": 128}, "spectrum must have 65 bins for n_fft=128, got 33"),
        ({"speed_of_sound": 0}, "speed_of_sound must be positive, got 0"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    standard: dict[str, Any] = {
        "array": TETRAHEDRON,
        "grid": GRIDS[1],
        "n_fft": 64,
        "sample_rate": RATE,
    }
    with pytest.raises(ValueError, match=message):
        SRPPHAT(**(standard | settings))(noise())


@pytest.mark.messages
def test_messages_of_an_extractor() -> None:
    with pytest.raises(RuntimeError, match="SRPPHAT must be given n_fft and sample_rate"):
        SRPPHAT(TETRAHEDRON, GRIDS[1])(noise())
    with pytest.raises(
        ValueError, match="array must have 2 microphones, as the audio has channels"
    ):
        SRPPHAT(TETRAHEDRON, GRIDS[1]).num_channels(2)
