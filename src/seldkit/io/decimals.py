"""Plain decimals in a text, all read at once and each to the nearest float."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bits = NDArray[np.uint64]
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

MINUS, POINT, ZERO, NINE = b"-.09"
EXPONENT = b"e"
INTEGERS = b"0123456789-"

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

TENS = 10 ** np.arange(20, dtype=np.uint64)
"""The powers of ten that 64 bits hold."""

MOST = 2**63 // TENS
"""What may stand before so many decimals."""

POWERS = np.array([float(10**power) for power in range(23)])
"""The powers of ten that are floats."""

EXACT = 2**53
"""Whole numbers up to it are floats."""

SLACK = 2.0**-40
"""How much of a correction may be wrong: far more than its rounding, 2^-52."""


class _Cells(NamedTuple):
    """Where numbers stand in a text.

    Attributes:
        start: Place of their first sign.
        end: The place behind their last one.
        negative: Whether the first is a minus.
        with_point: The numbers that have a point.
        point: Place of each of these points.
    """

    start: Places
    end: Places
    negative: Flags
    with_point: Places
    point: Places


def read_decimals(text: bytes, width: int) -> Floats | None:
    r"""Return numbers `[column, row]`, or None unless all lines are as many plain decimals.

    The digits of a decimal are a whole number, and the point divides it by a power of ten. Each
    number is the nearest float, which is what any careful reader finds.

    Args:
        text: Lines, each ended by a newline.
        width: How many decimals a line has, separated by commas.

    Examples:
        >>> read_decimals(b"1,-2.5\n3,0.1\n", 2)
        array([[ 1. ,  3. ],
               [-2.5,  0.1]])
    """
    numbers = None if b"." in text else _read_integers(text, width)
    if numbers is not None:
        return numbers
    if EXPONENT in text:
        return _read_with_exponents(text, width)
    cells = _find_cells(text, width)
    if cells is None:
        return None
    values, doubtful = _cell_values(text, cells)
    values *= 1 - 2 * cells.negative
    for cell in doubtful.tolist():
        values[cell] = float(text[cells.start[cell] : cells.end[cell]])
    return np.ascontiguousarray(values.reshape(-1, width).T)


def _read_integers(text: bytes, width: int) -> Floats | None:
    """Return numbers, or None unless all are integers that are floats, 0 without a sign."""
    row = b"," * (width - 1) + b"\n"
    if text.translate(None, INTEGERS) != row * text.count(b"\n"):
        return None
    signs = np.frombuffer(b"\n" + text, dtype=np.uint8)
    before, sign = signs[:-1], signs[1:]
    no_digit = (sign < MINUS) & (before < ZERO)
    if np.count_nonzero(no_digit | ((sign == MINUS) & (before >= MINUS))):
        return None
    values = np.fromstring(text.replace(b"\n", b","), dtype=np.int64, sep=",")
    negative = np.count_nonzero(values < 0)
    if negative < text.count(b"-") or values.max() > EXACT or values.min() < -EXACT:
        return None
    return np.ascontiguousarray(values.reshape(-1, width).T, dtype=np.float64)


def _read_with_exponents(text: bytes, width: int) -> Floats | None:
    """Return numbers of which some have an exponent: those are left to Python."""
    signs = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(signs < MINUS)
    odd = np.unique(ends.searchsorted(np.flatnonzero(signs == ord(EXPONENT))))
    if len(odd) > len(ends) // 8:
        return None  # any other reader is faster
    starts = np.where(odd > 0, ends[odd - 1] + 1, 0)
    plain, values = bytearray(text), []
    for start, end in zip(starts.tolist(), ends[odd].tolist(), strict=True):
        cell = text[start:end]
        plain[start:end] = b"0" * len(cell)
        try:
            values.append(float(cell))
        except ValueError:
            return None
    numbers = read_decimals(bytes(plain), width)
    if numbers is not None:
        row, column = np.divmod(odd, width)
        numbers[column, row] = values
    return numbers


def _find_cells(text: bytes, width: int) -> _Cells | None:
    """Return where the numbers stand, or None unless all are decimals, so many in each line."""
    signs = np.frombuffer(text, dtype=np.uint8)
    marks = np.flatnonzero(signs < ZERO)
    kinds = signs[marks]
    closing = np.flatnonzero(kinds < MINUS)
    row = b"," * (width - 1) + b"\n"
    if kinds[closing].tobytes() != row * (len(closing) // width):
        return None
    end = marks[closing]
    start = np.concatenate(([0], end[:-1] + 1))
    negative = signs[start] == MINUS
    with_point = np.flatnonzero(kinds[closing - 1] == POINT)
    point = marks[closing[with_point] - 1]
    length = end - start - negative
    length[with_point] -= 1
    others = len(closing) + len(with_point) + np.count_nonzero(negative)
    if signs.max() > NINE or len(marks) > others or length.min() < 1:
        return None  # a letter, a sign out of place or a cell without a digit
    return _Cells(start, end, negative, with_point, point)


def _cell_values(text: bytes, cells: _Cells) -> tuple[Floats, Places]:
    """Return the values of cells, without their signs, and which of them are in doubt."""
    signs = np.frombuffer(b"0" * LONGEST + text, dtype=np.uint8)
    words = np.ndarray(len(signs) - WORD + 1, dtype="<u8", buffer=signs, strides=(1,))
    stop = cells.end.copy()
    stop[cells.with_point] = cells.point
    whole, doubtful = _whole_numbers(words, stop, stop - cells.start - cells.negative)
    values = whole.astype(np.float64)
    if len(cells.point):
        values[cells.with_point], unsure = _with_fractions(words, whole[cells.with_point], cells)
        doubtful[cells.with_point] |= unsure
    return values, np.flatnonzero(doubtful)


def _with_fractions(words: Bits, whole: Bits, cells: _Cells) -> tuple[Floats, Flags]:
    """Return whole numbers with the digits behind their points, and which of them are in doubt."""
    end = cells.end[cells.with_point]
    places = end - cells.point - 1
    fraction, doubtful = _whole_numbers(words, end, places)
    shift = np.minimum(places, len(TENS) - 1)
    doubtful |= whole > MOST[shift]
    values, unsure = _divided(whole * TENS[shift] + fraction, places)
    return values, doubtful | unsure


def _whole_numbers(words: Bits, stop: Places, length: Places) -> tuple[Bits, Flags]:
    """Return the number that so many digits before a place are, and where they are too many."""
    stop = stop + (LONGEST - WORD)
    whole = _word_values(words[stop], np.minimum(length, WORD))
    doubtful = length > LONGEST
    for first in range(WORD, min(LONGEST, int(length.max())), WORD):
        part = _word_values(words[stop - first], (length - first).clip(0, WORD))
        doubtful |= part >= 2**64 // 10**first
        part *= 10**first
        whole += part
    return whole, doubtful


def _word_values(word: Bits, length: Places) -> Bits:
    """Return the numbers that the last digits of words are, in three steps for all eight."""
    value = word & MASKS[length]
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
