"""Real talkers and made sounds are found where they are, and silence has none."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from references.plane_waves import array_recording
from seldkit.ambisonics import plane_wave
from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.geometry import angle_deg, azimuth_elevation_deg, unit_vector, wrap_deg
from seldkit.grids import DirectionGrid
from seldkit.io import read_audio
from seldkit.localization import localize, map_events, search_grid

Data = Callable[[str], Path]
RATE = 16000
SIDE = 0.02285
SQUARE = ArrayGeometry([[SIDE, SIDE, 0], [-SIDE, SIDE, 0], [-SIDE, -SIDE, 0], [SIDE, -SIDE, 0]])
RECORDINGS = [
    f"{talkers}_{distance}cm.flac"
    for talkers in ("a180e20", "a180e20_a225e35", "a180e20_a225e35_a270e50")
    for distance in (50, 150, 250)
]


def named_azimuths(data: Data, name: str) -> list[float]:
    with data("multi_ssl/directions.csv").open() as file:
        return [float(row["azimuth_deg"]) for row in csv.DictReader(file) if row["file"] == name]


def longest(events: Events, count: int) -> list[float]:
    """Return the mean azimuths of the sources that are heard longest."""
    sources = events.source.bincount().argsort(descending=True)[:count]
    means = [events.direction[events.source == source].mean(dim=0) for source in sources]
    return [float(azimuth_elevation_deg(mean)[0]) for mean in means]


@pytest.mark.parametrize("name", RECORDINGS)
def test_real_talkers(data: Data, name: str) -> None:
    waveform, sample_rate = read_audio(data(f"multi_ssl/{name}"))
    truth = named_azimuths(data, name)
    events = localize(waveform, SQUARE, sample_rate, max_sources=len(truth))
    found = torch.tensor(longest(events, len(truth)))
    error = wrap_deg(found - torch.tensor(truth).unsqueeze(1)).abs().amin(dim=1)
    assert error.max() < (3 if len(truth) == 1 else 10)
    assert len(found) == len(truth)


def test_a_real_talker_by_music(data: Data) -> None:
    waveform, sample_rate = read_audio(data("multi_ssl/a180e20_150cm.flac"))
    grid = search_grid(SQUARE, 1000)
    events = localize(
        waveform[:, :32000], SQUARE, sample_rate, method="music", grid=grid, fmax=4000
    )
    assert abs(longest(events, 1)[0]) > 177


def noises(seed: int = 0, seconds: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(2, round(seconds * RATE), generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("method", ["srp_phat", "music", "intensity"])
def test_ambisonics(method: Any) -> None:
    first, second = unit_vector(torch.tensor([70.0, -40.0], dtype=torch.float64), 20.0)
    sounds = noises()
    silence = torch.zeros(4, RATE // 2, dtype=torch.float64)
    one = torch.cat((silence, plane_wave(sounds[0], first)), dim=1)
    other = torch.cat((plane_wave(sounds[1], second), silence), dim=1)
    waveform = torch.cat((one, other), dim=1)
    grid = DirectionGrid.fibonacci(1000)
    events = localize(waveform, "foa", RATE, method=method, max_sources=2, grid=grid)
    assert events.num_frames == 30
    assert set(events.frame.tolist()) >= set(range(6, 24))
    assert set(events.frame.tolist()) <= set(range(4, 26))
    for source, direction in enumerate((first, second)):
        rows = events.source == source
        assert (angle_deg(events.direction[rows], direction) < 5).all()


def test_two_noises_that_never_pause() -> None:
    places = unit_vector(torch.tensor([60.0, -60.0], dtype=torch.float64), 10.0)
    array, sounds = ArrayGeometry.tetrahedron(), noises()
    waveform = sum(
        array_recording(array, sound, place, sample_rate=RATE)
        for sound, place in zip(sounds, places, strict=True)
    )
    assert isinstance(waveform, Tensor)
    events = localize(waveform, array, RATE, max_sources=2)
    sources = events.source.unique().tolist()
    found = torch.stack([events.direction[events.source == source].mean(0) for source in sources])
    assert len(sources) == 2
    assert (angle_deg(places.unsqueeze(1), found).amin(dim=1) < 5).all()


def test_a_moving_sound_is_one_track() -> None:
    pieces = []
    for step, sound in enumerate(noises(seconds=4.0)[0].chunk(40)):
        pieces.append(plane_wave(sound, unit_vector(-30.0 + 1.5 * step, 0.0).double()))
    events = localize(torch.cat(pieces, dim=1), "foa", RATE)
    assert events.source.unique().tolist() == [0]
    truth = unit_vector(-30.0 + 1.5 * events.frame.double(), 0.0)
    inner = (events.frame > 8) & (events.frame < 32)
    assert (angle_deg(events.direction, truth)[inner] < 6).all()


def test_silence_and_short_clips_have_no_events() -> None:
    assert len(localize(torch.zeros(4, RATE), SQUARE, RATE, max_sources=3)) == 0
    assert localize(torch.zeros(4, 100), "foa", RATE).num_frames == 1


def test_what_arrays_tell_apart() -> None:
    tilted = ArrayGeometry(SQUARE.positions[:, [2, 0, 1]])  # upright, facing the front
    assert (search_grid(tilted, 500).directions[:, 0] >= 0).all()
    assert (search_grid(SQUARE, 500).directions[:, 2] > 0).all()
    assert search_grid(ArrayGeometry.tetrahedron(), 500).num_points == 500
    stereo = search_grid(ArrayGeometry.line(2, 0.1)).directions
    azimuth, elevation = azimuth_elevation_deg(stereo)
    torch.testing.assert_close(elevation, torch.zeros_like(elevation))
    assert azimuth.abs().max() == pytest.approx(90)
    assert (azimuth.diff().abs() < 4).all()
    ahead = search_grid(ArrayGeometry([[0.1, 0, 0], [0.0, 0, 0]])).directions
    assert (ahead[:, 2] >= -1e-9).all()


def test_maps_become_tracks() -> None:
    grid = DirectionGrid.fibonacci(500)
    places = unit_vector(torch.tensor([0.0, 5.0, 80.0, 10.0], dtype=torch.float64), 0.0)
    maps = (10 * (places @ grid.directions.mT - 1)).exp()
    maps[1] += 0.8 * maps[2]
    events = map_events(maps, grid, max_sources=2, threshold=0.3)
    assert events.frame.tolist() == [0, 1, 1, 2, 3]
    assert events.source.tolist() == [0, 0, 1, 1, 0]
    forgetful = map_events(maps, grid, max_sources=2, threshold=0.3, memory_s=0.1)
    assert forgetful.source.tolist() == [0, 0, 1, 1, 2]
    assert len(map_events(maps, grid, threshold=2.0)) == 0


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"array": "mic"}, "array must be an ArrayGeometry or 'foa', got 'mic'"),
        ({"array": ArrayGeometry.line(2, 0.1)}, "waveform must be .channel=2, sample., got shape"),
        ({"method": "gcc"}, "method must be one of 'srp_phat', 'music', 'intensity', got 'gcc'"),
        ({"array": SQUARE, "method": "intensity"}, "method 'intensity' needs ambisonics"),
        ({"max_sources": 0}, "max_sources must be at least 1, got 0"),
        ({"frame_s": 0}, "frame_s must be positive, got 0"),
        ({"waveform": torch.full((4, 9), torch.nan)}, "waveform must be finite, got nan"),
        ({"waveform": torch.zeros(4, 0)}, "waveform must have a sample, got none"),
        ({"fmin": 9000.0}, "fmin and fmax must hold a bin"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="array must be an ArrayGeometry or 'foa', got 'banana'"):
        search_grid("banana")  # type: ignore[arg-type]
    grid = DirectionGrid.fibonacci(20)
    with pytest.raises(ValueError, match="max_sources must be at least 1, got 0"):
        map_events(torch.zeros(2, 20), grid, max_sources=0)
    with pytest.raises(TypeError, match="maps must hold floats"):
        map_events(torch.zeros(2, 20).long(), grid)
    standard: dict[str, Any] = {"waveform": noises().repeat(2, 1), "array": "foa"}
    with pytest.raises(ValueError, match=message):
        localize(**({"sample_rate": RATE} | standard | settings))
