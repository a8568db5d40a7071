"""Convolutions over pictures and time that look back, never ahead."""

from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers.causal import behind_past, behind_silence
from seldkit.layers.streaming import State, StepSize, check_step


class CausalConv3d(nn.Conv3d):
    """A convolution over time and pictures whose output frames see no later input frame.

    Zeros are put before the first frame and none behind the last, so there are as many frames as
    before. Rows and columns are not padded: what lies beyond a map of the sphere is no silence, and
    [`SphericalPad`][seldkit.layers.SphericalPad] knows it.

    Shape:
        - Input: `(batch, in_channels, time, row, column)`, from one frame.
        - Output: `(batch, out_channels, time, row - kernel_rows + 1, column - kernel_columns + 1)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_time: Frames that an output frame sees: the present one and those before it.
        kernel_rows: Rows that an output row sees.
        kernel_columns: Columns that an output column sees.
        dilation_time: Frames from one that is seen to the next.
        bias: Whether a bias is added.

    Attributes:
        past: Frames before the present one that are seen.

    Examples:
        >>> conv, x = CausalConv3d(3, 4, kernel_time=5), torch.randn(1, 3, 20, 8, 16)
        >>> later = x.clone()
        >>> later[:, :, 12:] = 0.0
        >>> torch.allclose(conv(x)[:, :, :12], conv(later)[:, :, :12], atol=1e-5)
        True
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_time: int = 3,
        kernel_rows: int = 3,
        kernel_columns: int = 3,
        *,
        dilation_time: int = 1,
        bias: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            (kernel_time, kernel_rows, kernel_columns),
            dilation=(dilation_time, 1, 1),
            bias=bias,
            device=device,
            dtype=dtype,
        )
        self.past = (kernel_time - 1) * dilation_time

    def forward(
        self, x: Float[Tensor, "batch channel time row column"]
    ) -> Float[Tensor, "batch out time new_row new_column"]:
        """Return the pictures, each made of that frame and those before it."""
        check_shape("x", x, "batch channel time+ row+ column+", channel=self.in_channels)
        return super().forward(behind_silence(x, self.past))

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time row column"], state: Any = None
    ) -> tuple[Float[Tensor, "batch out time new_row new_column"], State]:
        """Return the pictures of the next frames, and the last `past` input frames as state."""
        check_shape("x", x, "batch channel time row column", channel=self.in_channels)
        check_step(x, 1, dim=2)
        x, state = behind_past(x, self.past, state)
        return super().forward(x), state
