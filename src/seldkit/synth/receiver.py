"""What records a scene: what its channels hear of a source, and of a sound field from everywhere.

Two kinds share one interface: an ideal first-order ambisonics microphone, whose channels differ in
gain alone, and an open array of microphones, whose channels differ in delay and distance.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.ambisonics import AXIS_TO_CHANNEL
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry

COHERENCE_POINTS = 513
"""Frequencies at which the coherence of microphones is worked out; between them it is smooth."""


@runtime_checkable
class Receiver(Protocol):
    """What a scene asks of its microphones.

    Attributes:
        num_channels: Number of channels.
        radius_m: Greatest distance of a microphone from the centre, in metres.
    """

    @property
    def num_channels(self) -> int:
        """Number of channels."""

    @property
    def radius_m(self) -> float:
        """Greatest distance of a microphone from the centre, in metres."""

    def distances(
        self, position_m: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "place wave"]:
        """Return how far each place of microphones is from sources: one place for all, or each."""

    def gains(
        self, direction: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "channel wave"]:
        """Return the gain of each channel for sound from some directions."""

    def correlate(
        self, white: Float[NDArray[np.float32], "channel sample"], sample_rate: int
    ) -> Float[NDArray[np.float32], "channel sample"]:
        """Return independent noises as coherent as those of a diffuse field are, power kept."""

    def diffuse(
        self, noise: Float[NDArray[np.float32], "channel sample"]
    ) -> Float[NDArray[np.float32], "channel sample"]:
        """Return noises of equal power at the levels that a diffuse field has in the channels."""


@dataclass(frozen=True)
class FOAReceiver:
    """A first-order ambisonics microphone: W, Y, Z, X, SN3D."""

    num_channels = 4
    radius_m = 0.0

    def distances(
        self, position_m: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "place=1 wave"]:
        """Return the distance of each source from the centre."""
        distance: NDArray[np.float64] = np.linalg.norm(position_m, axis=0)
        return distance[None]

    def gains(
        self, direction: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "channel=4 wave"]:
        """Return the gains of W, Y, Z, X: 1, then the y, z, x of the direction."""
        patterns = np.ones((4, direction.shape[1]))
        patterns[list(AXIS_TO_CHANNEL)] = direction
        return patterns

    def correlate(
        self, white: Float[NDArray[np.float32], "channel=4 sample"], sample_rate: int
    ) -> Float[NDArray[np.float32], "channel=4 sample"]:
        """Return the noises as they are: in a diffuse field the channels are independent."""
        return white

    def diffuse(
        self, noise: Float[NDArray[np.float32], "channel=4 sample"]
    ) -> Float[NDArray[np.float32], "channel=4 sample"]:
        """Return noises of which each dipole has a third of W's power."""
        return noise / np.array([[1.0], [3.0], [3.0], [3.0]], dtype=np.float32) ** np.float32(0.5)


@dataclass(frozen=True)
class ArrayReceiver:
    """Microphones that hear alike in all directions, and stand in no one's way.

    Attributes:
        array: Where they are.
    """

    array: ArrayGeometry

    @property
    def num_channels(self) -> int:
        """Number of microphones."""
        return self.array.num_channels

    @property
    def radius_m(self) -> float:
        """Greatest distance of a microphone from the centre, in metres."""
        return float(np.linalg.norm(self._positions, axis=1).max())

    @property
    def _positions(self) -> NDArray[np.float64]:
        return self.array.positions.numpy()

    def distances(
        self, position_m: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "place wave"]:
        """Return the distance of each source from each microphone."""
        apart = position_m[None] - self._positions[..., None]
        distance: NDArray[np.float64] = np.linalg.norm(apart, axis=1)
        return distance

    def gains(
        self, direction: Float[NDArray[np.float64], "axis=3 wave"]
    ) -> Float[NDArray[np.float64], "channel wave"]:
        """Return a gain of 1 for each microphone and direction."""
        return np.ones((self.num_channels, direction.shape[1]))

    def correlate(
        self, white: Float[NDArray[np.float32], "channel sample"], sample_rate: int
    ) -> Float[NDArray[np.float32], "channel sample"]:
        r"""Return noises of the coherence $\sin(kd) / kd$ for microphones $d$ apart."""
        from scipy import fft

        apart = np.linalg.norm(self._positions[:, None] - self._positions[None], axis=-1)
        hertz = np.linspace(0, sample_rate / 2, COHERENCE_POINTS)
        coherence = np.sinc(2 * hertz[:, None, None] * apart / SPEED_OF_SOUND)
        power, vectors = np.linalg.eigh(coherence)
        root = (vectors * np.sqrt(np.maximum(power, 0))[:, None]) @ vectors.swapaxes(1, 2)
        root /= np.linalg.norm(root, axis=-1, keepdims=True)
        spectrum = fft.rfft(white)
        at = np.linspace(0, sample_rate / 2, spectrum.shape[1])
        mixed = np.zeros_like(spectrum)
        for channel, source in np.ndindex(self.num_channels, self.num_channels):
            share = np.interp(at, hertz, root[:, channel, source]).astype(np.float32)
            mixed[channel] += share * spectrum[source]
        noise: NDArray[np.float32] = fft.irfft(mixed, white.shape[1])
        return noise

    def diffuse(
        self, noise: Float[NDArray[np.float32], "channel sample"]
    ) -> Float[NDArray[np.float32], "channel sample"]:
        """Return the noises as they are: all microphones have the power of the field."""
        return noise


FOA = FOAReceiver()


def check_array(array: object) -> None:
    """Raise `TypeError` unless something is an array of microphones."""
    if not isinstance(array, ArrayGeometry):
        raise TypeError(f"array must be an ArrayGeometry, got {array!r}")


def receiver(array: ArrayGeometry | None) -> Receiver:
    """Return the microphones of an array, or a first-order ambisonics one for None."""
    if array is None:
        return FOA
    check_array(array)
    return ArrayReceiver(array)


def longest_delay(radius_m: float, distance_m: float, sample_rate: int) -> int:
    """Return how many samples sound takes at most from a source to any microphone."""
    return math.ceil((distance_m + radius_m) / SPEED_OF_SOUND * sample_rate)
