"""Convolutions that look back in time, never ahead."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers.conv import DoubleConv
from seldkit.layers.streaming import State, StepSize, check_step, stream_step


class CausalConv2d(nn.Conv2d):
    """A convolution over time and frequency whose output frames see no later input frame.

    Zeros are put before the first frame and none behind the last; bins get as many on both sides.
    So there are as many frames and bins as before.

    Shape:
        - Input: `(batch, in_channels, time, freq)`, from one frame.
        - Output: `(batch, out_channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_time: Frames that an output frame sees: the present one and those before it.
        kernel_freq: Bins that an output bin sees, odd.
        dilation_time: Frames from one that is seen to the next.
        bias: Whether a bias is added.

    Attributes:
        past: Frames before the present one that are seen.

    Raises:
        ValueError: If `kernel_freq` is even.

    Examples:
        >>> conv, x = CausalConv2d(7, 16), torch.randn(1, 7, 20, 64)
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
        kernel_freq: int = 3,
        *,
        dilation_time: int = 1,
        bias: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if kernel_freq % 2 == 0:
            raise ValueError(f"kernel_freq must be odd, got {kernel_freq}")
        super().__init__(
            in_channels,
            out_channels,
            (kernel_time, kernel_freq),
            padding=(0, kernel_freq // 2),
            dilation=(dilation_time, 1),
            bias=bias,
            device=device,
            dtype=dtype,
        )
        self.past = (kernel_time - 1) * dilation_time

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map, each frame made of that frame and those before it."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.in_channels)
        return super().forward(behind_silence(x, self.past))

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch out time freq"], State]:
        """Return the map of the next frames, and the last `past` frames of the input as state."""
        check_shape("x", x, "batch channel time freq", channel=self.in_channels)
        check_step(x, 1, dim=2)
        x, state = behind_past(x, self.past, state)
        return super().forward(x), state


class CausalConv1d(nn.Conv1d):
    """A convolution over time whose output frames see no later input frame.

    Zeros are put before the first frame and none behind the last, so there are as many frames as
    before. Weights have the names and shapes of `nn.Conv1d`, and channels come last, as in all
    sequences here.

    Shape:
        - Input: `(batch, time, in_channels)`, from one frame.
        - Output: `(batch, time, out_channels)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_time: Frames that an output frame sees: the present one and those before it.
        dilation_time: Frames from one that is seen to the next.
        bias: Whether a bias is added.

    Attributes:
        past: Frames before the present one that are seen.

    Examples:
        >>> conv = CausalConv1d(64, 32, kernel_time=5, dilation_time=2)
        >>> conv(torch.zeros(1, 20, 64)).shape, conv.past
        (torch.Size([1, 20, 32]), 8)
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_time: int = 3,
        *,
        dilation_time: int = 1,
        bias: bool = True,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_time,
            dilation=dilation_time,
            bias=bias,
            device=device,
            dtype=dtype,
        )
        self.past = (kernel_time - 1) * dilation_time

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch time out"]:
        """Return the sequence, each frame made of that frame and those before it."""
        check_shape("x", x, "batch time+ channel", channel=self.in_channels)
        return super().forward(behind_silence(x.mT, self.past)).mT

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch time channel"], state: Any = None
    ) -> tuple[Float[Tensor, "batch time out"], State]:
        """Return the sequence of the next frames, and the last `past` input frames as state."""
        check_shape("x", x, "batch time channel", channel=self.in_channels)
        check_step(x, 1, dim=1)
        frames, state = behind_past(x.mT, self.past, state)
        return super().forward(frames).mT, state


class CausalDoubleConv(DoubleConv):
    """[`DoubleConv`][seldkit.layers.DoubleConv] of causal convolutions.

    A frame of output sees the frames of input that it is the mean of and those before them, no
    later one. In training, batch norm shares its statistics over all frames, as everywhere.

    Weights have the names and shapes of `DoubleConv`.

    Shape:
        - Input: `(batch, in_channels, time, freq)`.
        - Output: `(batch, out_channels, time // pool_time, freq // pool_freq)`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: Channels between the convolutions; `out_channels` if None.
        pool_time: Frames averaged into one; a remainder at the end is dropped.
        pool_freq: Bins averaged into one; a remainder at the end is dropped.

    Examples:
        >>> CausalDoubleConv(7, 32, pool_time=5, pool_freq=4)(torch.zeros(1, 7, 51, 64)).shape
        torch.Size([1, 32, 10, 16])
    """

    @staticmethod
    def _convolution(
        in_channels: int,
        out_channels: int,
        device: torch.device | None,
        dtype: torch.dtype | None,
    ) -> nn.Conv2d:
        return CausalConv2d(in_channels, out_channels, bias=False, device=device, dtype=dtype)

    @property
    def step_size(self) -> StepSize:
        """A step takes the frames of a mean."""
        return StepSize(self.pool_time, 1)

    def step(
        self, x: Float[Tensor, "batch channel time freq"], state: tuple[State, ...] | None = None
    ) -> tuple[Float[Tensor, "batch out short_time short_freq"], State]:
        """Return the pooled map of the next frames, and the states of both convolutions."""
        check_shape("x", x, "batch channel time freq", channel=self.in_channels)
        check_step(x, self.pool_time, dim=2)
        first, second = state or (None, None)
        x, after_first = stream_step(self.conv1, x, first)
        x, after_second = stream_step(self.conv2, functional.relu(self.norm1(x)), second)
        return self._pooled(functional.relu(self.norm2(x))), (after_first, after_second)


def behind_silence(x: Float[Tensor, "batch channel time *rest"], past: int) -> Tensor:
    """Return frames with so many of zeros before them."""
    return functional.pad(x, (0, 0) * (x.ndim - 3) + (past, 0))


def behind_past(
    x: Float[Tensor, "batch channel time *rest"], past: int, state: Any
) -> tuple[Tensor, State]:
    """Return frames behind so many of the state, zeros at first, and the state behind them."""
    if not past:
        return x, ()
    if state is None:
        state = x.new_zeros(*x.shape[:2], past, *x.shape[3:])
    x = torch.cat((state, x), dim=2)
    return x, x[:, :, x.shape[2] - past :].clone()
