"""How features follow when the channels of the audio are exchanged and inverted.

First-order ambisonics of a turned or mirrored scene is the same audio with its dipoles exchanged
and inverted; so is the recording of an array whose microphones take each other's places. Features
of it follow by index and sign, without products.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal, check_shape
from seldkit._typing import Float
from seldkit.ambisonics import AXIS_TO_CHANNEL
from seldkit.arrays import ArrayGeometry

LostLag = Literal["error", "nearest"]


@dataclass(frozen=True)
class ChannelSwap:
    """An exchange of channels: the new channel `c` is `sign[c]` times the old one `index[c]`."""

    index: tuple[int, ...]
    """The old channel of each new one."""
    sign: tuple[int, ...]
    """1, or -1 where it is inverted."""
    lost_lag: LostLag = "error"
    """What is put where a lag is missing, see `FeatureExtractor.turn`."""


@dataclass(frozen=True)
class PairRules:
    """How the features of pairs of channels follow; None where they do not.

    Features are those of one pair, `batch entry time bin`, with an entry for the cosine and one for
    the sine, say.
    """

    reverse: Callable[[Tensor], Tensor]
    """Of `(n, m)`, from those of `(m, n)`."""
    negate: Callable[[Tensor], Tensor] | None
    """Where one of both channels is inverted."""
    between: Callable[[Tensor, Tensor], Tensor] | None
    """Of `(m, n)`, from those of `(c, m)` and `(c, n)`."""
    why: str = ""
    """What a message says of features without a rule for an inverted channel."""


def channel_swap(
    matrix: Tensor,
    num_channels: int,
    *,
    array: ArrayGeometry | None,
    lost_lag: LostLag = "error",
) -> ChannelSwap:
    """Return how channels are exchanged if every source moves from `d` to `matrix @ d`.

    Args:
        matrix: A signed permutation `(axis, axis)`; for an array any orthogonal matrix that maps it
            onto itself.
        num_channels: Channels of the audio; of FOA there are four, or W alone.
        array: The microphones, or None for FOA.
        lost_lag: Passed on.

    Raises:
        ValueError: If the matrix does not turn the sound field, or the channels are not those.
    """
    check_shape("matrix", matrix, "axis axis", axis=3)
    check_literal("lost_lag", lost_lag, LostLag)
    matrix = matrix.detach().double().cpu()
    if array is not None:
        if array.num_channels != num_channels:
            raise ValueError(
                f"array must have {num_channels} channels, as the audio, got {array.num_channels}"
            )
        index = tuple(array.permutation(matrix).tolist())
        return ChannelSwap(index, (1,) * num_channels, lost_lag)
    axes, signs = _signed_permutation(matrix)
    if num_channels == 1:
        return ChannelSwap((0,), (1,), lost_lag)
    if num_channels != 4:
        raise ValueError(f"FOA must have 4 channels, or W alone, got {num_channels}")
    old, sign = [0] * 4, [1] * 4
    for channel, axis, value in zip(AXIS_TO_CHANNEL, axes, signs, strict=True):
        old[channel], sign[channel] = AXIS_TO_CHANNEL[axis], value
    return ChannelSwap(tuple(old), tuple(sign), lost_lag)


def exchanged(
    features: Float[Tensor, "batch channel time bin"],
    index: Sequence[int],
    sign: Sequence[int] | None = None,
) -> Float[Tensor, "batch channel time bin"]:
    """Return channels in another order, some of them inverted: by index and sign alone."""
    signs = [1] * len(index) if sign is None else sign
    channels = [features[:, old] for old in index]
    return torch.stack(
        [x if value > 0 else -x for x, value in zip(channels, signs, strict=True)], dim=1
    )


def exchanged_pairs(
    name: str,
    features: Float[Tensor, "batch out time bin"],
    pairs: Sequence[tuple[int, int]],
    swap: ChannelSwap,
    rules: PairRules,
) -> Float[Tensor, "batch out time bin"]:
    """Return the features of pairs of the swapped audio.

    Args:
        name: What they are, for the message.
        features: For one entry after the other, those of all pairs.
        pairs: The pairs `(m, n)`.
        swap: How the channels are exchanged.
        rules: How the features of a pair follow.

    Raises:
        ValueError: If a pair does not follow from those that are there.
    """
    by_pair: dict[tuple[int, int], Tensor] = dict(
        zip(pairs, features.unflatten(1, (-1, len(pairs))).unbind(dim=2), strict=True)
    )

    def known(first: int, second: int) -> Tensor | None:
        if (first, second) in by_pair:
            return by_pair[first, second]
        if (second, first) in by_pair:
            return rules.reverse(by_pair[second, first])
        return None

    def found(first: int, second: int) -> Tensor:
        direct = known(first, second)
        if direct is not None:
            return direct
        for common in range(len(swap.index)) if rules.between is not None else ():
            one, other = known(common, first), known(common, second)
            if one is not None and other is not None and rules.between is not None:
                return rules.between(one, other)
        raise ValueError(
            f"{name} cannot be turned so: it would need the pair {(first, second)}, which does not"
            f" follow from its pairs {tuple(pairs)}"
        )

    turned = []
    for first, second in pairs:
        value = found(swap.index[first], swap.index[second])
        if swap.sign[first] != swap.sign[second]:
            if rules.negate is None:
                raise ValueError(
                    f"{name} cannot be turned so: channel {first} or {second} is inverted"
                    f"{rules.why}"
                )
            value = rules.negate(value)
        turned.append(value)
    return torch.stack(turned, dim=2).flatten(1, 2)


def _signed_permutation(
    matrix: Float[Tensor, "axis axis"],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the column of each row's entry, and its sign."""
    size = matrix.abs()
    once = (size.sum(dim=0) == 1).all() and (size.sum(dim=1) == 1).all()
    if not once or not ((size == 0) | (size == 1)).all():
        raise ValueError(
            "matrix must be a signed permutation, with one entry of 1 or -1 in each row and column,"
            f" got {matrix.tolist()}"
        )
    axes = size.argmax(dim=1)
    return tuple(axes.tolist()), tuple(int(matrix[row, axis]) for row, axis in enumerate(axes))
