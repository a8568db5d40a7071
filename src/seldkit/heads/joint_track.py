"""The head of trackers: all tracks by one layer, in the track-wise format."""

import torch
from torch import Tensor

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads.linear import linear_layer, reset_linear
from seldkit.outputs import SELDOutput


class JointTrackHead(Shown):
    """Activity logits and directions of all tracks, each by one linear layer on one sequence.

    Ends a network in the format [`TrackWise`][seldkit.formats.TrackWise], as DOANet and Neural-SRP
    end, which know no classes: take one. Where each track has a sequence of its own it is
    [`TrackWiseHead`][seldkit.heads.TrackWiseHead].

    Directions pass through tanh and are not of unit length.

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021, and its code; Grinstein et al., "The Neural-SRP method for universal
    robust multi-source tracking", IEEE OJSP 5, 2024, and its code.

    Shape:
        - Inputs: features of activity and of direction, `(batch, time, channel)` each.
        - Output: activity `(batch, time, track, cls)`, direction `(batch, time, track, axis)`.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        num_tracks: Number of tracks.
        bounded_activity: Whether logits pass through tanh, as in the code of DOANet. Then no
            probability leaves 0.27 to 0.73, and no loss of activity can come near zero.

    Raises:
        ValueError: If a number is not positive, or the features have another shape.

    Examples:
        >>> features = torch.zeros(1, 50, 128)
        >>> activity, direction, _ = JointTrackHead(128, 1, 2)(features, features)
        >>> activity.shape, direction.shape
        (torch.Size([1, 50, 2, 1]), torch.Size([1, 50, 2, 3]))
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int = 1,
        num_tracks: int = 2,
        *,
        bounded_activity: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_classes = in_channels, num_classes
        self.num_tracks, self.bounded_activity = num_tracks, bounded_activity
        self.activity = linear_layer(in_channels, num_tracks * num_classes, device, dtype)
        self.direction = linear_layer(in_channels, num_tracks * 3, device, dtype)

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; biases are zero."""
        reset_linear(self)

    def forward(
        self,
        activity: Float[Tensor, "batch time channel"],
        direction: Float[Tensor, "batch time channel"],
    ) -> SELDOutput:
        """Return logits and directions of every track."""
        check_shape("activity", activity, "batch time channel", channel=self.in_channels)
        sizes = {"batch": activity.shape[0], "time": activity.shape[1], "channel": self.in_channels}
        check_shape("direction", direction, "batch time channel", **sizes)
        logits: Tensor = self.activity(activity)
        logits = logits.tanh() if self.bounded_activity else logits
        vectors: Tensor = self.direction(direction).tanh()
        return SELDOutput(
            logits.unflatten(-1, (self.num_tracks, self.num_classes)),
            vectors.unflatten(-1, (self.num_tracks, 3)),
        )
