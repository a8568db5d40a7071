"""Channel swaps: turning the sound field by exchanging and inverting ambisonic channels.

An exchange of axes with signs turns (or mirrors) a scene exactly: the dipoles of FOA are
exchanged and inverted in the same way as the coordinates of every direction.
"""

from itertools import permutations, product
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_shape, check_vectors
from seldkit._typing import Float, Int
from seldkit.ambisonics import AXIS_TO_CHANNEL


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
    direction: Float[Tensor, "batch *axes axis"], matrix: Int[Tensor, "batch axis=3 axis=3"]
) -> Float[Tensor, "batch *axes axis"]:
    """Turn directions, one swap for each item of the batch.

    Args:
        direction: Vectors `(batch, ..., axis)`; zeros stay zeros.
        matrix: Rows of [`channel_swaps`][seldkit.augment.channel_swaps], `(batch, 3, 3)`.
    """
    check_vectors(direction=direction)
    check_shape("matrix", matrix, "batch axis axis", batch=direction.shape[0], axis=3)
    return torch.einsum("bij,b...j->b...i", matrix.to(direction), direction)


def swap_channels(
    x: Float[Tensor, "batch channel *axes"], matrix: Int[Tensor, "batch axis=3 axis=3"]
) -> Float[Tensor, "batch channel *axes"]:
    """Turn FOA audio, or features of it, one swap for each item of the batch.

    Levels do not know signs, so their channels are only exchanged; what follows from turning the
    waveform and from turning its features is the same. Angles are no such features: turned by half
    a circle they wrap around, where their cosines and sines change their sign.

    Args:
        x: Waveform `(batch, channel=4, sample)` in ACN order, or features `(batch, channel, time,
            freq)`: the levels of W, Y, Z, X and the intensity in the order y, z, x (7 channels),
            with cosines and then sines of the phases of Y, Z, X to W between them (13 channels).
        matrix: Rows of [`channel_swaps`][seldkit.augment.channel_swaps], `(batch, 3, 3)`.

    Raises:
        ValueError: If there are other than 4, 7 or 13 channels.

    Examples:
        >>> left = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 4, 1)  # W, Y, Z, X
        >>> swap_channels(left, channel_swaps(16)[2:3]).flatten()
        tensor([ 1., -1.,  0.,  0.])
    """
    check_shape("matrix", matrix, "batch axis axis", batch=x.shape[0], axis=3)
    if x.shape[1] not in (4, 7, 13):
        raise ValueError(f"x must have 4, 7 or 13 channels, got shape {tuple(x.shape)}")
    # From the order x, y, z of the axes to the order y, z, x of the dipoles.
    axis_of_dipole = torch.tensor(AXIS_TO_CHANNEL, device=x.device).argsort()
    dipoles = matrix.to(x)[:, axis_of_dipole][:, :, axis_of_dipole]
    maps = [torch.ones_like(dipoles[:, :1, :1])]
    maps += [dipoles] if x.shape[1] == 4 else [dipoles.abs()] + (x.shape[1] - 4) // 3 * [dipoles]
    mixing = torch.stack([torch.block_diag(*blocks) for blocks in zip(*maps, strict=True)])
    return (mixing @ x.flatten(2)).reshape(x.shape)
