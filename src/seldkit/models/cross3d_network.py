"""Cross3D: maps of SRP-PHAT to the direction of one talker, without a look ahead."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_pair
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import CausalConv1d, CausalSphericalConv, CrossPooling, State, StepSize
from seldkit.models.sequence import SequenceSELD

_MOST_LAYERS = 4  # that a stack has, however large its map
_FIRST_KERNEL = 5  # rows and columns that the stage on the whole map reads


@builder
@plain_settings()
def cross3d(
    grid_shape: Sequence[int] = (16, 32),
    *,
    in_channels: int = 3,
    channels: int = 32,
    num_layers: int | None = None,
    hidden: int = 128,
    kernel_time: int = 5,
    pole_shift: bool = True,
    upper_half: bool = False,
) -> SequenceSELD:
    """Build Cross3D, which follows one talker on maps of SRP-PHAT; causal, and it streams.

    A stage on the whole map, two stacks of stages of which one keeps elevations fine and the other
    azimuths ([`CrossPooling`][seldkit.layers.CrossPooling]), and two causal convolutions over time.
    With the features of [`cross3d`][seldkit.features.presets.cross3d] there is a frame of output
    for each map, 5.2 a second: `label_rate=extractor.frame_rate` of a pipeline. By default an
    output frame sees 37 maps.

    The output is the vector of one class in the ACCDOA format, so that
    [`ACCDOA(1)`][seldkit.formats.ACCDOA] decodes it and
    [`accdoa_loss`][seldkit.losses.accdoa_loss] trains it. The published network is trained on unit
    vectors in every frame, spoken or not, and its output has no activity: for that take
    `ACCDOA(1, threshold=0)`. Trained on targets that are zero in silence, the length of the vector
    tells when the talker is heard.

    Args:
        grid_shape: Rows and columns of the map, elevations and azimuths of
            [`DirectionGrid.equiangular`][seldkit.grids.DirectionGrid.equiangular]. Published are
            4 x 8, 8 x 16, 16 x 32, 32 x 64 and 64 x 128.
        in_channels: Channels of the features: the map, and the row and column of its maximum.
        channels: Channels of the maps inside.
        num_layers: Stages of each stack, each of which halves its angle; None for as many as leave
            a row or column, at most 4.
        hidden: Channels between the convolutions over time.
        kernel_time: Frames that each convolution reads; those over time every second frame.
        pole_shift: Whether maps are continued beyond a pole turned by half a circle, see
            [`SphericalPad`][seldkit.layers.SphericalPad]; the published code does not.
        upper_half: Whether the last row is the horizon, as for level arrays.

    Returns:
        A network from features `(batch, channel, time, point)`, the points row by row, to vectors
        `(batch, time, cls=1, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the map has fewer than 3 rows or 2 columns or is
            halved too often, or its columns cannot be halved evenly with `pole_shift`.

    Source: Diaz-Guerra et al., "Robust sound source tracking using SRP-PHAT and 3D convolutional
    neural networks", IEEE/ACM TASLP 29, 2021, and its published code.

    Examples:
        >>> import torch
        >>> model = cross3d((16, 32))
        >>> sum(p.numel() for p in model.parameters())
        1693988
        >>> model(torch.zeros(1, 3, 20, 16 * 32)).shape
        torch.Size([1, 20, 1, 3])
    """
    check_pair("grid_shape", grid_shape, "rows and columns")
    rows, columns = grid_shape
    if rows < 3 or columns < 2:
        raise ValueError(f"grid_shape must be at least 3 x 2, got {rows} x {columns}")
    most = min(rows, columns).bit_length() - 1
    depth = min(_MOST_LAYERS, most) if num_layers is None else num_layers
    if depth > most:
        raise ValueError(f"num_layers must be at most {most} for {rows} x {columns}, got {depth}")
    if pole_shift and columns % 2**depth:
        raise ValueError(
            f"grid_shape must have a multiple of {2**depth} columns with pole_shift,"
            f" got {rows} x {columns}"
        )
    sphere: dict[str, Any] = {"pole_shift": pole_shift, "upper_half": upper_half}
    places = rows * (columns >> depth) + (rows >> depth) * columns
    trunk: OrderedDict[str, nn.Module] = OrderedDict(
        rows=_Rows(rows, columns),
        whole=CausalSphericalConv(
            in_channels, channels, kernel_time=kernel_time, kernel_size=_FIRST_KERNEL, **sphere
        ),
        cross=CrossPooling(channels, depth, kernel_time=kernel_time, **sphere),
    )
    sequence = OrderedDict(
        conv=CausalConv1d(channels * places, hidden, kernel_time, dilation_time=2),
        prelu=nn.PReLU(),
    )
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=rows * columns,
        trunk=nn.Sequential(trunk),
        sequence=nn.Sequential(sequence),
        branches=[CausalConv1d(hidden, 3, kernel_time, dilation_time=2)],
        head=nn.Sequential(nn.Tanh(), nn.Unflatten(2, (1, 3))),
    )


class _Rows(Shown):
    """The points of a map, row by row, as rows and columns."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(
        self, x: Float[Tensor, "batch channel time point"]
    ) -> Float[Tensor, "batch channel time row column"]:
        maps: Tensor = x.unflatten(3, (self.rows, self.columns))
        return maps

    @property
    def step_size(self) -> StepSize:
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time point"], state: Any = None
    ) -> tuple[Float[Tensor, "batch channel time row column"], State]:
        return self(x), ()
