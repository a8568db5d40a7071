"""Gated recurrent units that can be compiled."""

import torch
from torch import Tensor, nn

from seldkit._settings import plain_settings
from seldkit._typing import Float


class GatedRecurrentUnit(nn.RNNBase):
    """`nn.GRU` by another name, since `torch.compile(fullgraph=True)` refuses that class.

    The names and shapes of its weights are those of `nn.GRU`; the batch comes first. In
    `torch.onnx.export` it becomes the GRU of ONNX, for any batch and length; from a program that
    `torch.export` made before, only for the length of that.

    Args:
        in_channels: Channels of the input.
        channels: Channels of each direction.
        num_layers: Number of layers.
        dropout: Dropout between the layers.
        bidirectional: Whether each layer reads the sequence from its end, too.
    """

    @plain_settings()
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
        if torch.onnx.is_in_onnx_export():
            return self._as_onnx(x)
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

    def _as_onnx(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time out"]:
        """Return the same by the operator of ONNX: traced, a GRU is bound to its frames.

        There the gates stand in the order update, reset, new, time comes first, and both biases are
        one tensor.
        """
        directions, width = 1 + self.bidirectional, self.hidden_size
        weights = [self._of_both(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        start = x.new_zeros(directions, x.shape[0], width)
        for layer in range(self.num_layers):
            kernel, recurrent, *biases = (both[layer] for both in weights)
            (states,) = torch.onnx.ops.symbolic_multi_out(
                "GRU",
                (x.transpose(0, 1), kernel, recurrent, torch.cat(biases, dim=1), None, start),
                {
                    "direction": "bidirectional" if self.bidirectional else "forward",
                    "hidden_size": width,
                    "linear_before_reset": 1,
                },
                dtypes=[x.dtype],
                shapes=[(x.shape[1], directions, x.shape[0], width)],
            )
            x = states.permute(2, 0, 1, 3).flatten(2)
        return x

    def _of_both(self, kind: str) -> list[Tensor]:
        """Return weights `[direction, gate * channel, ...]` of each layer, as ONNX orders them."""
        ends = ("", "_reverse")[: 1 + self.bidirectional]
        names = [[f"{kind}_l{layer}{end}" for end in ends] for layer in range(self.num_layers)]
        stacks = (torch.stack([getattr(self, name) for name in both]) for both in names)
        gates = (stack.unflatten(1, (3, self.hidden_size)).unbind(1) for stack in stacks)
        return [torch.cat((update, reset, new), dim=1) for reset, update, new in gates]
