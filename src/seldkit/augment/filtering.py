"""Random filters on log-mel features: other microphones, distances and recordings."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_floating, check_shape, integer
from seldkit._typing import Float


def filter_bands(
    features: Float[Tensor, "batch channel time freq"],
    *,
    tilt_db: float = 5.0,
    gain_db: float = 4.0,
    num_nodes: int = 8,
    num_levels: int = 4,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch channel time freq"]:
    """Filter each clip at random: add a smooth curve over frequency to its levels.

    All level channels of a clip get one curve, drawn at equally spaced bands from a normal law and
    linear in between, and one gain; so the level differences between channels, which tell the
    direction, stay. Intensity channels, which know no level, are left alone.

    Source: Nam et al., "FilterAugment: an acoustic environmental data augmentation method", ICASSP
    2022, the linear type with gains from a normal law.

    Args:
        features: Log-mel levels in dB, then channels that are left alone.
        tilt_db: Standard deviation of the curve's nodes, in dB.
        gain_db: Standard deviation of the gain, in dB.
        num_nodes: Number of nodes of the curve, at least 2.
        num_levels: Number of level channels, which come first; all others are left alone.
        generator: Source of randomness, on the CPU; torch's own if None.

    Raises:
        TypeError: If the features hold integers, or a count is none.
        ValueError: If the features have other axes or fewer channels than levels, or a count is too
            small.

    Examples:
        >>> filtered = filter_bands(torch.zeros(2, 7, 10, 64))
        >>> filtered[:, :4].std() > 1, filtered[:, 4:].abs().max()
        (tensor(True), tensor(0.))
    """
    check_shape("features", features, "batch channel time freq")
    check_floating(features=features)
    check_count(num_levels=num_levels)
    if integer("num_nodes", num_nodes) < 2:
        raise ValueError(f"num_nodes must be at least 2, got {num_nodes}")
    batch, channels, _, freq = features.shape
    if num_levels > channels:
        raise ValueError(
            f"num_levels must be at most the {channels} channels of the features, got {num_levels}"
        )
    nodes = tilt_db * torch.randn(batch, 1, num_nodes, generator=generator)
    curve = functional.interpolate(nodes, freq, mode="linear", align_corners=True)
    curve = curve + gain_db * torch.randn(batch, 1, 1, generator=generator)
    levels, rest = features[:, :num_levels], features[:, num_levels:]
    with torch.autocast(features.device.type, enabled=False):
        filtered = (levels + curve.unsqueeze(2).to(features.device)).to(features.dtype)
        return torch.cat((filtered, rest), dim=1)
