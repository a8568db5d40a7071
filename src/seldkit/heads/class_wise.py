"""The head that ends a network in the class-wise format."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.heads.linear import linear_layer, reset_linear
from seldkit.outputs import SELDOutput


class ClassWiseHead(nn.Module):
    """Activity logits and a direction for each class, by one linear layer each.

    Ends a network in the format [`ClassWise`][seldkit.formats.ClassWise]; trained by
    [`class_wise_loss`][seldkit.losses.class_wise_loss]. A class has one direction, so of two
    sounds of one class at once only one is told.

    Directions pass through tanh and are not of unit length. Distances come from the features of
    direction and pass through softplus: always positive, and unlike ReLU never without a gradient.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019; distances: Krause et al., arXiv
    2403.11827.

    Shape:
        - Inputs: features of activity and of direction, `(batch, time, channel)` each; a network
          of one branch gives the same twice.
        - Output: activity `(batch, time, cls)`, direction `(batch, time, cls, axis)`, distance
          `(batch, time, cls)` in metres, or None.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        distance: Whether distances are estimated too.

    Raises:
        ValueError: If a number is not positive, or the features have another shape.

    Examples:
        >>> features = torch.zeros(1, 40, 128)
        >>> activity, direction, _ = ClassWiseHead(128, 11)(features, features)
        >>> activity.shape, direction.shape
        (torch.Size([1, 40, 11]), torch.Size([1, 40, 11, 3]))
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        distance: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()

        def layer(out_channels: int) -> nn.Linear:
            return linear_layer(in_channels, out_channels, device, dtype)

        self.activity = layer(num_classes)
        self.direction = layer(num_classes * 3)
        self.distance = layer(num_classes) if distance else None

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; biases are zero."""
        reset_linear(self)

    def forward(
        self,
        activity: Float[Tensor, "batch time channel"],
        direction: Float[Tensor, "batch time channel"],
    ) -> SELDOutput:
        """Return logits, directions and distances of every class."""
        channels = self.activity.in_features
        check_shape("activity", activity, "batch time channel", channel=channels)
        batch, time, _ = activity.shape
        sizes = {"batch": batch, "time": time, "channel": channels}
        check_shape("direction", direction, "batch time channel", **sizes)
        return SELDOutput(
            self.activity(activity),
            self.direction(direction).unflatten(-1, (-1, 3)).tanh(),
            None if self.distance is None else functional.softplus(self.distance(direction)),
        )
