"""The head that ends a network in the track-wise format."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads.linear import linear_layer, reset_linear
from seldkit.outputs import SELDOutput


class TrackWiseHead(Shown):
    """Activity logits and a direction for each track, by one linear layer each.

    Ends a network in the format [`TrackWise`][seldkit.formats.TrackWise]; trained by
    [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].

    Directions pass through tanh and are not of unit length: near zero where nothing sounds.
    Distances come from the features of direction and pass through softplus: always positive, and
    unlike ReLU never without a gradient.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, section 2.

    Shape:
        - Inputs: features of activity and of direction, `(batch, time, track, channel)` each.
        - Output: activity `(batch, time, track, cls)`, direction `(batch, time, track, axis)`,
          distance `(batch, time, track)` in metres, or None. With directions for each class, the
          last two are `(batch, time, track, cls, axis)` and `(batch, time, track, cls)`.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        num_tracks: Number of tracks.
        distance: Whether distances are estimated too.
        class_directions: Whether a track has a direction, and a distance, for each class.

    Raises:
        ValueError: If a number is not positive, or the features have another shape.

    Examples:
        >>> features = torch.zeros(1, 40, 2, 512)
        >>> activity, direction, _ = TrackWiseHead(512, 14, 2)(features, features)
        >>> activity.shape, direction.shape
        (torch.Size([1, 40, 2, 14]), torch.Size([1, 40, 2, 3]))
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        num_tracks: int,
        *,
        distance: bool = False,
        class_directions: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.class_directions = class_directions
        directions = num_classes if class_directions else 1

        def layers(out_channels: int) -> nn.ModuleList:
            return nn.ModuleList(
                linear_layer(in_channels, out_channels, device, dtype) for _ in range(num_tracks)
            )

        self.activity = layers(num_classes)
        self.direction = layers(directions * 3)
        self.distance = layers(directions) if distance else None

    def reset_parameters(self) -> None:
        """Draw the weights from Kaiming's uniform law; biases are zero."""
        reset_linear(self)

    def forward(
        self,
        activity: Float[Tensor, "batch time track channel"],
        direction: Float[Tensor, "batch time track channel"],
    ) -> SELDOutput:
        """Return logits, directions and distances of every track."""
        sizes = {"track": len(self.activity), "channel": self.in_channels}
        check_shape("activity", activity, "batch time track channel", **sizes)
        sizes |= {"batch": activity.shape[0], "time": activity.shape[1]}
        check_shape("direction", direction, "batch time track channel", **sizes)
        logits = _each_track(self.activity, activity)
        vector = _each_track(self.direction, direction).tanh()
        distance = None
        if self.distance is not None:
            distance = functional.softplus(_each_track(self.distance, direction))
        if self.class_directions:
            return SELDOutput(logits, vector.unflatten(-1, (-1, 3)), distance)
        return SELDOutput(logits, vector, None if distance is None else distance.squeeze(-1))


def _each_track(layers: nn.ModuleList, x: Tensor) -> Tensor:
    tracks = [layer(track) for layer, track in zip(layers, x.unbind(dim=2), strict=True)]
    return torch.stack(tracks, dim=2)
