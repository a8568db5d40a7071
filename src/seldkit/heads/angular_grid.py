"""The head that ends a network in the format of AD-YOLO."""

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.grids import AngularCells
from seldkit.heads.linear import linear_layer, reset_linear


class AngularGridHead(Shown):
    """Confidence, classes and offset for each anchor of each cell of the sphere, by one layer.

    Ends a network in the format [`AngularGrid`][seldkit.formats.AngularGrid]; trained by
    [`adyolo_loss`][seldkit.losses.adyolo_loss]. Everything comes out as the layer gives it: sigmoid
    and tanh are the format's and the loss's.

    Source: Kim et al., "AD-YOLO: you look only once in training multiple sound event localization
    and detection", ICASSP 2023.

    Shape:
        - Input: features `(batch, time, channel)`.
        - Output: `(batch, time, column, row, anchor, entry)`; entries are confidence, classes, and
          two of the offset.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        cell_deg: Width of a cell in degrees, which divides 180.
        anchors: Anchors of a cell.

    Examples:
        >>> AngularGridHead(256, 12)(torch.zeros(1, 50, 256)).shape
        torch.Size([1, 50, 8, 4, 5, 15])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        cell_deg: float = 45.0,
        anchors: int = 5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        cells = AngularCells(cell_deg)
        self.in_channels, self.num_classes = in_channels, num_classes
        self.cell_deg, self.anchors = cell_deg, anchors
        self._shape = (cells.columns, cells.rows, anchors, num_classes + 3)
        places = cells.columns * cells.rows * anchors
        self.linear = linear_layer(in_channels, places * (num_classes + 3), device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; biases are zero."""
        reset_linear(self)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time column row anchor entry"]:
        """Return what every anchor says."""
        check_shape("x", x, "batch time channel", channel=self.in_channels)
        entries: Tensor = self.linear(x).unflatten(-1, self._shape)
        return entries
