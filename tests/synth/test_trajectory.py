"""Paths of sources: positions, delays, and the region they keep to."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.arrays import SPEED_OF_SOUND
from seldkit.geometry import angle_deg
from seldkit.synth.trajectory import (
    Region,
    Trajectory,
    circle,
    draw_trajectory,
    line,
)

BOX = np.array([3.0, 3.0, 1.5])
ROUND = Region((-180, 180), (-40, 40), (0.8, 3.5), -BOX, BOX)


def test_a_circle_turns_at_constant_speed_and_distance() -> None:
    path = circle(np.array([1.0, 0.0, 1.0]), turn_deg_s=45, seconds=2.0)
    np.testing.assert_allclose(path.at(np.array([0.0, 2.0])), [[1, 0, 1], [0, 1, 1]], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(path.position_m, axis=1), 2**0.5)


def test_a_line_goes_straight_on() -> None:
    path = line(np.array([2.0, 1.0, 0.0]), velocity_m_s=np.array([-1.0, 0.0, 0.0]), seconds=3.0)
    np.testing.assert_allclose(path.at(np.array([1.5])), [[0.5, 1.0, 0.0]], atol=1e-9)


def test_what_is_heard_was_there_when_the_sound_left() -> None:
    path = line(np.array([3.43, 0.0, 0.0]), velocity_m_s=np.array([0.0, 1.0, 0.0]), seconds=1.0)
    heard = path.heard(np.array([0.51]))[0]
    left = 0.51 - np.linalg.norm(heard) / SPEED_OF_SOUND
    np.testing.assert_allclose(path.at(np.array([left]))[0], heard, atol=1e-6)


def test_a_source_that_stays_is_heard_where_it_is() -> None:
    path = Trajectory(np.zeros(1), np.array([[1.0, 2.0, 3.0]]))
    assert not path.moves
    np.testing.assert_array_equal(path.heard(np.array([-1.0, 5.0])), [[1, 2, 3], [1, 2, 3]])


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans(), st.floats(0.1, 4.0))
def test_a_drawn_source_keeps_to_its_region(seed: int, moving: bool, seconds: float) -> None:
    path = draw_trajectory(
        np.random.default_rng(seed),
        ROUND,
        seconds=seconds,
        moving=moving,
        turn_deg_s=(10, 60),
        speed_m_s=(0.3, 1.5),
    )
    assert ROUND.holds(path.position_m)
    assert path.moves == moving
    assert path.time_s[-1] >= seconds or not moving


def test_directions_are_spread_over_the_ranges() -> None:
    region = Region((60, 90), (10, 20), (1, 2), -BOX, BOX)
    positions = np.stack([region.draw(np.random.default_rng(seed)) for seed in range(200)])
    assert region.holds(positions)
    widest = angle_deg(torch.from_numpy(positions)[:, None], torch.from_numpy(positions)[None])
    assert 25 < widest.max() < 32


def test_straight_behind_is_at_either_end() -> None:
    behind = np.array([[-1.5, 0.0, 0.0], [-1.5, -0.0, 0.0]])
    for azimuth in ((90, 180), (180, 180), (-180, -90), (-180, -180)):
        assert Region(azimuth, (-10, 10), (1, 2), -BOX, BOX).holds(behind)
    assert not Region((90, 179), (-10, 10), (1, 2), -BOX, BOX).holds(behind)


def test_a_source_with_no_room_to_move_stays() -> None:
    narrow = Region((0, 1), (0, 1), (1, 1.01), -BOX, BOX)
    path = draw_trajectory(
        np.random.default_rng(0),
        narrow,
        seconds=4,
        moving=True,
        turn_deg_s=(50, 60),
        speed_m_s=(1, 2),
    )
    assert not path.moves


@pytest.mark.messages
def test_a_region_without_a_place_is_described() -> None:
    nowhere = Region((0, 90), (-5, 5), (4, 5), -BOX / 2, BOX / 2)
    with pytest.raises(ValueError, match=r"no place for a source .* distance_m=\(4, 5\)"):
        draw_trajectory(
            np.random.default_rng(0),
            nowhere,
            seconds=1,
            moving=False,
            turn_deg_s=(1, 2),
            speed_m_s=(1, 2),
        )
