"""Plain decimals in a text, all read at once and each to the nearest float."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bits = NDArray[np.uint64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

MINUS, POINT, NINE, EXPONENT = b"-.9e"

WORD = 8
"""Digits in 64 bits, a byte for each."""

LONGEST = 3 * WORD
"""Digits that are read of a number; a float has up to 17, and zeros may stand before them."""

MASKS = np.array([(0x0F0F0F0F0F0F0F0F << 64 - 8 * n) % 2**64 for n in range(9)], dtype=np.uint64)
"""What leaves of a word the values of its last digits, by their number."""

JOINS = (
    (10 * 2**8 + 1, 8, 0x00FF00FF00FF00FF),
    (10**2 * 2**16 + 1, 16, 0x0000FFFF0000FFFF),
    (10**4 * 2**32 + 1, 32, 0x00000000FFFFFFFF),
)
"""Factor, shift and mask that make numbers of neighbouring digits, then of pairs and of fours."""

POWERS = np.array([float(10**power) for power in range(23)])
"""The powers of ten that are floats."""

EXACT = 2**53
"""Whole numbers up to it are floats."""

SLACK = 2.0**-40
"""How much of a correction may be wrong: far more than its rounding, 2^-52."""


def read_decimals(text: bytes, width: int) -> Floats | None:
    r"""Return numbers `[column, row]`, or None unless all lines are as many plain decimals.

    The digits of a decimal are a whole number, and the point divides it by a power of ten. Each
    number is the nearest float, which is what any careful reader finds.

    Args:
        text: Lines, each ended by a newline.
        width: How many decimals a line has, separated by commas.

    Examples:
        >>> read_decimals(b"1,-2.5\n3,4e-05\n", 2)
        array([[ 1.0e+00,  3.0e+00],
               [-2.5e+00,  4.0e-05]])
    """
    signs = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(signs < MINUS)
    row = b"," * (width - 1) + b"\n"
    if signs[ends].tobytes() != row * (len(ends) // width):
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    odd = ends[:0]
    plain = text
    if b"e" in text:
        odd = np.unique(ends.searchsorted(np.flatnonzero(signs == EXPONENT)))
        plain = _with_zeros(text, starts[odd], ends[odd])
    read = _read_plain(plain, starts, ends)
    if read is None:
        return None
    values, doubtful = read
    try:
        for cell in (*odd.tolist(), *doubtful.tolist()):
            values[cell] = float(text[starts[cell] : ends[cell]])
    except ValueError:
        return None
    return np.ascontiguousarray(values.reshape(-1, width).T)


def _with_zeros(text: bytes, starts: Places, ends: Places) -> bytes:
    """Return a text with zeros in some cells."""
    plain = bytearray(text)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        plain[start:end] = b"0" * (end - start)
    return bytes(plain)


def _read_plain(text: bytes, starts: Places, ends: Places) -> tuple[Floats, Places] | None:
    """Return the values of cells without exponents, and which are in doubt; None if one is odd."""
    signs = np.frombuffer(text, dtype=np.uint8)
    negative = signs[starts] == MINUS
    points = np.flatnonzero(signs == POINT)
    length = ends - starts
    stops = ends + LONGEST
    digits = b"0" * LONGEST + (text.translate(None, b".") if len(points) else text)
    if len(points):
        stops = np.flatnonzero(np.frombuffer(digits, dtype=np.uint8) < MINUS)
        length = stops - np.concatenate(([LONGEST], stops[:-1] + 1))
    with_point = np.flatnonzero(ends - starts - length)
    length -= negative
    if (
        signs.max() > NINE
        or b"/" in text
        or length.min() < 1  # a cell without a digit
        or np.count_nonzero(negative) < np.count_nonzero(signs == MINUS)
        or len(with_point) < len(points)  # a cell with two of them
    ):
        return None
    whole, doubtful = _whole_numbers(digits, stops, length)
    values = whole.astype(np.float64)
    if len(points):
        divided, unsure = _divided(whole[with_point], ends[with_point] - points - 1)
        values[with_point] = divided
        doubtful[with_point] |= unsure
    np.negative(values, out=values, where=negative)
    return values, np.flatnonzero(doubtful)


def _whole_numbers(digits: bytes, stops: Places, length: Places) -> tuple[Bits, Flags]:
    """Return the number that so many digits before each stop are, and whether they are too many."""
    words = np.ndarray(len(digits) - WORD + 1, dtype="<u8", buffer=digits, strides=(1,))
    whole = _word_values(words[stops - WORD], length)
    doubtful = length > LONGEST
    for first in range(WORD, min(LONGEST, int(length.max())), WORD):
        more = np.flatnonzero(length > first)
        part = _word_values(words[stops[more] - first - WORD], length[more] - first)
        whole[more] += part * 10**first
        doubtful[more] |= part >= 2**64 // 10**first
    return whole, doubtful


def _word_values(word: Bits, length: Places) -> Bits:
    """Return the numbers that the last digits of words are, in three steps for all eight."""
    value = word & MASKS[np.minimum(length, WORD)]
    for factor, shift, mask in JOINS:
        value *= factor
        value >>= shift
        value &= mask
    return value


def _divided(whole: Bits, places: Places) -> tuple[Floats, Flags]:
    r"""Return numbers divided by powers of ten, and whether they may not be the nearest float.

    A quotient of two floats is the nearest. Beyond 2^53 the rest that it leaves, computed without
    error (Dekker, 1971), is divided too.
    """
    doubtful = places >= len(POWERS)
    power = POWERS[np.minimum(places, len(POWERS) - 1)]
    high = whole.astype(np.float64)
    values = high / power
    more = np.flatnonzero(whole > EXACT)
    if len(more):
        near, by, high = values[more], power[more], high[more]
        low = (whole[more] - high.astype(np.uint64)).view(np.int64)
        product = near * by
        (a, b), (c, d) = _halves(near), _halves(by)
        error = ((a * c - product) + a * d + b * c) + b * d
        more_exact = (high - product - error + low) / by
        values[more] = near + more_exact * (1 - SLACK)
        doubtful[more] |= values[more] != near + more_exact * (1 + SLACK)
    return values, doubtful


def _halves(value: Floats) -> tuple[Floats, Floats]:
    """Return two floats of 26 bits each that add up to another (Veltkamp, 1968)."""
    scaled = value * (2**27 + 1)
    upper = scaled - (scaled - value)
    return upper, value - upper
