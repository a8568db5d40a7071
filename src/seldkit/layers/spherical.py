"""Maps of the sphere in rows and columns: what lies beyond their edges, and networks on them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_pair, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.causal_pictures import CausalConv3d
from seldkit.layers.streaming import State, StepSize, check_step, stream_step


class SphericalPad(Shown):
    """Continue maps of the sphere beyond their edges, as the sphere goes on there.

    Rows are elevations from the top down, the first and the last of them the poles, and columns
    azimuths around the circle, as those of
    [`DirectionGrid.equiangular`][seldkit.grids.DirectionGrid.equiangular]. Beyond the last column
    comes the first one. Beyond a pole come the rows before it again, in the opposite order, half a
    circle further.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021, and its code, which reflects the rows and leaves
    them where they are in azimuth: `pole_shift=False`.

    Shape:
        - Input: `(*axes, row, column)`.
        - Output: `(*axes, row + 2 * rows, column + 2 * columns)`.

    Args:
        rows: Rows beyond either edge, fewer than there are rows.
        columns: Columns beyond either edge, at most as many as there are.
        pole_shift: Whether the rows beyond a pole are turned by half a circle, which takes an even
            number of columns.
        upper_half: Whether the last row is the horizon. A level array hears its mirror image below
            it, so the rows beyond are not turned.

    Raises:
        ValueError: If a map has too few rows or columns, or an odd number of columns.

    Examples:
        >>> SphericalPad(1, 1)(torch.arange(12).reshape(3, 4))
        tensor([[ 5,  6,  7,  4,  5,  6],
                [ 3,  0,  1,  2,  3,  0],
                [ 7,  4,  5,  6,  7,  4],
                [11,  8,  9, 10, 11,  8],
                [ 5,  6,  7,  4,  5,  6]])
    """

    @plain_settings(from_zero=["rows", "columns"])
    def __init__(
        self, rows: int, columns: int, *, pole_shift: bool = True, upper_half: bool = False
    ) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.pole_shift, self.upper_half = pole_shift, upper_half

    def forward(self, x: Float[Tensor, "*axes row column"]) -> Float[Tensor, "*axes more wider"]:
        """Return the maps with what lies beyond their edges."""
        if x.ndim < 2 or x.shape[-2] <= self.rows or x.shape[-1] < self.columns:
            raise ValueError(
                f"x must have more than {self.rows} rows and at least {self.columns} columns,"
                f" got shape {tuple(x.shape)}"
            )
        if self.rows:
            above = x[..., 1 : self.rows + 1, :].flip(-2)
            below = x[..., -self.rows - 1 : -1, :].flip(-2)
            if self.pole_shift:
                above = _turned(above)
                below = below if self.upper_half else _turned(below)
            x = torch.cat((above, x, below), dim=-2)
        if self.columns:
            x = torch.cat((x[..., -self.columns :], x, x[..., : self.columns]), dim=-1)
        return x

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames: each is continued by itself."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "*axes row column"], state: Any = None
    ) -> tuple[Float[Tensor, "*axes more wider"], State]:
        """Return the maps of the next frames; nothing is remembered."""
        return self(x), ()


class CausalSphericalConv(Shown):
    """A causal convolution of maps of the sphere, a maximum over neighbouring points, and PReLU.

    The stage of Cross3D: the map is continued beyond its edges, so that it has as many rows and
    columns after the convolution as before, and then fewer by the pool.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021, section III; order of the steps from its code.

    Shape:
        - Input: `(batch, in_channels, time, row, column)`.
        - Output: `(batch, out_channels, time, row // pool[0], column // pool[1])`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_time: Frames that an output frame sees: the present one and those before it.
        kernel_size: Rows, and columns, that a point of the output sees, odd.
        pool: Rows and columns of which the maximum is taken.
        pole_shift: See [`SphericalPad`][seldkit.layers.SphericalPad].
        upper_half: See there.

    Raises:
        ValueError: If `kernel_size` is even, or the map is smaller than the pool or the kernel.

    Examples:
        >>> CausalSphericalConv(3, 32, pool=(1, 2))(torch.zeros(1, 3, 20, 8, 16)).shape
        torch.Size([1, 32, 20, 8, 8])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_time: int = 5,
        kernel_size: int = 3,
        pool: Sequence[int] = (1, 1),
        pole_shift: bool = True,
        upper_half: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        check_pair("pool", pool, "rows and columns")
        self.in_channels, self.pool = in_channels, tuple(pool)
        beyond = kernel_size // 2
        self.pad = SphericalPad(beyond, beyond, pole_shift=pole_shift, upper_half=upper_half)
        self.conv = CausalConv3d(
            in_channels,
            out_channels,
            kernel_time,
            kernel_size,
            kernel_size,
            device=device,
            dtype=dtype,
        )
        self.prelu = nn.PReLU(out_channels, device=device, dtype=dtype)

    def forward(
        self, x: Float[Tensor, "batch channel time row column"]
    ) -> Float[Tensor, "batch out time fewer narrower"]:
        """Return the maps after the stage."""
        check_shape("x", x, "batch channel time row column", channel=self.in_channels)
        return self._ended(self.conv(self.pad(x)))

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time row column"], state: Any = None
    ) -> tuple[Float[Tensor, "batch out time fewer narrower"], State]:
        """Return the maps of the next frames, and the state of the convolution."""
        check_shape("x", x, "batch channel time row column", channel=self.in_channels)
        check_step(x, 1, dim=2)
        x, state = self.conv.step(self.pad(x), state)
        return self._ended(x), state

    def _ended(self, x: Tensor) -> Tensor:
        """Return the maximum of each patch after PReLU."""
        if max(self.pool) > 1:
            if x.shape[3] < self.pool[0] or x.shape[4] < self.pool[1]:
                raise ValueError(
                    f"x must have rows and columns for pool={self.pool}, got {tuple(x.shape[3:])}"
                )
            # Of pictures alone, frames beside channels: faster, and in any precision.
            pictures = functional.max_pool2d(x.flatten(1, 2), self.pool)
            x = pictures.unflatten(1, x.shape[1:3])
        output: Tensor = self.prelu(x)
        return output


class CrossPooling(Shown):
    """Two stacks of stages on one map, of which one pools azimuths and the other elevations.

    So each keeps one angle fine: what one stack has left of the rows and columns stands beside
    what the other has, as places of one map.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021, section III.

    Shape:
        - Input: `(batch, channels, time, row, column)`.
        - Output: `(batch, channels, time, place)`: `row * (column // 2**num_layers)` places of the
          first stack, then `(row // 2**num_layers) * column` of the second.

    Args:
        channels: Channels of the maps.
        num_layers: Stages of each stack; each halves its angle.
        kernel_time: See [`CausalSphericalConv`][seldkit.layers.CausalSphericalConv].
        kernel_size: See there.
        pole_shift: See [`SphericalPad`][seldkit.layers.SphericalPad].
        upper_half: See there.

    Examples:
        >>> CrossPooling(4, num_layers=3)(torch.zeros(1, 4, 20, 8, 16)).shape  # 8 * 2 + 1 * 16
        torch.Size([1, 4, 20, 32])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_layers: int,
        *,
        kernel_time: int = 5,
        kernel_size: int = 3,
        pole_shift: bool = True,
        upper_half: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_layers = channels, num_layers

        def stack(pool: tuple[int, int]) -> nn.Sequential:
            return nn.Sequential(
                *(
                    CausalSphericalConv(
                        channels,
                        channels,
                        kernel_time=kernel_time,
                        kernel_size=kernel_size,
                        pool=pool,
                        pole_shift=pole_shift,
                        upper_half=upper_half,
                        device=device,
                        dtype=dtype,
                    )
                    for _ in range(num_layers)
                )
            )

        self.elevation = stack((1, 2))
        self.azimuth = stack((2, 1))

    def forward(
        self, x: Float[Tensor, "batch channel time row column"]
    ) -> Float[Tensor, "batch channel time place"]:
        """Return the places of both stacks."""
        check_shape("x", x, "batch channel time row column", channel=self.channels)
        return torch.cat((self.elevation(x).flatten(3), self.azimuth(x).flatten(3)), dim=3)

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time row column"], state: Any = None
    ) -> tuple[Float[Tensor, "batch channel time place"], State]:
        """Return the places of the next frames, and the states of both stacks."""
        of_elevation, of_azimuth = state or (None, None)
        fine, of_elevation = stream_step(self.elevation, x, of_elevation)
        wide, of_azimuth = stream_step(self.azimuth, x, of_azimuth)
        return torch.cat((fine.flatten(3), wide.flatten(3)), dim=3), (of_elevation, of_azimuth)


def _turned(x: Tensor) -> Tensor:
    """Return rows of maps turned by half a circle."""
    half, odd = divmod(x.shape[-1], 2)
    if odd:
        raise ValueError(
            f"x must have an even number of columns with pole_shift, got shape {tuple(x.shape)}"
        )
    return torch.cat((x[..., half:], x[..., :half]), dim=-1)
