"""Direct-path phases: what is encoded is found again, on any array and grid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.formats import DirectPathPhase
from seldkit.geometry import angle_deg, unit_vector
from seldkit.grids import DirectionGrid
from seldkit.outputs import SELDOutput

SMALL: dict[str, Any] = {"n_fft": 64, "bins": (1, 33)}
GRID = DirectionGrid.equiangular(7, 12)
INNER = range(12, 72)
"""The points of the grid that are not at the poles, where twelve are in one place."""
WIDE = ArrayGeometry(0.3 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0)))


def events_at(frames: list[int], points: list[int]) -> Events:
    return Events(frames, [0] * len(frames), GRID.directions[points])


@settings(max_examples=30)
@given(st.lists(st.sampled_from(INNER), min_size=1, max_size=6), st.booleans())
def test_a_single_source_is_found_where_it_is(points: list[int], peaks: bool) -> None:
    events = events_at(list(range(len(points))), points)
    how: Any = {"search": "peaks", "max_sources": 1} if peaks else {}
    format = DirectPathPhase(ArrayGeometry.tetrahedron(), GRID, **SMALL, **how)
    target = format.encode(events, len(points) + 1)
    assert target.shape == (len(points) + 1, 3, 2, 32)
    assert target[-1].count_nonzero() == 0
    found = format.decode(target)
    assert torch.equal(found.frame, events.frame)
    assert torch.equal(found.direction, events.direction)
    assert found.label.tolist() == found.source.tolist() == [0] * len(points)
    torch.testing.assert_close(format.score(target[:-1]).amax(dim=1), torch.ones(len(points)))


@settings(max_examples=30)
@given(st.lists(st.sampled_from(INNER), min_size=2, max_size=2, unique=True))
def test_two_sources_are_found_one_by_one_and_on_tracks(points: list[int]) -> None:
    events = events_at([0, 0], points)
    if angle_deg(*events.direction) < 45:
        return
    options: list[dict[str, Any]] = [{}, {"num_tracks": 2}, {"search": "peaks"}]
    for more in options:
        format = DirectPathPhase(WIDE, GRID, pairs=WIDE.pairs, **SMALL, **more)
        found = format.decode(format.encode(events, 1))
        assert sorted(GRID.nearest(found.direction).tolist()) == sorted(points)
    assert found.num_frames == 1


@settings(max_examples=30)
@given(st.integers(0, 99))
def test_the_sum_of_tracks_is_the_target_without_tracks(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    count = int(torch.randint(5, (), generator=generator))
    direction = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    direction = torch.nn.functional.normalize(direction, dim=1)
    frame = torch.randint(4, (count,), generator=generator).sort().values
    events = Events(frame, [7] * count, direction, source=list(range(count)))
    summed = DirectPathPhase(WIDE, GRID, max_sources=4, **SMALL)
    tracked = DirectPathPhase(WIDE, GRID, num_tracks=4, **SMALL)
    tracks = tracked.encode(events, 4)
    silent = 4 - events.frame.bincount(minlength=4).reshape(4, 1, 1, 1)
    wanted = tracks.sum(dim=1) - silent * tracked.diffuse()
    torch.testing.assert_close(summed.encode(events, 4), wanted.float(), atol=1e-5, rtol=0)


def test_silence_has_no_events() -> None:
    none = Events([], [], torch.zeros(0, 3, dtype=torch.float64))
    for tracks in (None, 2):
        format = DirectPathPhase(WIDE, GRID, num_tracks=tracks, **SMALL)
        found = format.decode(format.encode(none, 3))
        assert (len(found), found.num_frames) == (0, 3)


def test_what_a_pair_hears_by_hand() -> None:
    pair = ArrayGeometry.line(2, spacing_m=0.343)  # 1 ms apart, the first on the left
    format = DirectPathPhase(pair, GRID, n_fft=16, bins=(1, 3), sample_rate=4000)
    left = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    cosine, sine = format.phases(left)[0]
    # From the left the second is a quarter of a period late at 250 Hz, and half a period at 500.
    torch.testing.assert_close(
        cosine, torch.tensor([0.0, -1.0], dtype=torch.float64), atol=1e-9, rtol=0
    )
    torch.testing.assert_close(
        sine, torch.tensor([1.0, 0.0], dtype=torch.float64), atol=1e-9, rtol=0
    )
    late = torch.polar(torch.ones(2), -2 * torch.pi * torch.tensor([0.25, 0.5]))
    spectrum = torch.stack((torch.ones(2) + 0j, late))  # what the microphones record
    both = spectrum[0] * spectrum[1].conj()
    torch.testing.assert_close(torch.complex(cosine, sine).to(both), both)
    from scipy.special import j0

    wanted = torch.from_numpy(j0(2 * np.pi * np.array([0.25, 0.5])))
    torch.testing.assert_close(format.diffuse()[0, 0], wanted)


def test_the_weight_of_a_source_is_its_activity() -> None:
    events = events_at([0], [40])
    for tracks in (None, 1):
        format = DirectPathPhase(WIDE, GRID, num_tracks=tracks, max_sources=1, **SMALL)
        whole = format.encode(events, 1)
        silence = format.encode(events.select(events.frame < 0), 1)
        for weight, threshold, count in ((0.6, 0.5, 1), (0.4, 0.5, 0), (0.4, 0.3, 1)):
            other = DirectPathPhase(
                WIDE, GRID, num_tracks=tracks, max_sources=1, threshold=threshold, **SMALL
            )
            assert len(other.decode(silence + weight * (whole - silence))) == count


def test_a_level_array_looks_up_alone() -> None:
    assert DirectPathPhase(ArrayGeometry.circle(4, 0.05)).grid == DirectionGrid.equiangular(
        19, 72, upper_half=True
    )
    format = DirectPathPhase(ArrayGeometry.tetrahedron())
    assert format.grid == DirectionGrid.equiangular(37, 72)
    assert format == DirectPathPhase(ArrayGeometry.tetrahedron())
    assert format != DirectPathPhase(ArrayGeometry.tetrahedron(0.05))


def test_published_phases(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("recent/dpipd.npz"))
    format = DirectPathPhase(
        ArrayGeometry(arrays["mic"]), bins=(0, 257), speed_of_sound=340, num_tracks=1
    )
    azimuth = torch.arange(181, dtype=torch.float64)
    phases = format.phases(unit_vector(azimuth, 0.0))
    wanted = torch.from_numpy(arrays["template"][0]).transpose(1, 2)
    found = torch.complex(*phases.unbind(dim=2))
    torch.testing.assert_close(found.to(wanted), wanted, atol=1e-6, rtol=0)
    truth = torch.from_numpy(arrays["doa"][0, :, 1, 0]).rad2deg()
    events = Events.from_degrees(range(5), [0] * 5, truth, torch.zeros(5))
    target = format.encode(events, 5)[:, 0]
    wanted = torch.from_numpy(arrays["target"][0, ..., 0]).transpose(1, 2)
    torch.testing.assert_close(torch.complex(*target.unbind(dim=2)), wanted, atol=1e-6, rtol=0)


def test_what_does_not_fit_is_said_or_dropped() -> None:
    events = Events.from_degrees([0, 0, 0, 5], [1, 2, 3, 4], [0, 90, 180, 0], [0] * 4)
    options: list[dict[str, Any]] = [{"max_sources": 2}, {"num_tracks": 2}]
    for more in options:
        room = "2 sources at once" if "max_sources" in more else "2 tracks"
        with pytest.raises(ValueError, match=f"events must fit {room} and 3 frames, but 2 of 4"):
            DirectPathPhase(WIDE, GRID, **SMALL, **more).encode(events, 3)
        format = DirectPathPhase(WIDE, GRID, overflow="drop", **SMALL, **more)
        kept, dropped = format.fit(events, 3)
        assert (len(kept), len(dropped.no_place), len(dropped.beyond_clip)) == (2, 1, 1)
        assert torch.equal(format.encode(events, 3), format.encode(kept, 3))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"max_sources": 0}, "max_sources must be at least 1, got 0"),
        ({"bins": (1, 34)}, r"bins must be 0 <= first < stop <= 33, got \(1, 34\)"),
        ({"search": "all"}, "search must be one of 'iterative', 'peaks', got 'all'"),
        ({"pairs": [(0, 6)]}, "pairs must join channels below 6, got 6"),
        ({"separation_deg": 0}, "separation_deg must be positive, got 0"),
        ({"threshold": float("nan")}, "threshold must not be nan"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DirectPathPhase(WIDE, GRID, **SMALL | arguments)


@pytest.mark.messages
def test_messages_of_outputs() -> None:
    format = DirectPathPhase(WIDE, GRID, **SMALL)
    with pytest.raises(ValueError, match=r"output must be \(time, pair=5, part=2, freq=32\), got"):
        format.decode(torch.zeros(3, 4, 2, 32))
    with pytest.raises(ValueError, match=r"output must be \(..., pair=5, part=2, freq=32\), got"):
        format.score(torch.zeros(5, 2, 31))
    with pytest.raises(ValueError, match="output must be finite"):
        format.decode(torch.full((3, 5, 2, 32), torch.nan))
    with pytest.raises(TypeError, match="output must be a tensor, got SELDOutput"):
        format.decode(SELDOutput(torch.zeros(1, 1), torch.zeros(1, 3)))  # type: ignore[arg-type]


def test_phases_that_are_made_in_inference_mode_serve_a_training() -> None:
    format = DirectPathPhase(WIDE, DirectionGrid.fibonacci(97), **SMALL)
    output = torch.randn(3, 5, 2, 32, dtype=torch.float64)
    with torch.inference_mode():
        format.decode(output)
    format.score(output.requires_grad_()).sum().backward()
    assert output.grad is not None
