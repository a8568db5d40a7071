"""Gated recurrent units that can be compiled."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers.streaming import State, StepSize, check_step


class GatedRecurrentUnit(nn.RNNBase):
    """`nn.GRU` by another name, since `torch.compile(fullgraph=True)` refuses that class.

    The names and shapes of its weights are those of `nn.GRU`; the batch comes first. In
    `torch.onnx.export` it becomes the GRU of ONNX, for any batch and length; from a program that
    `torch.export` made before, only for the length of that.

    What reads forward alone streams: pieces of a sequence, each begun with the state behind the one
    before, give what the whole gives.

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
        check_shape("x", x, "batch time+ channel", channel=self.input_size)
        directions = 1 + self.bidirectional
        start = x.new_zeros(directions * self.num_layers, x.shape[0], self.hidden_size)
        return self._run(x, start)[0]

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames; `ValueError` for what reads from the end, too."""
        if self.bidirectional:
            name = type(self).__name__
            raise ValueError(f"{name} cannot stream: it reads from the end, too (bidirectional)")
        return StepSize()

    def step(
        self,
        x: Float[Tensor, "batch time channel"],
        state: Float[Tensor, "batch layer state"] | None = None,
    ) -> tuple[Float[Tensor, "batch time out"], State]:
        """Return the states of the last layer, and behind the last frame those of all layers."""
        check_shape("x", x, "batch time channel", channel=self.input_size)
        check_step(x, self.step_size.taken, dim=1)
        sizes = {"batch": x.shape[0], "layer": self.num_layers, "state": self.hidden_size}
        if state is None:
            state = x.new_zeros(*sizes.values())
        check_shape("state", state, "batch layer state", **sizes)
        states, last = self._run(x, state.transpose(0, 1).contiguous())
        return states, last.transpose(0, 1)

    def _run(self, x: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of the last layer, and the last ones of all `[layer batch channel]`."""
        if torch.onnx.is_in_onnx_export():
            return self._as_onnx(x, start)
        states, last = torch.gru(
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
        return states, last

    def _as_onnx(self, x: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same by the operator of ONNX: traced, a GRU is bound to its frames.

        There the gates stand in the order update, reset, new, time comes first, and both biases are
        one tensor.
        """
        directions, width = 1 + self.bidirectional, self.hidden_size
        weights = [self._of_both(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        ends = []
        for layer, first in enumerate(start.unflatten(0, (self.num_layers, directions))):
            kernel, recurrent, *biases = (both[layer] for both in weights)
            states, last = torch.onnx.ops.symbolic_multi_out(
                "GRU",
                (x.transpose(0, 1), kernel, recurrent, torch.cat(biases, dim=1), None, first),
                {
                    "direction": "bidirectional" if self.bidirectional else "forward",
                    "hidden_size": width,
                    "linear_before_reset": 1,
                },
                dtypes=[x.dtype, x.dtype],
                shapes=[
                    (x.shape[1], directions, x.shape[0], width),
                    (directions, x.shape[0], width),
                ],
            )
            x = states.permute(2, 0, 1, 3).flatten(2)
            ends.append(last)
        return x, torch.cat(ends)

    def _of_both(self, kind: str) -> list[Tensor]:
        """Return weights `[direction, gate * channel, ...]` of each layer, as ONNX orders them."""
        ends = ("", "_reverse")[: 1 + self.bidirectional]
        names = [[f"{kind}_l{layer}{end}" for end in ends] for layer in range(self.num_layers)]
        stacks = (torch.stack([getattr(self, name) for name in both]) for both in names)
        gates = (stack.unflatten(1, (3, self.hidden_size)).unbind(1) for stack in stacks)
        return [torch.cat((update, reset, new), dim=1) for reset, update, new in gates]
