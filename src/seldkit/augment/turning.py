"""Turning clips: each is rotated or mirrored as a whole, sound and labels, at random."""

from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_shape
from seldkit._typing import Float
from seldkit.arrays import ArrayGeometry
from seldkit.augment._chance import Chance, of_each
from seldkit.augment._extractor import Extractor
from seldkit.augment._labels import Labels, check_labels
from seldkit.augment.channel_swap import (
    channel_swaps,
    swap_channels,
    swap_directions,
    swap_microphones,
)

Swaps = Tensor | ArrayGeometry | Literal["stereo"] | None
"""What swaps are drawn from."""


def turn_clips(
    x: Float[Tensor, "batch channel time *freq"],
    labels: Labels,
    *,
    swaps: Swaps = None,
    extractor: Extractor | None = None,
    lost_lag: Literal["error", "nearest"] = "error",
    planar: bool = False,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time *freq"], Labels]:
    """Turn or mirror the sound field of each clip by a swap of channels, and its labels with it.

    Swaps are drawn with equal chance from a set, in which the identity may be.

    Args:
        x: FOA audio or that of an array, `(batch, channel, sample)`, or features before they are
            standardised, `(batch, channel, time, freq)`.
        labels: Targets of any format, or the events of each clip.
        swaps: For FOA the matrices to draw from, `(swap, axis, axis)`: some of
            [`channel_swaps`][seldkit.augment.channel_swaps], its 16 if None. For microphones their
            array, all of whose [`swaps`][seldkit.arrays.ArrayGeometry.swaps] are drawn from. For
            two channels whose labels are in front alone, as those of DCASE 2025, `"stereo"`: left
            and right are exchanged, or not.
        extractor: What made the features, which turns them; needed for features alone.
        lost_lag: See [`turn`][seldkit.features.FeatureExtractor.turn].
        planar: Whether targets have vectors without z, see
            [`swap_directions`][seldkit.augment.swap_directions].
        p: Chance of each clip to be turned.
        generator: Source of randomness, on the device of `x`; torch's own if None.

    Returns:
        Both, turned.

    Raises:
        TypeError: If `x` or a target holds integers, or the labels are of another kind.
        ValueError: If a shape is not as said, features come without their extractor, cannot be
            turned so, or the chance lies beyond 0..1.

    Examples:
        >>> from seldkit.ambisonics import plane_wave
        >>> left = torch.tensor([0.0, 1.0, 0.0])
        >>> mirror = channel_swaps(16)[2:3]  # left and right
        >>> turned, target = turn_clips(plane_wave(torch.ones(3), left)[None], left[None],
        ...                             swaps=mirror)
        >>> target, torch.equal(turned[0], plane_wave(torch.ones(3), target[0]))
        (tensor([[ 0., -1.,  0.]]), True)
    """
    check_labels(labels, len(x))
    matrices, orders, array = _drawn_from(swaps)
    chance = Chance(x, p, generator)
    drawn = chance.below(len(matrices)).to(matrices.device)
    still = torch.eye(3, dtype=matrices.dtype, device=matrices.device)
    chosen = chance.chosen.to(matrices.device)
    matrix = torch.where(of_each(chosen, matrices), matrices[drawn], still)
    turned = swap_directions(labels, matrix, planar=planar)
    if x.ndim == 4:
        if extractor is None:
            raise ValueError("extractor must be given to turn features, got None")
        return extractor.turn(x, matrix, array=array, lost_lag=lost_lag), turned
    if orders is None:
        return swap_channels(x, matrix), turned
    same = torch.arange(orders.shape[1], device=orders.device)
    return swap_microphones(x, torch.where(chosen.unsqueeze(1), orders[drawn], same)), turned


def _drawn_from(swaps: Swaps) -> tuple[Tensor, Tensor | None, ArrayGeometry | Literal["foa"]]:
    """Return the matrices to draw from, the order of microphones of each, and their array."""
    if isinstance(swaps, str):
        check_literal("swaps", swaps, Literal["stereo"])
        pair, matrices = ArrayGeometry.line(2, spacing_m=1.0), channel_swaps(4)[:2]
        return matrices, torch.stack([pair.permutation(matrix) for matrix in matrices]), pair
    if isinstance(swaps, ArrayGeometry):
        matrices, orders = (torch.stack(column) for column in zip(*swaps.swaps(), strict=True))
        return matrices, orders, swaps
    matrices = channel_swaps(16) if swaps is None else swaps
    check_shape("swaps", matrices, "swap axis axis", axis=3)
    if not len(matrices):
        raise ValueError("swaps must hold at least one, got none")
    return matrices, None, "foa"
