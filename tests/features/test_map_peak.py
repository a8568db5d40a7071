"""What Cross3D reads: the published map, and the row and column of its maximum."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from references.plane_waves import array_recording
from seldkit._builders import built_by
from seldkit.arrays import ArrayGeometry
from seldkit.features import (
    GCCPHAT,
    SRPPHAT,
    STFT,
    FeatureExtractor,
    PairSelection,
    PeakedMap,
    peaked_map,
    presets,
)
from seldkit.grids import DirectionGrid
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
TETRAHEDRON = ArrayGeometry.tetrahedron()
quick = settings(max_examples=25)


@pytest.mark.parametrize(("name", "half"), [("tetra4_full", False), ("planar6_half", True)])
def test_maps_of_cross3d(golden: Golden, name: str, half: bool) -> None:
    arrays = np.load(golden(f"others/srp_cross3d_{name}.npz"))
    expected = arrays["map_normalised"]
    grid = DirectionGrid.equiangular(*expected.shape[1:], upper_half=half)
    array, rate = ArrayGeometry(arrays["mic_pos"]), int(arrays["fs"])
    srp = SRPPHAT(array, grid, lags="whole", scale="frame", n_fft=1024, sample_rate=rate)
    spectrum = torch.fft.rfft(torch.from_numpy(arrays["frames"])).transpose(0, 1)[None]
    found = PeakedMap(srp)(spectrum)[0].unflatten(-1, expected.shape[1:])
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert (found[1:] >= 0).all()
    assert (found[1:] < 1).all()
    for frame, values in enumerate(found[0]):
        # Cells of one lag tie: whichever is named is as high as the published maximum.
        row, column = (round(float(found[k, frame, 0, 0]) * expected.shape[k]) for k in (1, 2))
        assert values[row, column] == values.max()
        assert expected[frame, row, column] == pytest.approx(expected[frame].max(), abs=1e-4)


@quick
@given(st.integers(0, 47), st.sampled_from([(6, 8), (4, 12), (48, 1)]))
def test_the_place_is_that_of_the_maximum(point: int, shape: tuple[int, int]) -> None:
    maps = torch.rand(2, 1, 3, 48)
    maps[1, 0, 2, point] = 2.0
    features = peaked_map(maps, shape)
    assert torch.equal(features[:, :1], maps)
    row, column = divmod(point, shape[1])
    place = torch.tensor([row / shape[0], column / shape[1]])
    torch.testing.assert_close(features[1, 1:, 2], place.unsqueeze(1).expand(2, 48))


def test_a_plane_wave_is_named_by_its_row_and_column() -> None:
    extractor = presets.cross3d(TETRAHEDRON, (9, 16), lags="exact").double()
    grid, point = DirectionGrid.equiangular(9, 16), 3 * 16 + 11
    sound = torch.randn(2 * 16000, dtype=torch.float64)
    waveform = array_recording(TETRAHEDRON, sound, grid.directions[point], sample_rate=16000)
    features = extractor(waveform.unsqueeze(0))[0, :, 2]
    torch.testing.assert_close(features[0].argmax(), torch.tensor(point))
    torch.testing.assert_close(features[1:, 0], torch.tensor([3 / 9, 11 / 16]).double())


def test_presets_have_the_published_sizes() -> None:
    maps, pairs = presets.cross3d(), presets.neural_srp()
    assert (maps.num_channels, maps.num_bins, maps.sample_rate) == (3, 16 * 32, 16000)
    assert maps.frame_rate == pytest.approx(1 / 0.192)
    assert (pairs.num_channels, pairs.num_bins, pairs.frame_rate) == (6, 64, 50)
    assert pairs(torch.zeros(1, 4, 80000)).shape == (1, 6, 250, 64)
    few = presets.neural_srp(ArrayGeometry.circle(5, 0.1), selection=PairSelection("first"))
    assert (few.in_channels, few.num_channels) == (5, 4)
    assert built_by(presets.cross3d(grid_shape=(4, 8))) == ("cross3d", {"grid_shape": (4, 8)})
    assert not maps.state_dict()


def test_silence_is_zero_in_every_channel() -> None:
    assert (presets.cross3d(grid_shape=(4, 8))(torch.zeros(1, 4, 9000)) == 0).all()


def test_it_turns_with_the_sound_field_and_streams() -> None:
    grid = DirectionGrid.equiangular(5, 8)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    extractor = FeatureExtractor(stft, [PeakedMap(SRPPHAT(TETRAHEDRON, grid))]).double()
    waveform = torch.randn(1, 4, 500, dtype=torch.float64)
    features = extractor(waveform)
    for matrix, permutation in TETRAHEDRON.swaps():
        turned = extractor.turn(features, matrix, array=TETRAHEDRON)
        torch.testing.assert_close(turned[:, 0], extractor(waveform[:, permutation])[:, 0])
        assert torch.equal(turned, peaked_map(turned[:, :1], (5, 8)))
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(70, dim=1)]
    torch.testing.assert_close(torch.cat([*chunks, stream.flush()], dim=1), features[0])
    assert [meaning.bins for meaning in extractor.meanings] == ["point"] * 3


def test_absolute_correlations_of_neural_srp(golden: Golden) -> None:
    arrays = np.load(golden("others/gcc_frames.npz"))
    spectrum = torch.fft.rfft(torch.from_numpy(arrays["frames"])).transpose(0, 1)[None]
    part = GCCPHAT(64, conjugate="second", absolute=True)
    first, second = np.array(TETRAHEDRON.pairs).T
    expected = arrays["gcc_phat_abs_centered_neuralsrp"][:, first, second].swapaxes(0, 1)
    np.testing.assert_allclose(part(spectrum)[0], expected, rtol=0, atol=1e-6)
    assert "absolute=True" in repr(part)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    srp = SRPPHAT(TETRAHEDRON, DirectionGrid.equiangular(4, 8), n_fft=64, sample_rate=16000)
    assert_compiles_and_exports(PeakedMap(srp), torch.randn(2, 4, 3, 33, dtype=torch.complex64))


@pytest.mark.messages
def test_messages() -> None:
    settings: Any = {"n_fft": 64, "sample_rate": 16000}
    srp = SRPPHAT(TETRAHEDRON, DirectionGrid.fibonacci(20), **settings)
    with pytest.raises(ValueError, match="map must have a grid of rows and columns, got Direction"):
        PeakedMap(srp)
    with pytest.raises(ValueError, match=r"maps must be \(batch, channel=1, time, point=12\)"):
        peaked_map(torch.zeros(1, 1, 2, 11), (3, 4))
    with pytest.raises(TypeError, match="maps must hold floats, got"):
        peaked_map(torch.zeros(1, 1, 2, 12, dtype=torch.int64), (3, 4))
