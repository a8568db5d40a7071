"""Gated recurrent units that can be compiled."""

import torch
from torch import Tensor, nn

from seldkit._typing import Float


class GRU(nn.RNNBase):
    """`nn.GRU` by another name, since `torch.compile(fullgraph=True)` refuses that class.

    The names and shapes of its weights are those of `nn.GRU`; the batch comes first.

    Args:
        in_channels: Channels of the input.
        channels: Channels of each direction.
        num_layers: Number of layers.
        dropout: Dropout between the layers.
        bidirectional: Whether each layer reads the sequence from its end, too.
        device: Device of the parameters.
        dtype: Type of the parameters.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        bidirectional: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            "GRU",
            in_channels,
            channels,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time out"]:
        """Return the states of the last layer, those of both directions side by side."""
        directions = 1 + self.bidirectional
        start = x.new_zeros(directions * self.num_layers, x.shape[0], self.hidden_size)
        states, _ = torch.gru(
            x,
            start,
            [getattr(self, name) for name in self._flat_weights_names],
            has_biases=True,
            num_layers=self.num_layers,
            dropout=self.dropout,
            train=self.training,
            bidirectional=self.bidirectional,
            batch_first=True,
        )
        return states
