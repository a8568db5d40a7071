"""A mono sound becomes what microphones record of it."""

import math

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.synth.receiver import FOA, Receiver, longest_delay
from seldkit.synth.room import Room, diffuse_tail, image_responses
from seldkit.synth.trajectory import Trajectory

CROSS_FADE_S = 0.1
OVERSAMPLING = 4
MARGIN = 64


def direct_sound(
    dry: Float[NDArray[np.float32], " sample"],
    trajectory: Trajectory,
    sample_rate: int,
    *,
    receiver: Receiver = FOA,
) -> Float[NDArray[np.float32], "channel time"]:
    """Return the wave that arrives first, with gain `1 / distance` and the delay of sound.

    Delay, gain and direction change with every sample, so a moving source has its Doppler shift.

    Args:
        dry: The sound as it is at one metre.
        trajectory: Where the source is; time counts from the first sample.
        sample_rate: In hertz.
        receiver: The microphones.
    """
    farthest = trajectory.delay_s.max() * SPEED_OF_SOUND
    num_samples = len(dry) + longest_delay(receiver.radius_m, farthest, sample_rate) + 1
    time = np.arange(num_samples) / sample_rate
    position = trajectory.heard(time if trajectory.moves else time[:1]).T
    distance = receiver.distances(position)
    wave = _read(dry, (time - distance / SPEED_OF_SOUND) * sample_rate) / distance
    direction = position / np.linalg.norm(position, axis=0)
    field: NDArray[np.float32] = (wave * receiver.gains(direction)).astype(np.float32)
    return field


def reverberation(
    dry: Float[NDArray[np.float32], " sample"],
    trajectory: Trajectory,
    room: Room,
    generator: np.random.Generator,
    sample_rate: int,
    *,
    receiver: Receiver = FOA,
) -> Float[NDArray[np.float32], "channel time"]:
    """Return all that arrives after the direct sound.

    The early reflections of a moving source fade from one impulse response to the next every
    100 ms.

    Args:
        dry: The sound as it is at one metre.
        trajectory: Where the source is; time counts from the first sample.
        room: The room around the microphones.
        generator: Source of randomness for the diffuse tail.
        sample_rate: In hertz.
        receiver: The microphones.
    """
    tail = diffuse_tail(room, generator, sample_rate, receiver=receiver)
    if not trajectory.moves:
        early = image_responses(room, trajectory.position_m, sample_rate, receiver=receiver)[0]
        return convolve(dry, _add(early, tail))
    hop = round(CROSS_FADE_S * sample_rate)
    knots = np.arange(math.ceil(len(dry) / hop) + 1, dtype=np.float64) * CROSS_FADE_S
    early = image_responses(room, trajectory.at(knots), sample_rate, receiver=receiver)
    return _add(_cross_fade(dry, early, hop), convolve(dry, tail))


def _read(dry: NDArray[np.float32], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a band-limited signal between its samples: cubic spline over four times the rate."""
    from scipy import fft
    from scipy.ndimage import map_coordinates

    length = 2 * fft.next_fast_len((len(dry) + MARGIN) // 2, real=True)
    spectrum = fft.rfft(dry, length)
    spectrum[-1] /= 2  # the highest frequency, which gets a mirror image of its own
    dense = OVERSAMPLING * fft.irfft(spectrum, OVERSAMPLING * length)
    wave: NDArray[np.float64] = map_coordinates(
        dense, OVERSAMPLING * index[None], output=np.float64, order=3, mode="constant"
    )
    return wave


def _cross_fade(
    dry: NDArray[np.float32], responses: NDArray[np.float32], hop: int
) -> NDArray[np.float32]:
    """Convolve with impulse responses that hold at every `hop` samples, triangles in between."""
    from scipy import fft

    padded = np.zeros((len(responses) + 1) * hop, dtype=np.float32)
    padded[hop : hop + len(dry)] = dry
    triangle = (1 - np.abs(np.arange(2 * hop) / hop - 1)).astype(np.float32)
    blocks = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop] * triangle
    spectra = responses.shape[-1] + 2 * hop - 1
    length = fft.next_fast_len(spectra, real=True)
    wet = fft.irfft(fft.rfft(blocks, length)[:, None] * fft.rfft(responses, length), length)
    total = np.zeros((wet.shape[1], len(padded) + length), dtype=np.float32)
    for number, block in enumerate(wet):
        total[:, number * hop : number * hop + length] += block
    return total[:, hop : hop + len(dry) + responses.shape[-1] - 1]


def convolve(
    dry: Float[NDArray[np.float32], " sample"],
    response: Float[NDArray[np.float32], "channel tap"],
) -> Float[NDArray[np.float32], "channel time"]:
    """Return a sound as each channel of an impulse response has it."""
    from scipy.signal import fftconvolve

    wet: NDArray[np.float32] = fftconvolve(dry[None], response, axes=1)
    return wet


def _add(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of two signals of different length."""
    total = np.zeros((len(a), max(a.shape[1], b.shape[1])), dtype=np.float32)
    total[:, : a.shape[1]] += a
    total[:, : b.shape[1]] += b
    return total
