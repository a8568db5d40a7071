"""The head that ends a network in the multi-ACCDOA format."""

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads.linear import bound_vectors, linear_layer, reset_linear, vector_entries


class MultiACCDOAHead(Shown):
    """A vector for each track and class, whose length is its activity, by one linear layer.

    Ends a network in the format [`MultiACCDOA`][seldkit.formats.MultiACCDOA]; trained by
    [`adpit_loss`][seldkit.losses.adpit_loss]. Weights of the DCASE baselines lie in the order
    track, axis, class; here in the order of the output.

    Source: Shimada et al., "Multi-ACCDOA: localizing and detecting overlapping sounds from the same
    class with auxiliary duplicating permutation invariant training", ICASSP 2022; distances: Krause
    et al., arXiv 2403.11827.

    Shape:
        - Input: features `(batch, time, channel)`.
        - Output: `(batch, time, track, cls, axis)`; `axis` is `x, y[, z][, distance][, onscreen]`.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of sounds of one class at once.
        distance: Whether a distance follows the vector, in metres.
        onscreen: Whether the last entry tells if the source is on screen: always a logit.
        planar: Whether the vector lacks z, as for stereo.
        bounded: Whether the vector passes through tanh and the distance through ReLU, as in the
            DCASE baselines until 2023 and of 2025; False leaves both linear, as in that of 2024.
            Where ReLU gives 0 it passes no gradient; a linear distance may be negative.

    Raises:
        ValueError: If a number is not positive, or the features have another shape.

    Examples:
        >>> dcase2024 = MultiACCDOAHead(128, 13, distance=True, bounded=False)
        >>> dcase2024(torch.zeros(1, 50, 128)).shape
        torch.Size([1, 50, 3, 13, 4])
        >>> dcase2025 = MultiACCDOAHead(128, 13, distance=True, planar=True)
        >>> dcase2025(torch.zeros(1, 50, 128)).shape
        torch.Size([1, 50, 3, 13, 3])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        num_tracks: int = 3,
        *,
        distance: bool = False,
        onscreen: bool = False,
        planar: bool = False,
        bounded: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_classes, self.num_tracks = num_classes, num_tracks
        self.distance, self.onscreen = distance, onscreen
        self.planar, self.bounded = planar, bounded
        entries = vector_entries(distance=distance, onscreen=onscreen, planar=planar)
        self.linear = linear_layer(in_channels, num_tracks * num_classes * entries, device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; biases are zero."""
        reset_linear(self)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time track cls axis"]:
        """Return the vectors of every track and class."""
        check_shape("x", x, "batch time channel", channel=self.linear.in_features)
        vectors: Tensor = self.linear(x).unflatten(-1, (self.num_tracks, self.num_classes, -1))
        if not self.bounded:
            return vectors
        return bound_vectors(vectors, distance=self.distance, planar=self.planar)
