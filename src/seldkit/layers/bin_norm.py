"""Batch norm of features, for each channel and bin apart."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class BinNorm(Shown):
    """Batch norm over time: each channel and frequency bin has statistics of its own.

    A network that begins with it learns the scale of its features, and needs no
    [`Standardize`][seldkit.features.Standardize]; the statistics are saved with the weights.

    Source: PSELDNets (Hu et al., IEEE TASLP 2025).

    Shape:
        - Input: `(batch, channel, time, freq)`, any number of frames.
        - Output: the same.

    Args:
        channels: Channels of the features.
        num_bins: Frequency bins.

    Examples:
        >>> features = 5 * torch.randn(2, 7, 100, 64) - 40
        >>> BinNorm(7, num_bins=64)(features).std().round(decimals=2)
        tensor(1., grad_fn=<RoundBackward1>)
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_bins: int,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_bins = channels, num_bins
        self.batch_norm = nn.BatchNorm1d(channels * num_bins, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Set the weights to 1 and the biases to 0, and forget the statistics."""
        self.batch_norm.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the features after batch norm."""
        sizes = {"channel": self.channels, "freq": self.num_bins}
        check_shape("x", x, "batch channel time freq", **sizes)
        bins = self.batch_norm(x.mT.flatten(1, 2))
        output: Tensor = bins.unflatten(1, (self.channels, self.num_bins)).mT
        return output
