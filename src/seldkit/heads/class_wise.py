"""The head that ends a network in the class-wise format."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads.linear import linear_layer, reset_linear
from seldkit.outputs import SELDOutput

DistanceBranch = Literal["shared", "own"]
DistanceActivation = Literal["softplus", "relu"]


class ClassWiseHead(Shown):
    """Activity logits and a direction for each class, by one linear layer each.

    Ends a network in the format [`ClassWise`][seldkit.formats.ClassWise]; trained by
    [`class_wise_loss`][seldkit.losses.class_wise_loss]. A class has one direction, so of two
    sounds of one class at once only one is told.

    Directions pass through tanh and are not of unit length. Distances come from the features of
    direction, or from a branch of their own as in NERC-SLIP's network, and pass through softplus:
    always positive, and unlike ReLU, which NERC-SLIP takes, never without a gradient.

    Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
    convolutional recurrent neural networks", IEEE JSTSP 2019; distances: Krause et al., arXiv
    2403.11827; a branch for distance: Dong et al., ICASSP 2025, arXiv 2501.10755.

    Shape:
        - Inputs: features of activity and of direction, `(batch, time, channel)` each; a network
          of one branch gives the same twice. With a branch of its own also those of distance.
        - Output: activity `(batch, time, cls)`, direction `(batch, time, cls, axis)`, distance
          `(batch, time, cls)` in metres, or None.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        distance: Whether distances are estimated too.
        distance_branch: `"shared"` if distances come from the features of direction, `"own"` if
            from a third input.
        distance_activation: What keeps distances from being negative.

    Raises:
        ValueError: If a number is not positive, distances are to have a branch but are not
            estimated, the features have another shape, or those of distance are missing or over.

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
        distance_branch: DistanceBranch = "shared",
        distance_activation: DistanceActivation = "softplus",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if distance_branch == "own" and not distance:
            raise ValueError("distance must be True for distance_branch='own', got False")
        self.distance_branch, self.distance_activation = distance_branch, distance_activation

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
        distance: Float[Tensor, "batch time channel"] | None = None,
    ) -> SELDOutput:
        """Return logits, directions and distances of every class."""
        channels = self.activity.in_features
        check_shape("activity", activity, "batch time channel", channel=channels)
        batch, time, _ = activity.shape
        sizes = {"batch": batch, "time": time, "channel": channels}
        check_shape("direction", direction, "batch time channel", **sizes)
        if (distance is not None) != (self.distance_branch == "own"):
            wanted, got = ("None", "a tensor") if distance is not None else ("given", "None")
            raise ValueError(
                f"distance must be {wanted} for distance_branch={self.distance_branch!r}, got {got}"
            )
        if distance is not None:
            check_shape("distance", distance, "batch time channel", **sizes)
        return SELDOutput(
            self.activity(activity),
            self.direction(direction).unflatten(-1, (-1, 3)).tanh(),
            self._metres(direction if distance is None else distance),
        )

    def _metres(
        self, features: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time cls"] | None:
        if self.distance is None:
            return None
        metres: Tensor = self.distance(features)
        return metres.relu() if self.distance_activation == "relu" else functional.softplus(metres)
