"""The two-stage strategy: a network learns what sounds, and lends its convolutions to another."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.geometry import unit_vector
from seldkit.heads.linear import linear_layer
from seldkit.layers import BidirectionalGRU, LabelRate
from seldkit.layers.conv import conv_stages
from seldkit.outputs import SELDOutput


class StageCRNN(nn.Module):
    """The network of one stage: convolutions, the mean over frequency, a sequence and a head.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: that of the head, `(batch, frame, ...)`.

    Args:
        trunk: Takes and returns a map.
        sequence: Takes and returns a sequence `(batch, step, channel)`.
        head: From the sequence to what the stage tells.
        rate: From the steps of the network to the frames of the labels.
    """

    def __init__(
        self, *, trunk: nn.Module, sequence: nn.Module, head: nn.Module, rate: nn.Module
    ) -> None:
        super().__init__()
        self.trunk, self.sequence, self.head, self.rate = trunk, sequence, head, rate

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame *told"]:
        """Return what the head tells of each label frame."""
        check_shape("features", features, "batch channel time freq")
        steps = self.trunk(features).mean(dim=3).mT
        told: Tensor = self.rate(self.head(self.sequence(steps)), features.shape[2])
        return told


class TwoStage(nn.Module):
    """A network for activity (SED) and another for direction (DOA), trained one after the other.

    1. Train `sed`, which returns logits, to tell what sounds.
    2. Call [`begin_second_stage`][seldkit.models.TwoStage.begin_second_stage], and train `doa`,
       which returns directions, where the labels say that a class sounds.

    The whole then finds events by the activity of the first, each at the direction that the second
    has for its class. It is what the class-wise format, pipelines and metrics take.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: activity `(batch, frame, cls)`, direction `(batch, frame, cls, axis)`.

    Args:
        sed: From features to logits.
        doa: From features to directions, its trunk the same as that of `sed`.
    """

    def __init__(self, *, sed: StageCRNN, doa: StageCRNN) -> None:
        super().__init__()
        self.sed, self.doa = sed, doa

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> SELDOutput:
        """Return activity logits and directions."""
        return SELDOutput(self.sed(features), self.doa(features))

    def begin_second_stage(self) -> None:
        """Copy the convolutions of `sed`, and what their norms have seen, into `doa`."""
        self.doa.trunk.load_state_dict(self.sed.trunk.state_dict())


class _AngleHead(nn.Module):
    """Two linear layers, for the azimuth and the elevation of every class, in radians."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.azimuth = linear_layer(channels, num_classes)
        self.elevation = linear_layer(channels, num_classes)

    def forward(
        self, x: Float[Tensor, "batch step channel"]
    ) -> Float[Tensor, "batch step cls axis"]:
        return unit_vector(torch.rad2deg(self.azimuth(x)), torch.rad2deg(self.elevation(x)))


@builder
@plain_settings()
def two_stage(
    num_classes: int,
    *,
    in_channels: int = 10,
    widths: Sequence[int] = (64, 128, 256, 512),
    pool_time: Sequence[int] = (2, 2, 2, 2),
    pool_freq: Sequence[int] = (2, 2, 2, 2),
    rnn_channels: int = 256,
    rnn_layers: int = 1,
    dropout: float = 0.0,
    frames_per_label: int = 10,
) -> TwoStage:
    """Build the two-stage network: two CRNNs, of which the second begins where the first ended.

    Each has four blocks of two convolutions and an average over 2 x 2, the mean over frequency, a
    bidirectional GRU, and linear layers: for the activity of every class in the first, for the
    azimuth and elevation of every class in the second. Steps are held until the next, at the rate
    of the features, of which labels are the mean. Features are log-mel of four channels and the
    GCC-PHAT of their pairs, in frames of 10 ms.

    The published networks are one class with all three outputs, of which each stage trains its own
    (11 classes: 5,890,977 parameters); here each stage has what it trains. There, angles are
    compared as numbers, so that -179° is far from 180°; here they make a unit vector, which any
    error of [`class_wise_loss`][seldkit.losses.class_wise_loss] takes.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        widths: Channels of each convolution block.
        pool_time: Frames that each block averages into one.
        pool_freq: Bins that each block averages into one.
        rnn_channels: Channels of each direction of the GRU.
        rnn_layers: Its layers.
        dropout: Dropout between them.
        frames_per_label: Feature frames of a label frame: 10 of 10 ms for labels of 100 ms, 2 for
            the 20 ms of DCASE 2019.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, frame, cls)` and directions `(batch, frame, cls, axis)` of length 1; shorter where
        a label frame lies in two steps.

    Raises:
        ValueError: If a number is out of range, or the widths and poolings differ in length.

    Source: Cao et al., "Polyphonic sound event detection and localization using a two-stage
    strategy", DCASE Workshop 2019, arXiv 1905.00268, and its published code.

    Examples:
        >>> model = two_stage(11)
        >>> sum(p.numel() for p in model.parameters())
        11765025
        >>> activity, direction, _ = model(torch.zeros(1, 10, 200, 96))  # 2 s
        >>> activity.shape, direction.shape
        (torch.Size([1, 20, 11]), torch.Size([1, 20, 11, 3]))
    """
    width = 2 * rnn_channels

    def stage(head: nn.Module) -> StageCRNN:
        return StageCRNN(
            trunk=nn.Sequential(*conv_stages(in_channels, widths, pool_time, pool_freq)),
            sequence=BidirectionalGRU(
                widths[-1], rnn_channels, rnn_layers, merge="concat", tanh=False, dropout=dropout
            ),
            head=head,
            rate=LabelRate(prod(pool_time), frames_per_label, filling="hold"),
        )

    return TwoStage(
        sed=stage(linear_layer(width, num_classes)), doa=stage(_AngleHead(width, num_classes))
    )
