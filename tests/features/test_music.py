"""Pseudo-spectra of MUSIC equal the published ones, and peak where plane waves come from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroomacoustics.doa.normmusic import NormMUSIC
from torch import Tensor

from seldkit.ambisonics import plane_wave_gains
from seldkit.arrays import ArrayGeometry
from seldkit.augment import channel_swaps, swap_channels
from seldkit.features import MUSIC, STFT, FeatureExtractor
from seldkit.grids import DirectionGrid

RATE = 16000
TETRAHEDRON = ArrayGeometry.tetrahedron()
GRIDS = (DirectionGrid.equiangular(19, 36), DirectionGrid.icosahedral(2))
quick = settings(max_examples=12)


def sounds(steering: Tensor, frames: int = 12) -> Tensor:
    """Return the spectrum of waves with steering vectors `source freq channel`, in weak noise."""
    signal = torch.randn(len(steering), 1, frames, steering.shape[1], dtype=torch.complex128)
    waves = (signal * steering.mT[:, :, None]).sum(dim=0)
    return (waves + 1e-4 * torch.randn_like(waves)).unsqueeze(0)


def test_maps_of_pyroomacoustics(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("others/srp_pra_rand8.npz"))
    azimuth, colatitude = arrays["azimuth_grid"], arrays["colatitude_grid"]
    level = np.sin(colatitude)
    points = np.stack((level * np.cos(azimuth), level * np.sin(azimuth), np.cos(colatitude)), 1)
    rate, bins = int(arrays["fs"]), arrays["freq_bins"]
    settings: Any = {"fmin": bins[0] * rate / 512, "fmax": bins[-1] * rate / 512}
    settings |= {"n_fft": 512, "sample_rate": rate, "num_sources": 2, "reach": 12}
    array, grid = ArrayGeometry(arrays["mic_pos"]), DirectionGrid(points)
    spectrum = torch.from_numpy(arrays["X"]).transpose(1, 2)[None]
    published = NormMUSIC(
        arrays["mic_pos"].T, rate, 512, num_src=2, azimuth=azimuth, colatitude=colatitude, dim=3
    )
    published.locate_sources(arrays["X"], freq_bins=bins)
    wide = MUSIC(array, grid, **settings)(spectrum)
    assert wide.shape == (1, 1, 12, grid.num_points)
    for frame in (0, 11):  # all frames are in reach of each
        np.testing.assert_allclose(wide[0, 0, frame], published.grid.values, rtol=0, atol=1e-12)
    narrow = MUSIC(array, grid, width="narrow", **settings)(spectrum)
    assert narrow.shape == (1, len(bins), 12, grid.num_points)
    torch.testing.assert_close(narrow.mean(dim=1, keepdim=True), wide)


@quick
@given(st.integers(0, 2**31), st.sampled_from(GRIDS), st.sampled_from(["foa", "array"]))
def test_two_waves_at_once_are_the_two_peaks(seed: int, grid: DirectionGrid, kind: str) -> None:
    torch.manual_seed(seed)
    first = grid.directions[int(torch.randint(grid.num_points, ()))]
    far = (grid.directions @ first).abs() < 0.5
    second = grid.directions[far][int(torch.randint(int(far.sum()), ()))]
    both, hertz = torch.stack((first, second)), torch.arange(9.0, dtype=torch.float64) * RATE / 64
    array: Any = "foa"
    steering = plane_wave_gains(both).unsqueeze(1).expand(2, 9, 4).to(torch.complex128)
    if kind == "array":
        array = ArrayGeometry(0.06 * torch.randn(5, 3).double())
        steering = array.steering(both, hertz)
    part = MUSIC(
        array, grid, num_sources=2, fmin=500, fmax=2000, reach=12, n_fft=64, sample_rate=RATE
    )
    spectrum = torch.zeros(1, steering.shape[2], 12, 33, dtype=torch.complex128)
    spectrum[..., :9] = sounds(steering)
    peaks = grid.peaks(part(spectrum)[0, 0, 6], max_peaks=2)
    found = both @ peaks.direction.mT
    torch.testing.assert_close(found.amax(dim=1), torch.ones(2).double())


def test_the_order_of_microphones_does_not_matter() -> None:
    spectrum, order = torch.randn(1, 4, 9, 33, dtype=torch.complex128), [2, 0, 3, 1]
    settings: Any = {"n_fft": 64, "sample_rate": RATE}
    expected = MUSIC(TETRAHEDRON, GRIDS[1], **settings)(spectrum)
    array = ArrayGeometry(TETRAHEDRON.positions[order])
    found = MUSIC(array, GRIDS[1], **settings)(spectrum[:, order])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(MUSIC(TETRAHEDRON, GRIDS[1], **settings)(1e5 * spectrum), expected)


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_maps_turn_and_stream(width: Any) -> None:
    grid = DirectionGrid.equiangular(9, 16)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=RATE)
    waveform = torch.randn(1, 4, 400, dtype=torch.float64)
    for array in (TETRAHEDRON, "foa"):
        part = MUSIC(array, grid, reach=2, fmax=3000, width=width)
        extractor = FeatureExtractor(stft, [part])
        maps = extractor(waveform)
        assert maps.shape == (1, 13 if width == "narrow" else 1, 13, 144)
        if isinstance(array, ArrayGeometry):
            for matrix, permutation in array.swaps():
                turned = extractor.turn(maps, matrix, array=array)
                torch.testing.assert_close(turned, extractor(waveform[:, permutation]))
        else:
            for matrix in channel_swaps(16):
                turned = extractor.turn(maps, matrix, array="foa")
                expected = extractor(swap_channels(waveform, matrix[None]))
                torch.testing.assert_close(turned, expected)
        stream = extractor.stream()
        chunks = [stream.push(chunk) for chunk in waveform[0].split(70, dim=1)]
        torch.testing.assert_close(torch.cat([*chunks, stream.flush()], dim=1), maps[0])
        assert not part.state_dict()


def test_silence_and_gradients() -> None:
    spectrum = torch.randn(1, 4, 9, 33, dtype=torch.complex128)
    spectrum[:, :, :4] = 0
    spectrum[:, :, 7:] = 0
    part = MUSIC("foa", GRIDS[1], reach=1, fmin=500, n_fft=64, sample_rate=RATE)
    assert (part(spectrum)[0, 0, [0, 1, 8]] == 0).all()
    loud = torch.randn(1, 3, 5, 5, dtype=torch.complex128, requires_grad=True)
    small = MUSIC(
        ArrayGeometry.line(3, 0.05), DirectionGrid.fibonacci(3), n_fft=8, sample_rate=8000
    )
    assert torch.autograd.gradcheck(small, (loud,), atol=1e-4)


@pytest.mark.transforms
def test_it_is_exported() -> None:
    part = MUSIC("foa", GRIDS[1], reach=1, n_fft=64, sample_rate=RATE)
    spectrum = torch.randn(1, 4, 9, 33, dtype=torch.complex64)
    exported = torch.export.export(part, (spectrum,)).module()
    torch.testing.assert_close(exported(spectrum), part(spectrum))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"array": "mic"}, "array must be an ArrayGeometry or 'foa', got 'mic'"),
        ({"array": ArrayGeometry.line(3, 0.1)}, "spectrum must be .batch, channel=3, time, freq"),
        ({"num_sources": 4}, "num_sources must be less than the 4 channels, got 4"),
        ({"reach": -1}, "reach must not be negative, got -1"),
        ({"width": "broad"}, "width must be one of 'wide', 'narrow', got 'broad'"),
        ({"fmax": 9000}, "fmax must be at most 8000.0, got 9000"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    standard: dict[str, Any] = {"array": "foa", "grid": GRIDS[1], "n_fft": 64, "sample_rate": RATE}
    with pytest.raises(ValueError, match=message):
        MUSIC(**(standard | settings))(torch.randn(1, 4, 3, 33, dtype=torch.complex64))
