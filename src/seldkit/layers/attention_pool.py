"""Means over frequency whose weights are learned."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class AttentionPool(Shown):
    r"""Average the bins of each frame, weighted by what they hold.

    $$y_t = \sum_f a_{tf}\, x_{tf}, \qquad a_t = \mathrm{softmax}_f(w^\top x_{tf} + b).$$

    Source: by the description of AD-YOLO, Kim et al., ICASSP 2023, whose number of parameters it
    has.

    Shape:
        - Input: `(batch, channel, time, freq)`, any number of bins.
        - Output: `(batch, channel, time, 1)`.

    Args:
        channels: Number of channels.

    Examples:
        >>> AttentionPool(8)(torch.ones(1, 8, 5, 4)).shape
        torch.Size([1, 8, 5, 1])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.score = nn.Linear(channels, 1, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the weights again, from the law of PyTorch."""
        self.score.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time 1"]:
        """Return the weighted means."""
        check_shape("x", x, "batch channel time freq", channel=self.channels)
        bins = x.permute(0, 2, 3, 1)  # batch time freq channel
        pooled: Tensor = self.score(bins).softmax(dim=2).mT @ bins
        return pooled.permute(0, 3, 1, 2)
