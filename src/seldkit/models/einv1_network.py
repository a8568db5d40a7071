"""EIN-V1: the first event-independent network, whose tracks also say if they hold an event."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, overload

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.heads import TrackWiseHead
from seldkit.layers import BidirectionalGRU, StitchedBranches
from seldkit.layers.conv import conv_stages
from seldkit.outputs import SELDOutput

# Logit of a class that is not the track's event: a probability of 1e-13.
SILENT = -30.0


class EventOutput(NamedTuple):
    """What a network returns that also says which tracks hold an event.

    Attributes:
        seld: Class logits and directions of the tracks.
        event: Logits `batch time track`; both for
            [`event_pit_loss`][seldkit.losses.event_pit_loss].
    """

    seld: SELDOutput
    event: Tensor


class EINV1(nn.Module):
    """A SELD network of two branches, and a third that tells events from what both find.

    The branches for activity (SED) and direction (DOA) run side by side through a trunk, are
    averaged over frequency and read as sequences. The third, event activity detection (EAD), reads
    both sequences. Each branch ends in tracks, of which one holds at most one event.

    Called with `events=True`, as in training, the network returns an
    [`EventOutput`][seldkit.models.EventOutput]; otherwise a
    [`SELDOutput`][seldkit.outputs.SELDOutput] that the track-wise format, pipelines and metrics
    take: the likeliest class of a track has the logit of its event, all others are silent.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: activity `(batch, frame, track, cls)`, direction `(batch, frame, track, axis)`,
          event `(batch, frame, track)`.

    Args:
        sed_channels: The SED branch reads so many of the first feature channels; the DOA branch
            reads all.
        trunk: Takes and returns a map for each branch.
        sed_sequence: From `(batch, frame, channel)` to a sequence, for activity.
        doa_sequence: Likewise for direction.
        event_sequence: Likewise for events, from both sequences side by side.
        head: Makes class logits and directions of tracks.
        event_head: From a sequence to a logit for each track.
        num_tracks: Number of tracks.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        sed_channels: int,
        trunk: nn.Module,
        sed_sequence: nn.Module,
        doa_sequence: nn.Module,
        event_sequence: nn.Module,
        head: nn.Module,
        event_head: nn.Module,
        num_tracks: int,
    ) -> None:
        super().__init__()
        self.sed_channels, self.num_tracks = sed_channels, num_tracks
        self.trunk = trunk
        self.sed_sequence, self.doa_sequence = sed_sequence, doa_sequence
        self.event_sequence = event_sequence
        self.head, self.event_head = head, event_head

    @overload
    def forward(self, features: Tensor, *, events: Literal[False] = False) -> SELDOutput: ...

    @overload
    def forward(self, features: Tensor, *, events: Literal[True]) -> EventOutput: ...

    def forward(
        self, features: Float[Tensor, "batch channel time freq"], *, events: bool = False
    ) -> SELDOutput | EventOutput:
        """Return activity and directions; or, if asked, what they are made of, for training."""
        check_shape("features", features, "batch channel time freq")
        maps = self.trunk(features[:, : self.sed_channels], features)
        sed, doa = (x.permute(0, 2, 3, 1).mean(dim=2) for x in maps)
        sed, doa = self.sed_sequence(sed), self.doa_sequence(doa)
        event = self.event_head(self.event_sequence(torch.cat((sed, doa), dim=-1)))
        tracks = [x.unsqueeze(2).expand(-1, -1, self.num_tracks, -1) for x in (sed, doa)]
        output: SELDOutput = self.head(*tracks)
        return EventOutput(output, event) if events else likeliest_events(output, event)


def likeliest_events(seld: SELDOutput, event: Float[Tensor, "batch time track"]) -> SELDOutput:
    """Return an output in which the likeliest class of a track has the logit of its event.

    Decoded with a threshold of 1/2, a track holds one event or none: one where its event is
    likelier than not.

    Examples:
        >>> seld = SELDOutput(torch.tensor([[[[0.1, 0.7, 0.2]]]]), torch.zeros(1, 1, 1, 3))
        >>> likeliest_events(seld, torch.full((1, 1, 1), 2.0)).activity
        tensor([[[[-30.,   2., -30.]]]])
    """
    classes = torch.arange(seld.activity.shape[-1], device=event.device)
    likeliest = classes == seld.activity.argmax(dim=-1, keepdim=True)
    return seld._replace(activity=torch.where(likeliest, event.unsqueeze(-1), SILENT))


@builder
@plain_settings()
def einv1(
    num_classes: int,
    num_tracks: int = 2,
    *,
    in_channels: int = 7,
    sed_channels: int = 4,
    widths: Sequence[int] = (64, 128, 256, 512),
    pool_time: Sequence[int] = (2, 2, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2),
    rnn_channels: int = 256,
    rnn_layers: int = 1,
    dropout: float = 0.0,
) -> EINV1:
    """Build EIN-V1, the first event-independent network, by its abstract; experimental.

    What the abstract says: two parallel branches for SED and DOA, a third prediction of event
    activity (EAD) that combines the features of both to find on- and offsets, two tracks of at most
    one event each, and permutation-invariant training by frames. All else is our reading and an
    argument: the convolution blocks and poolings of its successor
    [`einv2`][seldkit.models.einv2], GRUs over time, and the sizes. The published network reads FOA
    waveforms by 1-D convolutions; this one reads features, those of `presets.ein_seld()` with the
    default poolings.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features: log-mel first, then intensity.
        sed_channels: The SED branch reads so many of the first channels.
        widths: Channels of each convolution block.
        pool_time: Frames that each block averages into one.
        pool_freq: Bins that each block averages into one.
        rnn_channels: Channels of each direction of the GRUs.
        rnn_layers: Layers of each GRU.
        dropout: Dropout between the layers of a GRU.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1); with
        `events=True` to an [`EventOutput`][seldkit.models.EventOutput].

    Raises:
        ValueError: If a number is out of range, or the widths and poolings differ in length.

    Source: Cao et al., "Event-independent network for polyphonic sound event localization and
    detection", DCASE Workshop 2020.

    Examples:
        >>> model = einv1(14)
        >>> sum(p.numel() for p in model.parameters())
        13730532
    """
    if sed_channels > in_channels:
        raise ValueError(f"sed_channels must be at most {in_channels}, got {sed_channels}")
    pools = (pool_time, pool_freq)
    width = 2 * rnn_channels

    def recurrent(channels: int) -> nn.Module:
        return BidirectionalGRU(
            channels, rnn_channels, rnn_layers, merge="concat", tanh=False, dropout=dropout
        )

    return EINV1(
        sed_channels=sed_channels,
        trunk=StitchedBranches(
            conv_stages(sed_channels, widths, *pools), conv_stages(in_channels, widths, *pools), {}
        ),
        sed_sequence=recurrent(widths[-1]),
        doa_sequence=recurrent(widths[-1]),
        event_sequence=recurrent(2 * width),
        head=TrackWiseHead(width, num_classes, num_tracks),
        event_head=nn.Linear(width, num_tracks),
        num_tracks=num_tracks,
    )
