"""Long short-term memory that can be compiled."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers.streaming import State, StepSize, check_step


class LongShortTermMemory(nn.RNNBase):
    """One layer of `nn.LSTM` by another name, since `torch.compile(fullgraph=True)` refuses that.

    The names and shapes of its weights are those of `nn.LSTM`; the batch comes first. In
    `torch.onnx.export` it becomes the LSTM of ONNX, for any batch and length. `torch.compile` takes
    it whole, frame after frame, and long for long sequences. What reads forward alone streams.

    Args:
        in_channels: Channels of the input.
        channels: Channels of each direction.
        bidirectional: Whether it reads the sequence from its end, too.

    Examples:
        >>> LongShortTermMemory(8, 4)(torch.zeros(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        bidirectional: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            "LSTM",
            in_channels,
            channels,
            batch_first=True,
            bidirectional=bidirectional,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time out"]:
        """Return the outputs of both directions side by side."""
        check_shape("x", x, "batch time+ channel", channel=self.input_size)
        start = x.new_zeros(1 + self.bidirectional, x.shape[0], self.hidden_size)
        return self._run(x, start, start)[0]

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
        state: tuple[Float[Tensor, "batch state"], Float[Tensor, "batch state"]] | None = None,
    ) -> tuple[Float[Tensor, "batch time out"], State]:
        """Return the outputs, and behind the last frame output and cell, as `nn.LSTM` has them."""
        check_shape("x", x, "batch time channel", channel=self.input_size)
        check_step(x, self.step_size.taken, dim=1)
        sizes = {"batch": x.shape[0], "state": self.hidden_size}
        if state is None:
            zeros = x.new_zeros(*sizes.values())
            state = zeros, zeros
        for part in state:
            check_shape("state", part, "batch state", **sizes)
        outputs, last, cell = self._run(x, *(part.unsqueeze(0) for part in state))
        return outputs, (last.squeeze(0), cell.squeeze(0))

    def _run(self, x: Tensor, last: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs, and the last output and cell `[direction batch channel]`."""
        if torch.onnx.is_in_onnx_export():
            return self._as_onnx(x, last, cell)
        if _compiled_to_learn():
            # To the compiler, an input without a gradient means that there is none to be computed.
            weight = self.weight_ih_l0
            assert isinstance(weight, Tensor)
            x = x + 0 * weight[0, 0]
        return torch.lstm(
            x,
            (last, cell),
            [getattr(self, name) for name in self._flat_weights_names],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=self.bidirectional,
            batch_first=True,
        )

    def _as_onnx(self, x: Tensor, last: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the same by the operator of ONNX: traced, an LSTM is bound to its frames.

        There the gates stand in the order input, output, forget, cell, time comes first, and both
        biases are one tensor.
        """
        directions, width = 1 + self.bidirectional, self.hidden_size
        kernel, recurrent = self._of_both("weight_ih"), self._of_both("weight_hh")
        bias = torch.cat((self._of_both("bias_ih"), self._of_both("bias_hh")), dim=1)
        outputs, last, cell = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            (x.transpose(0, 1), kernel, recurrent, bias, None, last, cell),
            {
                "direction": "bidirectional" if self.bidirectional else "forward",
                "hidden_size": width,
            },
            dtypes=[x.dtype] * 3,
            shapes=[
                (x.shape[1], directions, x.shape[0], width),
                (directions, x.shape[0], width),
                (directions, x.shape[0], width),
            ],
        )
        return outputs.permute(2, 0, 1, 3).flatten(2), last, cell

    def _of_both(self, kind: str) -> Tensor:
        """Return weights `[direction, gate * channel, ...]`, as ONNX orders them."""
        names = [f"{kind}_l0", f"{kind}_l0_reverse"][: 1 + self.bidirectional]
        stack = torch.stack([getattr(self, name) for name in names])
        inputs, forget, new, output = stack.unflatten(1, (4, self.hidden_size)).unbind(1)
        return torch.cat((inputs, output, forget, new), dim=1)


def _compiled_to_learn() -> bool:
    compiling = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    return compiling and torch.is_grad_enabled()
