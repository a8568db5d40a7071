"""Steps on the unit sphere: along great circles, which are straight there."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def moved(direction: Array, step: Array) -> Array:
    """Return where steps lead (the exponential map).

    Args:
        direction: Unit vectors, `[..., axis]`.
        step: Tangents there, as long as the angle in radians.
    """
    angle = length(step)
    ahead = np.cos(angle) * direction + np.sinc(angle / np.pi) * step
    there: Array = ahead / length(ahead)
    return there


def step_towards(direction: Array, there: Array) -> Array:
    """Return the step that leads to another direction (the logarithmic map).

    It is as long as the angle between them in radians, and zero towards the opposite direction,
    to which there are all ways.
    """
    cosine = (direction * there).sum(axis=-1, keepdims=True)
    across = there - cosine * direction
    sine = length(across)
    step: Array = np.arctan2(sine, cosine) / np.where(sine > 0, sine, 1) * across
    return step


def transported(tangent: Array, direction: Array, there: Array) -> Array:
    """Return tangents carried along the great circle to another direction (parallel transport)."""
    both = direction + there
    # Not to the opposite direction: no step is that long.
    share = (tangent * there).sum(axis=-1, keepdims=True) / (both * direction).sum(
        axis=-1, keepdims=True
    ).clip(min=1e-12)
    carried: Array = tangent - share * both
    return carried


def length(vector: Array) -> Array:
    """Return lengths of vectors, `[..., 1]`."""
    lengths: Array = np.sqrt((vector * vector).sum(axis=-1, keepdims=True))
    return lengths
