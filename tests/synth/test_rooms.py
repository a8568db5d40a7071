"""Room impulse responses: pyroomacoustics is the reference, physics the judge."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from seldkit.arrays import SPEED_OF_SOUND
from seldkit.synth.room import Room, diffuse_tail, image_responses

pra = pytest.importorskip("pyroomacoustics")

RATE = 24000
SIZE = (7.0, 5.5, 3.2)
RECEIVER = (3.1, 2.6, 1.4)
SOURCE = 1.5 * np.array([[0.469846, 0.813798, 0.342020]])  # azimuth 60°, elevation 20°, 1.5 m


def response(room: Room, position: NDArray[np.float64] = SOURCE) -> NDArray[np.float64]:
    """Return the whole impulse response, without the excess of its lowest octaves."""
    early = image_responses(room, position, RATE, direct=True)[0]
    tail = diffuse_tail(room, np.random.default_rng(0), RATE)
    whole = np.zeros((4, max(early.shape[1], tail.shape[1])))
    whole[:, : early.shape[1]] += early
    whole[:, : tail.shape[1]] += tail
    filtered: NDArray[np.float64] = sosfilt(_sections(), whole)
    return filtered


def published_recipe(room: Room, order: int) -> NDArray[np.float64]:
    """Return the response of four co-located microphones: an omni and three figures of eight."""
    shoebox = pra.ShoeBox(SIZE, fs=RATE, materials=pra.Material(room.absorption), max_order=order)
    figures = [
        pra.directivities.FigureEight(
            pra.directivities.DirectionVector(azimuth=azimuth, colatitude=colatitude, degrees=True)
        )
        for azimuth, colatitude in ((90, 90), (0, 0), (0, 90))  # Y, Z, X
    ]
    shoebox.add_microphone(
        np.tile(np.array(RECEIVER)[:, None], 4),
        directivity=[pra.directivities.Omnidirectional(), *figures],
    )
    shoebox.add_source(SOURCE[0] + RECEIVER)
    shoebox.compute_rir()
    length = min(len(channel[0]) for channel in shoebox.rir)
    return np.stack([channel[0][40:length] for channel in shoebox.rir])


def _sections() -> NDArray[np.float64]:
    sections: NDArray[np.float64] = butter(4, 40, "highpass", fs=RATE, output="sos")
    return sections


def t20(impulse: NDArray[np.float64]) -> float:
    left = np.cumsum(np.square(impulse)[::-1])[::-1]
    level = 10 * np.log10(left / left[0] + 1e-12)
    start, stop = np.argmax(level < -5), np.argmax(level < -25)
    return float(-60 / np.polyfit(np.arange(start, stop) / RATE, level[start:stop], 1)[0])


def test_gains_and_delay_of_the_direct_sound() -> None:
    room = Room(SIZE, 0.4, RECEIVER, image_order=1)
    direct = image_responses(room, SOURCE, RATE, direct=True)[0, :, : round(0.006 * RATE)]
    w, y, z, x = direct.sum(axis=1)
    np.testing.assert_allclose([y / w, z / w, x / w], [0.8138, 0.3420, 0.4698], atol=1e-4)
    assert w == pytest.approx(1 / 1.5, rel=0.02)
    assert np.argmax(direct[0]) == round(1.5 / SPEED_OF_SOUND * RATE)


def test_images_are_those_of_the_published_recipe() -> None:
    room = Room(SIZE, 0.4, RECEIVER, image_order=8)
    ours = image_responses(room, SOURCE, RATE, direct=True)[0]
    theirs = published_recipe(room, order=8)
    length = round(0.45 * room.images_end_s * RATE)  # until the images start to fade
    ours, theirs = (sosfilt(_sections(), r)[:, :length] for r in (ours, theirs))
    error = np.square(ours - theirs).sum() / np.square(theirs).sum()
    assert error < 1e-3


def test_without_direct_sound_only_that_is_missing() -> None:
    room = Room(SIZE, 0.4, RECEIVER)
    both = [image_responses(room, SOURCE, RATE, direct=direct)[0, 0] for direct in (True, False)]
    difference = both[0] - both[1][: len(both[0])]
    peak = round(1.5 / SPEED_OF_SOUND * RATE)
    assert np.square(difference[peak - 41 : peak + 42]).sum() > 0.9 * np.square(difference).sum()
    assert np.abs(both[1][: peak + 20]).max() < 0.01


@pytest.mark.parametrize("size", [SIZE, (4.0, 3.5, 2.5), (9.0, 4.0, 2.4)])
@pytest.mark.parametrize("t60_s", [0.15, 0.3, 0.45, 0.8])
def test_the_reverberation_time_is_the_stated_one(
    size: tuple[float, float, float], t60_s: float
) -> None:
    x, y, z = size
    impulse = response(Room(size, t60_s, (0.55 * x, 0.45 * y, 0.5 * z)))
    assert t20(impulse[0]) == pytest.approx(t60_s, rel=0.08)


def test_the_tail_carries_the_energy_of_the_images_it_stands_for() -> None:
    """Against images of an order that a scene could not wait for, in all four channels."""
    size, receiver = (5.0, 4.0, 2.7), (2.7, 1.8, 1.3)
    hybrid = response(Room(size, 0.35, receiver))
    full = image_responses(Room(size, 0.35, receiver, image_order=45), SOURCE, RATE, direct=True)
    images = sosfilt(_sections(), full[0])
    for start, stop in ((0.03, 0.06), (0.06, 0.1), (0.1, 0.15), (0.15, 0.2)):
        window = slice(round(start * RATE), round(stop * RATE))
        ratio = np.square(hybrid[:, window]).sum(1) / np.square(images[:, window]).sum(1)
        assert np.abs(10 * np.log10(ratio)).max() < 1.5


def test_a_room_of_few_reflections_still_has_its_energy() -> None:
    few, many = (Room(SIZE, 0.4, RECEIVER, image_order=order) for order in (1, 16))
    energies = [np.square(response(room)).sum() for room in (few, many)]
    assert 10 * np.log10(energies[0] / energies[1]) == pytest.approx(0, abs=1)


@pytest.mark.messages
def test_rooms_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"receiver_m must lie in the room"):
        Room(SIZE, 0.4, (7.5, 1.0, 1.0))
    with pytest.raises(ValueError, match=r"t60_s must be positive, got 0"):
        Room(SIZE, 0, RECEIVER)
