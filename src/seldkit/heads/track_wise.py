"""The head that ends a network in the track-wise format."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_positive, check_shape
from seldkit._typing import Float
from seldkit.outputs import SELDOutput


class TrackWiseHead(nn.Module):
    """Activity logits and a direction for each track, by one linear layer each.

    Directions pass through tanh and are not of unit length: near zero where nothing sounds.

    Source: Cao et al., "An improved event-independent network for polyphonic sound event
    localization and detection", ICASSP 2021, section 2.

    Shape:
        - Inputs: features of activity and of direction, `(batch, time, track, channel)` each.
        - Output: activity `(batch, time, track, cls)`, direction `(batch, time, track, axis)`.

    Args:
        in_channels: Channels of the features.
        num_classes: Number of classes.
        num_tracks: Number of tracks.

    Examples:
        >>> features = torch.zeros(1, 40, 2, 512)
        >>> activity, direction, _ = TrackWiseHead(512, 14, 2)(features, features)
        >>> activity.shape, direction.shape
        (torch.Size([1, 40, 2, 14]), torch.Size([1, 40, 2, 3]))
    """

    def __init__(self, in_channels: int, num_classes: int, num_tracks: int) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, num_classes=num_classes, num_tracks=num_tracks)
        self.activity = _linear_layers(in_channels, num_classes, num_tracks)
        self.direction = _linear_layers(in_channels, 3, num_tracks)

    def forward(
        self,
        activity: Float[Tensor, "batch time track channel"],
        direction: Float[Tensor, "batch time track channel"],
    ) -> SELDOutput:
        """Return logits and directions of every track."""
        check_shape("activity", activity, "batch time track channel", track=len(self.activity))
        check_shape("direction", direction, "batch time track channel", track=len(self.direction))
        return SELDOutput(
            _each_track(self.activity, activity), _each_track(self.direction, direction).tanh()
        )


def _linear_layers(in_channels: int, out_channels: int, num_tracks: int) -> nn.ModuleList:
    layers = [nn.Linear(in_channels, out_channels) for _ in range(num_tracks)]
    for layer in layers:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return nn.ModuleList(layers)


def _each_track(layers: nn.ModuleList, x: Tensor) -> Tensor:
    tracks = [layer(track) for layer, track in zip(layers, x.unbind(dim=2), strict=True)]
    return torch.stack(tracks, dim=2)
