"""Beamformed energy peaks where a plane wave comes from, and is the power of beams."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.ambisonics import plane_wave, plane_wave_gains
from seldkit.features import STFT, BeamEnergy, FeatureExtractor
from seldkit.geometry import unit_vector
from seldkit.grids import DirectionGrid
from transforms import assert_compiles_and_exports

GRID = DirectionGrid.equiangular(19, 36)


def extractor(**settings: object) -> FeatureExtractor:
    stft = STFT(n_fft=256, hop_length=128, sample_rate=16000)
    return FeatureExtractor(stft, [BeamEnergy(GRID, **settings)], in_channels=4)  # type: ignore[arg-type]


@given(st.integers(-18, 17), st.integers(-8, 8), st.floats(0.01, 2))
@settings(max_examples=10)
def test_a_wave_alone_has_one_in_its_direction(azimuth: int, elevation: int, gain: float) -> None:
    direction = unit_vector(torch.tensor(10.0 * azimuth), torch.tensor(10.0 * elevation))
    wave = plane_wave(gain * torch.randn(1600), direction)
    maps = extractor()(wave.unsqueeze(0))[0].mean(dim=1)
    cosine = (GRID.directions @ direction.double()).float()
    torch.testing.assert_close(maps, ((1 + cosine) / 2).square().expand_as(maps), atol=1e-4, rtol=0)
    assert GRID.nearest(direction) in (maps[0] > maps[0].max() - 1e-5).nonzero()


def test_power_is_that_of_the_beams() -> None:
    part = BeamEnergy(GRID, edges=(500, 1000, 3000), scale="power", n_fft=256, sample_rate=16000)
    spectrum = torch.randn(2, 4, 3, 129, dtype=torch.complex128)
    gains = plane_wave_gains(GRID.directions) / 2 + 0j
    beams = torch.einsum("pc,bctf->btfp", gains, spectrum)
    power = beams.abs().square()
    wanted = torch.stack((power[:, :, 8:17].mean(dim=2), power[:, :, 16:49].mean(dim=2)), dim=1)
    torch.testing.assert_close(part(spectrum), wanted)


def test_it_streams_and_silence_is_zeros() -> None:
    features = extractor()
    wave = torch.randn(4, 3000)
    whole = features(wave.unsqueeze(0))[0]
    stream = features.stream()
    runs = [stream.push(chunk) for chunk in wave.split(700, dim=1)] + [stream.flush()]
    torch.testing.assert_close(torch.cat([run.reshape(4, -1, 684) for run in runs], dim=1), whole)
    assert extractor()(torch.zeros(1, 4, 1600)).count_nonzero() == 0
    assert (features.num_channels, features.num_bins) == (4, 684)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(extractor(), torch.randn(1, 4, 1000))


@pytest.mark.messages
def test_wrong_settings_are_told() -> None:
    with pytest.raises(ValueError, match="edges must be at least 2, got 1"):
        BeamEnergy(GRID, edges=(1.0,))
    with pytest.raises(ValueError, match=r"fmin must be below fmax=1.0, got 2.0"):
        BeamEnergy(GRID, edges=(2.0, 1.0))
    with pytest.raises(ValueError, match="scale must be one of 'loudness', 'power', got 'mean'"):
        BeamEnergy(GRID, scale="mean")
    with pytest.raises(RuntimeError):
        BeamEnergy(GRID)(torch.zeros(1, 4, 2, 129, dtype=torch.complex64))
    with pytest.raises(ValueError, match="edges must be at most 4000, got 6400"):
        BeamEnergy(GRID, n_fft=512, sample_rate=8000)
    with pytest.raises(ValueError, match="BeamEnergy needs the 4 channels of FOA, got 2"):
        FeatureExtractor(
            STFT(n_fft=512, hop_length=256, sample_rate=24000), [BeamEnergy(GRID)], in_channels=2
        )
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel=4, time, freq\)"):
        BeamEnergy(GRID)(torch.zeros(1, 2, 2, 129, dtype=torch.complex64))
