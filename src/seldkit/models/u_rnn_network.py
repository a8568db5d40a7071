"""A U-Net whose bottleneck is recurrent."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import BidirectionalGRU, UNetDecoder, UNetEncoder
from seldkit.models.sequence import SequenceFormat, SequenceSELD, head_of_format, num_branches


class RecurrentUNet(Shown):
    """A U-Net over frequency, with a bidirectional GRU over time where it is coarsest.

    Levels are coarser in frequency alone, so that every frame is in each of them. At the bottom the
    channels and bins of a frame are one vector; the GRU reads the vectors, and a linear layer makes
    a map of the same size of what it finds, which the decoder raises. The output is the mean over
    frequency.

    Shape:
        - Input: `(batch, in_channels, time, freq=num_bins)`.
        - Output: `(batch, widths[0], time // pool_time, 1)`, averaged over frames.

    Args:
        in_channels: Channels of the input.
        num_bins: Bins of the input.
        widths: Channels of each level, the finest first; two at least.
        pool_freq: Bins of one level that make one of the next.
        pool_time: Frames that make one of the output.
        rnn_channels: Channels of each direction of the GRU.

    Examples:
        >>> import torch
        >>> RecurrentUNet(7, num_bins=64, widths=(8, 16, 16))(torch.zeros(1, 7, 50, 64)).shape
        torch.Size([1, 8, 10, 1])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        *,
        num_bins: int,
        widths: Sequence[int] = (64, 128, 256),
        pool_freq: int = 4,
        pool_time: int = 5,
        rnn_channels: int = 128,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_bins, self.widths = in_channels, num_bins, tuple(widths)
        self.pool_freq, self.pool_time = pool_freq, pool_time
        self.rnn_channels = rnn_channels
        self.encoder = UNetEncoder(in_channels, widths=widths, pool_time=1, pool_freq=pool_freq)
        bins = num_bins
        for _ in widths[1:]:
            bins = -(-bins // pool_freq)
        size = widths[-1] * bins
        self.gru = BidirectionalGRU(size, rnn_channels, 1, merge="concat", tanh=False)
        self.linear = nn.Linear(2 * rnn_channels, size)
        self.decoder = UNetDecoder(widths=widths, pool_time=1, pool_freq=pool_freq)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out short_time 1"]:
        """Return the map, averaged over frequency and some frames."""
        sizes = {"channel": self.in_channels, "freq": self.num_bins}
        check_shape("x", x, "batch channel time freq", **sizes)
        if x.shape[2] < self.pool_time:
            raise ValueError(f"x must have at least {self.pool_time} frames, got {x.shape[2]}")
        *skips, coarse = self.encoder(x)
        sequence = self.linear(self.gru(coarse.transpose(1, 2).flatten(2)))
        coarse = sequence.unflatten(2, coarse.shape[1::2]).transpose(1, 2)
        fine = self.decoder([*skips, coarse]).mean(dim=3, keepdim=True)
        return functional.avg_pool2d(fine, (self.pool_time, 1))


@builder
@plain_settings()
def u_rnn(
    num_classes: int,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (64, 128, 256),
    pool_freq: int = 4,
    pool_time: int = 5,
    bottleneck_channels: int = 128,
    rnn_channels: int = 128,
    num_layers: int = 1,
    format: SequenceFormat = "class_wise",
    num_tracks: int = 3,
) -> SequenceSELD:
    """Build a reading of the U-style recurrent network; experimental.

    Known are convolutions of several scales, skip connections, a recurrent model over time, and a
    branch for detection beside one for localisation. How they are put together here is read from a
    figure's outline and no more: a U-Net over frequency with a GRU at its bottom, the mean over
    frequency, a GRU for each branch, and a head in any of the formats.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        num_bins: Bins of the features.
        widths: Channels of each level, the finest first; two at least.
        pool_freq: Bins of one level that make one of the next.
        pool_time: Frames of features that make a label frame.
        bottleneck_channels: Channels of each direction of the GRU at the bottom.
        rnn_channels: Channels of each direction of the GRU of a branch.
        num_layers: Its layers.
        format: `"class_wise"`, `"accdoa"` or `"multi_accdoa"`; the ACCDOA formats have one branch.
        num_tracks: Tracks of multi-ACCDOA.

    Returns:
        A network from features `(batch, channel, time, freq)` to the output of the format.

    Raises:
        ValueError: If a number is not positive, there is but one level, or `format` is unknown.

    Source: after Pi et al., sound event localization and detection with a U-style recurrent
    network, ISCSLP 2020.

    Examples:
        >>> import torch
        >>> small = u_rnn(5, widths=(8, 16), bottleneck_channels=8, rnn_channels=8)
        >>> small(torch.zeros(1, 7, 50, 64)).activity.shape
        torch.Size([1, 10, 5])
    """
    trunk = RecurrentUNet(
        in_channels,
        num_bins=num_bins,
        widths=widths,
        pool_freq=pool_freq,
        pool_time=pool_time,
        rnn_channels=bottleneck_channels,
    )

    def branch() -> nn.Module:
        return BidirectionalGRU(widths[0], rnn_channels, num_layers, merge="concat", tanh=False)

    head = head_of_format(
        format,
        2 * rnn_channels,
        num_classes,
        num_tracks=num_tracks,
        distance=False,
        onscreen=False,
        planar=False,
        bounded=True,
    )
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=pool_time,
        trunk=trunk,
        sequence=nn.Identity(),
        branches=[branch() for _ in range(num_branches(format))],
        head=head,
    )
