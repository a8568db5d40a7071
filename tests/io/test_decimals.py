"""Decimals that are read in one go are the floats that Python reads one by one."""

import re
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldkit.io.decimals import Floats, read_decimals

DIGITS = st.from_regex(r"-?[0-9]{0,26}\.?[0-9]{0,26}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.one_of(
    DIGITS, FLOATS.map(repr), st.floats(-2, 2).map(repr), st.floats(-2, 2, width=32).map(repr)
)


def read_lines(text: str) -> Floats | None:
    """Return numbers `[row, column]` of lines of three cells."""
    numbers = read_decimals(f"{text}\n".encode(), 3)
    return None if numbers is None else numbers.T


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1))
def test_each_number_is_the_nearest_float(rows: list[tuple[str, ...]]) -> None:
    numbers = read_lines("\n".join(map(",".join, rows)))
    if numbers is None:
        assert any("e" in cell or not set(cell) & set("0123456789") for row in rows for cell in row)
    else:
        wanted = np.array([[float(cell) for cell in row] for row in rows])
        np.testing.assert_array_equal(numbers, wanted)
        np.testing.assert_array_equal(np.signbit(numbers), np.signbit(wanted))


@given(st.text("0123456789-,\n", max_size=30), st.integers(0, 10**20))
def test_integers_are_read_where_all_are(text: str, last: int) -> None:
    text = f"{text}{last},-7,0"
    cells = [line.split(",") for line in text.split("\n")]
    if all(len(row) == 3 and all(re.fullmatch("-?[0-9]+", x) for x in row) for row in cells):
        numbers = read_lines(text)
        assert numbers is not None
        assert numbers.tolist() == [[float(cell) for cell in row] for row in cells]
    else:
        assert read_lines(text) is None


@given(st.floats(1e-4, 1e4), st.integers(10, 22))
def test_numbers_halfway_between_floats_are_rounded_as_python_does(x: float, places: int) -> None:
    halfway = (Decimal(x) + Decimal(float(np.nextafter(x, 1e5)))) / 2
    cells = f"{halfway:.{places}f}", str(2**53 + 2 * int(x) + 1), str(10**18 + int(x))
    numbers = read_lines(",".join(cells))
    assert numbers is not None
    assert numbers.tolist() == [[float(cell) for cell in cells]]


@pytest.mark.parametrize(
    "text",
    [
        "0,-1,2.5",
        "00,5.,.5",
        "1,-0,-0.0",
        "3,123456789012345678901,0.1",
        "0.00012345678901234567,0.1234567890123456789012345678,18446744073709551616",
        "99999999,999999999,9999999999999999",
        "0,1e2,2\n0,1,-2.5e-05" + "\n0,1,2" * 20,
        "1,2,3\n4,5,6",
    ],
)
def test_plain_decimals_are_read(text: str) -> None:
    numbers = read_lines(text)
    assert numbers is not None
    assert numbers.tolist() == [[float(x) for x in row.split(",")] for row in text.split()]


@pytest.mark.parametrize(
    "text",
    [
        *("0,,1", ",0,1", "0,1,", "0,-,1", "0,.,1", "0,-.,1", "0,--1,1", "0,1-2,1", "0,1.2.3,1"),
        *("0,+1,1", "0, 1,1", "0,nan,1", "0,1_0,1", "0,1/0,1", "0,\u0661,1", "0,1", "0,1,2,3"),
        *("0,1,2\n" * 9 + text for text in ("0,e,1", "0,1e,1", "0,1e+2,1", "0,e5,1", "0,1-2e5,1")),
        "0,1e2,-2.5e-05",
        *("0,1\n2,3,4", "0,1,2\n\n3,4,5", "\n0,1,2"),
    ],
)
def test_anything_else_is_left_to_the_reader_that_names_lines(text: str) -> None:
    assert read_lines(text) is None
