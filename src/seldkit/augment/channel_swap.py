"""Channel swaps: turning the sound field by exchanging channels, and inverting those of FOA.

An exchange of axes with signs turns (or mirrors) a scene exactly: the dipoles of FOA are exchanged
and inverted in the same way as the coordinates of every direction. An array of microphones turns
onto itself by an exchange of its channels.
"""

from dataclasses import replace
from itertools import permutations, product
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice, check_floating, check_shape, check_vectors
from seldkit._typing import Bool, Float, Int
from seldkit.ambisonics import AXIS_TO_CHANNEL
from seldkit.augment._labels import Labels
from seldkit.events import Events
from seldkit.outputs import SELDOutput


def channel_swaps(count: Literal[4, 8, 16, 48]) -> Int[Tensor, "swap axis=3 axis=3"]:
    """Return the matrices of a set of channel swaps, the identity first.

    Args:
        count: 4 mirror left and right, or front and back; 8 mirror up and down too; 16 also
            exchange x and y, so that up and down keep their meaning as an axis; 48 exchange all
            axes.

    Returns:
        Signed permutation matrices: a direction `d` becomes `matrix @ d`.

    Source: Mazzon et al., "First order ambisonics domain spatial augmentation for DNN-based
    direction of arrival estimation", DCASE 2019 (16 patterns).

    Examples:
        >>> channel_swaps(16)[2]  # left and right exchanged
        tensor([[ 1,  0,  0],
                [ 0, -1,  0],
                [ 0,  0,  1]])
    """
    check_choice("count", count, (4, 8, 16, 48))
    orders = [p for p in permutations(range(3)) if count == 48 or p[2] == 2]
    orders = orders[:1] if count < 16 else orders
    signs = [s for s in product((1, -1), repeat=3) if count > 4 or s[2] == 1]
    eye = torch.eye(3, dtype=torch.int64)
    return torch.stack([torch.tensor(s).unsqueeze(1) * eye[list(p)] for p in orders for s in signs])


def swap_directions(
    target: Labels, matrix: Int[Tensor, "..."] | Float[Tensor, "..."], *, planar: bool = False
) -> Labels:
    """Turn the directions of targets, outputs or events, one swap for each item of the batch.

    What follows a vector, its distance and its on-screen entry, stays as it is, and so do activity
    and distance of a `SELDOutput`. Positions (`positions_m` of a format) turn likewise if one
    number holds for all axes.

    Args:
        target: Targets or outputs of any format, `(batch, ...)`: a `SELDOutput`, or vectors whose
            last axis is `x, y, z[, distance][, onscreen]`. Zeros stay zeros. Or a list of the
            events of each item.
        matrix: Rows of [`channel_swaps`][seldkit.augment.channel_swaps] or matrices of
            [`ArrayGeometry.swaps`][seldkit.arrays.ArrayGeometry.swaps], `(batch, 3, 3)`, or one
            for all.
        planar: Whether vectors are `x, y[, distance][, onscreen]`, as formats with `planar=True`
            have them; they cannot be turned out of their plane.

    Returns:
        Of the type of the target; exchanges and signs are exact in every precision.

    Raises:
        TypeError: If the target is of another kind, or holds integers.
        ValueError: If a shape is not as said, a matrix is not orthogonal, or it turns a planar
            vector out of its plane.

    Examples:
        >>> left = torch.tensor([[[0.0, 1.0, 0.0, 2.5]]])  # and 2.5 m away
        >>> swap_directions(left, channel_swaps(16)[2:3])
        tensor([[[ 0.0000, -1.0000,  0.0000,  2.5000]]])
    """
    if isinstance(target, Events):
        return swap_directions([target], matrix)[0]
    if isinstance(target, list) and all(isinstance(events, Events) for events in target):
        turns = _one_for_each("matrix", matrix, len(target)).unbind()
        return [
            replace(events, direction=_turn(events.direction.unsqueeze(0), turn)[0])
            for events, turn in zip(target, turns, strict=True)
        ]
    if isinstance(target, SELDOutput):
        check_vectors(direction=target.direction)
        return target._replace(direction=_turn(target.direction, matrix))
    if not isinstance(target, Tensor):
        raise TypeError(
            f"target must be a tensor, a SELDOutput or Events, got {type(target).__name__}"
        )
    axes = 2 if planar else 3
    if target.ndim < 2 or not axes <= target.shape[-1] <= axes + 2:
        names = "x, y" if planar else "x, y, z"
        raise ValueError(
            f"target must be (batch, ..., {names}[, distance][, onscreen]) with planar={planar},"
            f" got shape {tuple(target.shape)}"
        )
    vector, rest = target[..., :axes], target[..., axes:]
    if planar:
        across = _one_for_each("matrix", matrix, len(target))[:, 2, :2]
        if across.any():
            raise ValueError(f"matrix must keep planar vectors in their plane, got {matrix}")
        vector = functional.pad(vector, (0, 1))
    turned = _turn(vector, matrix)[..., :axes]
    with torch.autocast(target.device.type, enabled=False):
        return torch.cat((turned, rest), dim=-1)


def swap_channels(
    waveform: Float[Tensor, "batch channel=4 sample"],
    matrix: Int[Tensor, "..."] | Float[Tensor, "..."],
) -> Float[Tensor, "batch channel=4 sample"]:
    """Turn FOA audio, one swap for each item of the batch.

    Channels are exchanged and inverted, not mixed, so that the result is exact in every precision.
    Features are turned by `extractor.turn`, which knows how they are laid out.

    Args:
        waveform: FOA audio in ACN order (W, Y, Z, X).
        matrix: Rows of [`channel_swaps`][seldkit.augment.channel_swaps], `(batch, 3, 3)`, or one
            for all.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If the waveform has other axes or channels, or a matrix is no signed
            permutation.

    Examples:
        >>> left = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 4, 1)  # W, Y, Z, X
        >>> swap_channels(left, channel_swaps(16)[2:3]).flatten()
        tensor([ 1., -1.,  0.,  0.])
    """
    check_shape("waveform", waveform, "batch channel sample", channel=4)
    check_floating(waveform=waveform)
    matrix = _one_for_each("matrix", matrix, len(waveform)).to(waveform.device)
    if not _signed(matrix).all():
        raise ValueError(f"matrix must hold signed permutations, got {matrix.tolist()}")
    # From the order x, y, z of the axes to the order y, z, x of the dipoles.
    channel_of_axis = torch.tensor(AXIS_TO_CHANNEL, device=waveform.device)
    axis_of_dipole = channel_of_axis.argsort()
    source, sign = _order_and_sign(matrix)
    omni = torch.zeros_like(source[:, :1])
    channel = functional.pad(channel_of_axis[source[:, axis_of_dipole]], (1, 0))
    sign = torch.cat((omni + 1, sign[:, axis_of_dipole]), dim=1)
    taken = waveform[torch.arange(len(waveform), device=waveform.device).unsqueeze(1), channel]
    return taken * sign.unsqueeze(-1).to(waveform.dtype)


def swap_microphones(
    waveform: Float[Tensor, "batch channel sample"], permutation: Int[Tensor, "..."]
) -> Float[Tensor, "batch channel sample"]:
    """Turn what an array of microphones recorded, one swap for each item of the batch.

    The labels are turned by [`swap_directions`][seldkit.augment.swap_directions] with the matrices
    of the same swaps.

    Args:
        waveform: Audio of the array.
        permutation: The orders of channels of
            [`ArrayGeometry.swaps`][seldkit.arrays.ArrayGeometry.swaps], `(batch, channel)`, or one
            for all.

    Raises:
        TypeError: If the waveform holds integers, or the permutation does not.
        ValueError: If the shapes do not fit, or an order lacks a channel.

    Examples:
        >>> from seldkit.arrays import ArrayGeometry
        >>> matrices, orders = map(torch.stack, zip(*ArrayGeometry.tetrahedron().swaps()))
        >>> waveform = torch.arange(4.0).reshape(1, 4, 1)
        >>> swap_microphones(waveform, orders[1:2]).flatten()
        tensor([1., 0., 3., 2.])
        >>> front_left = torch.tensor([[0.48, 0.64, 0.6]])
        >>> swap_directions(front_left, matrices[1:2])  # turned by half a circle about x
        tensor([[ 0.4800, -0.6400, -0.6000]])
    """
    check_shape("waveform", waveform, "batch channel sample")
    check_floating(waveform=waveform)
    batch, channels, _ = waveform.shape
    if permutation.is_floating_point() or permutation.dtype == torch.bool:
        raise TypeError(f"permutation must hold integers, got {permutation.dtype}")
    order = permutation.to(waveform.device).long()
    order = order.expand(batch, -1) if order.ndim == 1 else order
    check_shape("permutation", order, "batch channel", batch=batch, channel=channels)
    if (order.sort(dim=1).values != torch.arange(channels, device=order.device)).any():
        raise ValueError(f"permutation must hold every channel once, got {permutation.tolist()}")
    return waveform[torch.arange(batch, device=order.device).unsqueeze(1), order]


def _turn(vector: Float[Tensor, "batch *axes axis=3"], matrix: Tensor) -> Tensor:
    """Turn vectors, one matrix for each item of the batch, exactly where it exchanges axes."""
    check_floating(target=vector)
    matrix = _one_for_each("matrix", matrix, len(vector)).to(vector.device)
    places = (len(vector), *[1] * (vector.ndim - 2))
    if _signed(matrix).all():
        source, sign = (x.reshape(*places, 3) for x in _order_and_sign(matrix))
        return vector.gather(-1, source.expand(vector.shape)) * sign.to(vector.dtype)
    exact = torch.promote_types(vector.dtype, torch.float32)
    turn = matrix.to(exact)
    # Sums of products and no matrix product, which would run in half precision under autocast.
    square = (turn.unsqueeze(2) * turn.unsqueeze(1)).sum(dim=-1)
    if not (square - torch.eye(3, dtype=exact, device=turn.device)).abs().max() < 1e-5:
        raise ValueError(f"matrix must be orthogonal, got {matrix.tolist()}")
    products = turn.reshape(*places, 3, 3) * vector.to(exact).unsqueeze(-2)
    return products.sum(dim=-1).to(vector.dtype)


def _one_for_each(name: str, matrix: Tensor, batch: int) -> Tensor:
    """Return a matrix for each item of a batch, or raise `ValueError`."""
    matrix = matrix.expand(batch, -1, -1) if matrix.ndim == 2 else matrix
    check_shape(name, matrix, "batch axis axis", batch=batch, axis=3)
    return matrix


def _signed(matrix: Tensor) -> Bool[Tensor, " batch"]:
    """Return which matrices are signed permutations."""
    size = matrix.abs()
    once = (size.sum(dim=1) == 1) & (size.sum(dim=2) == 1)
    return once.all(dim=1) & ((size == 0) | (size == 1)).flatten(1).all(dim=1)


def _order_and_sign(
    matrix: Tensor,
) -> tuple[Int[Tensor, "batch axis=3"], Int[Tensor, "batch axis=3"]]:
    """Return the axis that each axis is taken from, and its sign."""
    return matrix.abs().argmax(dim=2), matrix.sum(dim=2).long()
