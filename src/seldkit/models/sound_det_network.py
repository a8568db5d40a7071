"""SoundDet: learned beams of the waveform, and events proposed whole."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, cast, overload

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.features import MaxCorrFilterbank
from seldkit.heads import ClassWiseHead
from seldkit.layers import BidirectionalGRU, DenseEventProposal
from seldkit.models.proposal_maps import ProposalMaps
from seldkit.outputs import SELDOutput


class ProposalOutput(NamedTuple):
    """What a network returns that also proposes events whole.

    Attributes:
        seld: Activity and direction of each class in each frame.
        maps: Logits over start and duration.
    """

    seld: SELDOutput
    maps: ProposalMaps


class WaveformEncoder(Shown):
    """An encoder and decoder over time: each stage halves the steps, some are doubled again.

    A stage is a convolution over three steps with stride 2, batch norm and ReLU. Then transposed
    convolutions raise the last map, beside which stands the map of the stage that has as many
    steps; what goes beyond its end is cut. Any length will do: halves are rounded up.

    Shape:
        - Input: `(batch, step, in_channels)`.
        - Output: `(batch, frame, out_channels)`.

    Args:
        in_channels: Channels of the input.
        widths: Channels of each stage.
        num_raised: How many times steps are doubled; fewer than there are stages.

    Attributes:
        out_channels: Channels of the output.

    Examples:
        >>> WaveformEncoder(16, widths=(8, 8, 16), num_raised=1)(torch.zeros(1, 40, 16)).shape
        torch.Size([1, 10, 16])
    """

    @plain_settings()
    def __init__(self, in_channels: int, *, widths: Sequence[int], num_raised: int) -> None:
        super().__init__()
        if num_raised >= len(widths):
            raise ValueError(
                f"num_raised must be below the number of widths, {len(widths)}, got {num_raised}"
            )
        self.in_channels, self.widths, self.num_raised = in_channels, tuple(widths), num_raised
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(*pair, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm1d(pair[1]),
                nn.ReLU(),
            )
            for pair in pairwise((in_channels, *widths))
        )
        ups, channels = [], widths[-1]
        for skip in reversed(widths[-1 - num_raised : -1]):
            ups.append(nn.ConvTranspose1d(channels, skip, 2, stride=2))
            channels = 2 * skip
        self.ups = nn.ModuleList(ups)
        self.out_channels = channels

    def forward(self, x: Float[Tensor, "batch step channel"]) -> Float[Tensor, "batch frame out"]:
        """Return the frames."""
        check_shape("x", x, "batch step+ channel", channel=self.in_channels)
        x, maps = x.mT, []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        for up, skip in zip(self.ups, maps[-2::-1], strict=False):
            x = torch.cat((skip, up(x)[..., : skip.shape[2]].relu()), dim=1)
        return x.mT


class SoundDet(nn.Module):
    """A SELD network that reads the waveform, and may propose events whole.

    Called with `proposals=True`, as in training, it returns a
    [`ProposalOutput`][seldkit.models.ProposalOutput]; otherwise the
    [`SELDOutput`][seldkit.outputs.SELDOutput] of single frames, which formats, pipelines and
    metrics take.

    Shape:
        - Input: `(batch, channel, time, block)`, the waveform in blocks, as
          [`presets.waveform_blocks`][seldkit.features.presets.waveform_blocks] makes them.
        - Output: activity `(batch, frame, cls)`, direction `(batch, frame, cls, axis)`; maps
          `(batch, cls, duration, start)`.

    Args:
        filters: From the waveform to `(batch, step, channel)`.
        encoder: From that to `(batch, frame, channel)`.
        sequence: Takes and returns a sequence.
        head: Makes activity and direction of the sequence, which it takes twice.
        proposal: Makes maps of the sequence, the overlaps of all classes and then the smoothness.
    """

    def __init__(
        self,
        *,
        filters: nn.Module,
        encoder: nn.Module,
        sequence: nn.Module,
        head: nn.Module,
        proposal: nn.Module,
    ) -> None:
        super().__init__()
        self.filters = filters
        self.encoder = encoder
        self.sequence = sequence
        self.head = head
        self.proposal = proposal

    @overload
    def forward(self, blocks: Tensor, *, proposals: Literal[False] = False) -> SELDOutput: ...

    @overload
    def forward(self, blocks: Tensor, *, proposals: Literal[True]) -> ProposalOutput: ...

    def forward(
        self, blocks: Float[Tensor, "batch channel time block"], *, proposals: bool = False
    ) -> SELDOutput | ProposalOutput:
        """Return activity logits and directions; with them, if asked, the maps."""
        check_shape("blocks", blocks, "batch channel time block")
        x = self.sequence(self.encoder(self.filters(blocks.flatten(2))))
        output = cast(SELDOutput, self.head(x, x))
        if not proposals:
            return output
        overlap, smoothness = self.proposal(x).chunk(2, dim=1)
        return ProposalOutput(output, ProposalMaps(overlap, smoothness))


@builder
@plain_settings()
def sound_det(
    num_classes: int,
    *,
    num_channels: int = 4,
    sample_rate: int = 24000,
    num_filters: int = 256,
    kernel_size: int = 501,
    stride: int = 75,
    max_delay: float = 8.0,
    widths: Sequence[int] = (128, 128, 256, 256, 512, 512, 1024),
    num_raised: int = 2,
    rnn_channels: int = 512,
    max_duration: int = 40,
    num_points: int = 16,
    hidden: int = 64,
) -> SoundDet:
    """Build a reading of SoundDet; experimental: of the paper its abstract alone is known.

    Known are a bank of filters that tell phases and frequencies, an encoder and decoder, a head for
    each frame, and dense proposals of events with two score maps, the overlap in time and the
    smoothness of motion. From code of others are the widths, the two steps up and the GRU; that 75
    samples is the stride, stages halve the steps and the frames so come to 100 ms, is our reading,
    and so is all of [`DenseEventProposal`][seldkit.layers.DenseEventProposal], with maps of each
    class.

    Args:
        num_classes: Number of classes.
        num_channels: Channels of the waveform, best of microphones apart from one another.
        sample_rate: Sampling rate, in hertz.
        num_filters: Number of filters.
        kernel_size: Taps of a filter, odd.
        stride: Samples from one response to the next.
        max_delay: Bound of the learned delays, in samples.
        widths: Channels of each stage, which halves the steps.
        num_raised: How many times steps are doubled again: a frame of output is
            `stride * 2 ** (len(widths) - num_raised)` samples, 2400 by default.
        rnn_channels: Channels of the GRU, both directions in all, even.
        max_duration: Longest event that is proposed, in frames of output.
        num_points: Points at which an event is read.
        hidden: Channels of the maps between.

    Returns:
        A network from blocks `(batch, channel, time, block)` of any size to activity logits
        `(batch, frame, cls)` and directions `(batch, frame, cls, axis)` in (-1, 1), and maps if
        asked.

    Raises:
        ValueError: If a number is out of range.

    Source: after He et al., "SoundDet: polyphonic moving sound event detection and localization
    from raw waveform", ICML 2021.

    Examples:
        >>> small = sound_det(5, num_filters=16, widths=[8] * 7, rnn_channels=8, hidden=8)
        >>> seld, maps = small(torch.zeros(1, 4, 80, 300), proposals=True)  # 1 s
        >>> seld.activity.shape, maps.overlap.shape
        (torch.Size([1, 10, 5]), torch.Size([1, 5, 40, 10]))
    """
    if rnn_channels % 2:
        raise ValueError(f"rnn_channels must be even, got {rnn_channels}")
    filters = MaxCorrFilterbank(
        num_filters,
        num_channels,
        sample_rate=sample_rate,
        max_delay=max_delay,
        kernel_size=kernel_size,
        stride=stride,
    )
    encoder = WaveformEncoder(num_filters, widths=widths, num_raised=num_raised)
    return SoundDet(
        filters=filters,
        encoder=encoder,
        sequence=BidirectionalGRU(
            encoder.out_channels, rnn_channels // 2, 1, merge="concat", tanh=False
        ),
        head=ClassWiseHead(rnn_channels, num_classes),
        proposal=DenseEventProposal(
            rnn_channels,
            2 * num_classes,
            max_duration=max_duration,
            num_points=num_points,
            hidden=hidden,
        ),
    )
