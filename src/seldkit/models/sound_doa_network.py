"""SoundDoA: learned Gabor filters, and two streams that talk to each other."""

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.features import GaborFilterbank
from seldkit.features.precision import widened
from seldkit.heads import TrackWiseHead
from seldkit.layers import (
    BinNorm,
    CrossStitch,
    SpectralEnhancement,
    StitchedBranches,
    TrackEncoders,
    temporal_encoder,
)
from seldkit.layers.conv import bins_after, conv_stages
from seldkit.layers.temporal import Temporal
from seldkit.models.stitched import StitchedSELD
from seldkit.outputs import SELDOutput

_FLOOR = 1e-10


class GaborFrontEnd(Shown):
    """From blocks of the waveform to levels and products of microphones in learned bands.

    The level of every channel in decibels, normalised for each channel and band, passes the
    enhancement. Of every pair of channels `m < n` stand the real and the imaginary part of
    `z[m] conj(z[n])`, divided by the mean power of all channels: so they tell what is louder and
    what is earlier, and not how loud it is.

    Shape:
        - Input: `(batch, channel, time, block)`, the waveform in blocks.
        - Output: `(batch, out_channels, time, freq)`: levels, real parts, imaginary parts.

    Args:
        num_channels: Channels of the waveform.
        filters: The filters, whose stride is a block.
        enhancement: Acts on the levels.

    Attributes:
        out_channels: Channels of the output.
    """

    pair: Tensor

    @plain_settings()
    def __init__(
        self, num_channels: int, *, filters: GaborFilterbank, enhancement: nn.Module
    ) -> None:
        super().__init__()
        self.num_channels = num_channels
        pairs = list(combinations(range(num_channels), 2))
        self.out_channels = num_channels + 2 * len(pairs)
        self.filters = filters
        self.norm = BinNorm(num_channels, num_bins=filters.num_filters)
        self.enhancement = enhancement
        index = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
        self.register_buffer("pair", index, persistent=False)

    def forward(
        self, blocks: Float[Tensor, "batch channel time block"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return levels and products."""
        sizes = {"channel": self.num_channels, "block": self.filters.stride}
        check_shape("blocks", blocks, "batch channel time block", **sizes)
        real, imag = (widened(part) for part in self.filters.parts(blocks.flatten(2)))
        power = real.square() + imag.square()
        levels = 10 * power.clamp(min=_FLOOR).log10()
        first, second = self.pair
        same = real[:, first] * real[:, second] + imag[:, first] * imag[:, second]
        other = imag[:, first] * real[:, second] - real[:, first] * imag[:, second]
        products = torch.cat((same, other), dim=1) / (power.mean(dim=1, keepdim=True) + _FLOOR)
        dtype = blocks.dtype
        enhanced = self.enhancement(self.norm(levels.to(dtype)))
        return torch.cat((enhanced, products.to(enhanced.dtype)), dim=1)


class SoundDoA(nn.Module):
    """A SELD network that reads the waveform: a front-end that learns, and two streams behind it.

    Shape:
        - Input: `(batch, channel, time, block)`, the waveform in blocks, as
          [`presets.waveform_blocks`][seldkit.features.presets.waveform_blocks] makes them.
        - Output: that of the network.

    Args:
        front_end: From blocks to features.
        network: From features to the output.
    """

    def __init__(self, *, front_end: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network

    def forward(self, blocks: Float[Tensor, "batch channel time block"]) -> SELDOutput:
        """Return activity logits and directions."""
        output: SELDOutput = self.network(self.front_end(blocks))
        return output


@builder
@plain_settings()
def sound_doa(
    num_classes: int,
    num_tracks: int = 2,
    *,
    num_channels: int = 4,
    sample_rate: int = 24000,
    block_size: int = 300,
    num_filters: int = 256,
    kernel_size: int = 1025,
    widths: Sequence[int] = (64, 128, 256, 512),
    pool_time: Sequence[int] = (2, 2, 2, 1),
    pool_freq: Sequence[int] = (4, 4, 4, 2),
    temporal: Temporal = "gru",
    num_layers: int = 2,
    num_heads: int = 8,
    feedforward: int = 1024,
    dropout: float = 0.2,
    enhance: bool = True,
    stitched: bool = True,
) -> SoundDoA:
    """Build a reading of SoundDoA; experimental: of the paper its abstract alone is known.

    Known are learned Gabor filters with an enhancement, and two sub-networks, one for what sounds
    and one for where, which communicate layer by layer, without proposals of events. Filters are
    256 with 1025 taps at 24 kHz, 512 numbers, in later code of the same author. All else is ours:
    convolution blocks and cross-stitches after every stage, GRUs, and the track-wise output, as in
    [`einv2`][seldkit.models.einv2]. The stream for directions reads the levels, too.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        num_channels: Channels of the waveform.
        sample_rate: Sampling rate, in hertz.
        block_size: Samples of a block, which are a frame: 300 at 24 kHz are 12.5 ms.
        num_filters: Number of filters.
        kernel_size: Taps of a filter, odd.
        widths: Channels of each convolution block.
        pool_time: Frames that each block averages into one: 8 in all make labels of 100 ms.
        pool_freq: Bands that each block averages into one.
        temporal: Encoder of each track and task, see
            [`temporal_encoder`][seldkit.layers.temporal_encoder].
        num_layers: Its layers.
        num_heads: Its attention heads.
        feedforward: Width of its inner layers.
        dropout: Its dropout.
        enhance: Whether levels pass a [`SpectralEnhancement`][seldkit.layers.SpectralEnhancement].
        stitched: Whether the streams communicate; otherwise they share the filters alone.

    Returns:
        A network from blocks `(batch, channel, time, block)` to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is out of range, or the widths and poolings differ in length.

    Source: after He et al., "SoundDoA: learn sound source direction of arrival and semantics from
    sound raw waveforms", Interspeech 2022.

    Examples:
        >>> small = sound_doa(5, num_filters=32, widths=(8, 16), pool_time=(4, 2), pool_freq=(4, 4))
        >>> activity, direction, _ = small(torch.zeros(1, 4, 80, 300))  # 1 s
        >>> activity.shape, direction.shape
        (torch.Size([1, 10, 2, 5]), torch.Size([1, 10, 2, 3]))
    """
    bins_after(num_filters, widths, pool_time, pool_freq)
    filters = GaborFilterbank(
        num_filters, sample_rate=sample_rate, kernel_size=kernel_size, stride=block_size
    )
    front_end = GaborFrontEnd(
        num_channels,
        filters=filters,
        enhancement=SpectralEnhancement(num_channels) if enhance else nn.Identity(),
    )
    width = widths[-1]

    def encoders() -> TrackEncoders:
        return TrackEncoders(
            [
                temporal_encoder(
                    temporal,
                    width,
                    num_layers=num_layers,
                    num_heads=num_heads,
                    feedforward=feedforward,
                    dropout=dropout,
                )
                for _ in range(num_tracks)
            ]
        )

    network = StitchedSELD(
        sed_channels=num_channels,
        trunk=StitchedBranches(
            conv_stages(num_channels, widths, pool_time, pool_freq),
            conv_stages(front_end.out_channels, widths, pool_time, pool_freq),
            {i: CrossStitch(n) for i, n in enumerate(widths)} if stitched else {},
        ),
        positions=nn.Identity(),
        sed_tracks=encoders(),
        doa_tracks=encoders(),
        head=TrackWiseHead(width, num_classes, num_tracks),
    )
    return SoundDoA(front_end=front_end, network=network)
