"""Ranges that random numbers are drawn from."""

import math

Range = tuple[float, float]
"""Lowest and highest value; equal for a constant."""


def check_range(
    name: str, limits: Range, *, lowest: float = -math.inf, highest: float = math.inf
) -> None:
    """Raise `ValueError` unless the range runs upwards, and within bounds if there are any."""
    if len(limits) != 2 or not lowest <= limits[0] <= limits[1] <= highest:
        raise ValueError(
            f"{name} must be (low, high) with {lowest:g} <= low <= high <= {highest:g},"
            f" got {limits}"
        )
    if not all(map(math.isfinite, limits)):
        raise ValueError(f"{name} must be finite, got {limits}")
