"""Another sampling rate, by a low-pass filter long enough that nothing folds back."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import ceil, gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Samples of a signal, `[channel, sample]`."""

PASS = 0.9
"""Up to which part of the lower Nyquist frequency a signal passes; from all of it, nothing does."""

STOP_DB = 110.0
"""By how much what must not pass is damped; what passes is as true: within 3e-6."""

BETA = 0.1102 * (STOP_DB - 8.7)
"""Shape of the Kaiser window for that damping, by Kaiser's formula."""

FACTOR = 256
"""How many times higher or lower another rate may be: beyond it a header is damaged."""

COLUMNS = 32
"""Outputs that one product of matrices makes of a row, at most; of all rows about 16,000."""

PRODUCT = 2**18
"""Multiplications that OpenBLAS leaves to one thread: several round otherwise, and are slower."""


class Ratio(NamedTuple):
    """By which whole numbers a rate is multiplied and divided, in lowest terms."""

    up: int
    down: int

    @classmethod
    def between(cls, rate: int, new_rate: int) -> "Ratio":
        """Return the ratio that makes one rate of another.

        Raises:
            ValueError: If one is more than 256 times the other.
        """
        if max(rate, new_rate) > FACTOR * min(rate, new_rate):
            raise ValueError(
                f"rates must be at most {FACTOR} times one another, got {rate} and {new_rate} Hz"
            )
        common = gcd(rate, new_rate)
        return cls(new_rate // common, rate // common)

    @property
    def half(self) -> int:
        """Reach of the filter to each side, at the rate `up` times the old one."""
        transition = np.pi * (1 - PASS) / max(self)
        return ceil((STOP_DB - 8) / (2.285 * transition) / 2)

    def length(self, samples: int) -> int:
        """Return how many samples come out of so many."""
        return -(-samples * self.up // self.down)


def resampled(
    read: Callable[[int, int], Samples], ratio: Ratio, start: int, stop: int
) -> Iterator[Samples]:
    """Yield the outputs `start` to `stop` of a signal at another rate, in pieces.

    Each output is the sum of the inputs around it, weighed by a sinc under a Kaiser window. The
    signal is silent before its first and after its last sample.

    Outputs are cut into runs, each of which begins where an input stands, runs into columns, and
    many runs make a block. The columns of a block are always computed whole, in the same way, so
    that a part of a signal comes out equal, to the last bit, to the same part of the whole.

    Args:
        read: Returns the inputs from a place to another, zeros where there are none.
        ratio: Of the new rate to the old one.
        start: First output, counted at the new rate.
        stop: The one after the last.
    """
    repeats = max(1, COLUMNS // max(ratio))
    run, step = repeats * ratio.up, repeats * ratio.down
    low, high = _reach(ratio, 0, run)
    rows = max(1, min(2**14 // run, 2**24 // (high - low)))
    block = rows * run
    for first in range(start - start % block, stop, block):
        place = first // run * step
        inputs = read(place + low, place + high + (rows - 1) * step)
        made = np.empty((len(inputs), rows, run), dtype=np.float32)
        for column in range(0, min(run, stop - first), COLUMNS):
            columns = slice(column, min(column + COLUMNS, run))
            left, right = _reach(ratio, columns.start, columns.stop)
            weights = _weights(ratio, columns.start, columns.stop)
            some = max(1, PRODUCT // weights.size)
            for channel, signal in zip(made, inputs, strict=True):
                seen = np.lib.stride_tricks.sliding_window_view(signal[left - low :], right - left)
                seen = np.ascontiguousarray(seen[::step][:rows])
                for row in range(0, rows, some):
                    channel[row : row + some, columns] = seen[row : row + some] @ weights
        yield made.reshape(len(made), -1)[:, max(start - first, 0) : stop - first]


def _reach(ratio: Ratio, first: int, stop: int) -> tuple[int, int]:
    """Return from which input up to which the outputs of a run depend, counted from its start."""
    last = (stop - 1) * ratio.down
    return -((ratio.half - first * ratio.down) // ratio.up), (last + ratio.half) // ratio.up + 1


@lru_cache(maxsize=1024)
def _weights(ratio: Ratio, first: int, stop: int) -> NDArray[np.float32]:
    """Return what each input in reach counts in each output, `[input, output]`."""
    from scipy.special import i0

    inputs = np.arange(*_reach(ratio, first, stop))[:, None] * ratio.up
    far = (np.arange(first, stop) * ratio.down - inputs) / ratio.half  # from -1 to 1
    window = i0(BETA * np.sqrt(np.clip(1 - far**2, 0, None))) / i0(BETA)
    cutoff = (1 + PASS) / 2 / max(ratio)
    sinc = ratio.up * cutoff * np.sinc(cutoff * ratio.half * far)
    return np.where(abs(far) <= 1, sinc * window, 0).astype(np.float32)
