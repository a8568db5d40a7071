"""DOANet: directions of several sources on tracks, whatever sounds there."""

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.heads import JointTrackHead, MultiACCDOAHead
from seldkit.layers import BidirectionalGRU
from seldkit.layers.conv import bins_after
from seldkit.models.sequence import SequenceSELD
from seldkit.models.tracking_blocks import dense, max_stages


@builder
@plain_settings(from_zero=["num_heads"])
def doanet(
    num_tracks: int = 2,
    *,
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (128, 128, 128),
    pool_time: Sequence[int] = (5, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 2),
    rnn_channels: int = 128,
    rnn_layers: int = 2,
    num_heads: int = 0,
    hidden: Sequence[int] = (128, 128),
    dropout: float = 0.0,
    activity: bool = True,
    bounded_activity: bool = False,
) -> SequenceSELD:
    """Build DOANet, which finds directions of a few sources and has no classes.

    Convolutions, bidirectional GRUs whose halves are multiplied, and linear layers for activity and
    for direction. With features of 20 ms, those of
    [`dcase2020_foa`][seldkit.features.presets.dcase2020_foa] or
    [`dcase2023_mic`][seldkit.features.presets.dcase2023_mic], a frame of output is a label of
    100 ms. It is the localiser of the differentiable tracking loss.

    The output is that of [`TrackWise`][seldkit.formats.TrackWise] with one class, so that
    [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss] trains it. Without activity it is that
    of [`MultiACCDOA`][seldkit.formats.MultiACCDOA] with one class.

    Args:
        num_tracks: Number of tracks: the largest number of sources at once.
        in_channels: Channels of the features: 7 for log-mel and intensity of FOA, 10 for log-mel
            and GCC-PHAT of four microphones.
        num_bins: Bins of the features.
        widths: Channels of each convolution.
        pool_time: Frames of which each block takes the maximum.
        pool_freq: Bins of which each block takes the maximum.
        rnn_channels: Channels of either direction of a GRU.
        rnn_layers: Number of GRU layers.
        num_heads: Heads of self-attention behind the GRUs, with the hyperbolic tangent of what it
            finds; 0 for none, as the published settings have it, whose code offers 4.
        hidden: Widths of the linear layers before the last, for activity and for direction, each
            with ReLU.
        dropout: Dropout of whole channels after each block, and between GRU layers.
        activity: Whether the activity of each track is estimated, too.
        bounded_activity: Whether logits pass through tanh, as published, see
            [`JointTrackHead`][seldkit.heads.JointTrackHead].

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits
        `(batch, time, track, cls=1)` and directions `(batch, time, track, axis)` in (-1, 1), or to
        vectors `(batch, time, track, cls=1, axis)`.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, bins are
            fewer than are pooled, `rnn_channels` is no multiple of `num_heads`, or
            `bounded_activity` is asked of a network without activity.

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021, and its published code.

    Examples:
        >>> import torch
        >>> sum(p.numel() for p in doanet().parameters())
        1553928
        >>> activity, direction, _ = doanet(in_channels=10)(torch.zeros(1, 10, 250, 64))
        >>> activity.shape, direction.shape
        (torch.Size([1, 50, 2, 1]), torch.Size([1, 50, 2, 3]))
    """
    bins = bins_after(num_bins, widths, pool_time, pool_freq)
    if num_heads and rnn_channels % num_heads:
        raise ValueError(f"rnn_channels must be a multiple of {num_heads}, got {rnn_channels}")
    if bounded_activity and not activity:
        raise ValueError("bounded_activity must be False without activity, got True")
    last = [rnn_channels, *hidden][-1]
    sequence: OrderedDict[str, nn.Module] = OrderedDict(
        recurrent=BidirectionalGRU(widths[-1] * bins, rnn_channels, rnn_layers, dropout=dropout)
    )
    if num_heads:
        sequence["attention"] = _BoundedAttention(rnn_channels, num_heads)
    return SequenceSELD(
        in_channels=in_channels,
        num_bins=num_bins,
        min_frames=prod(pool_time),
        trunk=max_stages(in_channels, widths, pool_time, pool_freq, nn.ReLU, dropout),
        sequence=nn.Sequential(sequence),
        branches=[dense(rnn_channels, hidden, nn.ReLU) for _ in range(1 + activity)],
        head=JointTrackHead(last, 1, num_tracks, bounded_activity=bounded_activity)
        if activity
        else MultiACCDOAHead(last, 1, num_tracks),
    )


class _BoundedAttention(nn.Module):
    """The hyperbolic tangent of what self-attention finds, in place of the sequence."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, batch_first=True)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        attended, _ = self.attention(x, x, x, need_weights=False)
        output: Tensor = attended.tanh()
        return output
