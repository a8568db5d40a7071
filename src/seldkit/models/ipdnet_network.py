"""IPDnet: the phases of the direct sound of each source, on tracks."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_pair, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers import CausalConv2d, FullNarrowBand, State, StepSize
from seldkit.layers.streaming import step_size, stream_step


class IPDNet(Shown):
    """Full-band and narrow-band LSTMs, then convolutions, for one array and several tracks.

    Shape:
        - Input: `(batch, 2 * num_microphones, time, freq)`: real parts of all microphones, then
          imaginary parts.
        - Output: `(batch, frame, track, pair, part=2, freq)`: cosines and sines, see
          [`DirectPathPhase`][seldkit.formats.DirectPathPhase].

    Args:
        num_microphones: Number of microphones.
        num_tracks: Number of tracks.
        min_frames: The fewest frames of features that make a frame of output.
        blocks: Each reads what the one before makes, with the input behind it.
        end: From a map of that to one of `2 * num_tracks * (num_microphones - 1)` channels.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        num_microphones: int,
        num_tracks: int,
        min_frames: int = 1,
        blocks: Sequence[FullNarrowBand],
        end: nn.Module,
    ) -> None:
        super().__init__()
        self.num_microphones, self.num_tracks = num_microphones, num_tracks
        self.min_frames = min_frames
        self.blocks = nn.ModuleList(blocks)
        self.end = end

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame track pair part freq"]:
        """Return the phases of each track."""
        inputs = self._inputs(features)
        if features.shape[2] < self.min_frames:
            shape = tuple(features.shape)
            raise ValueError(f"features must have at least {self.min_frames} frames, got {shape}")
        x = inputs
        for block in self.blocks:
            x = torch.cat((block(x, inputs)[0], inputs), dim=3)
        return self._tracks(self.end(x.permute(0, 3, 1, 2)))

    @property
    def step_size(self) -> StepSize:
        """Frames of features that a step takes, and frames of output that it makes.

        Raises:
            ValueError: If the network is not causal.
        """
        size = StepSize()
        for block in self.blocks:
            size = size.then(step_size(block))
        return size.then(step_size(self.end))

    def step(
        self, features: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch frame track pair part freq"], State]:
        """Return the phases of the next frames and the state behind them."""
        x = inputs = self._inputs(features)
        *before, of_end = state or [None] * (len(self.blocks) + 1)
        after = []
        for block, past in zip(self.blocks, before, strict=True):
            assert isinstance(block, FullNarrowBand)
            narrow, _, now = block.step(x, inputs, past)
            after.append(now)
            x = torch.cat((narrow, inputs), dim=3)
        result, of_end = stream_step(self.end, x.permute(0, 3, 1, 2), of_end)
        return self._tracks(result), (*after, of_end)

    def _inputs(self, features: Tensor) -> Float[Tensor, "batch time freq channel"]:
        check_shape(
            "features", features, "batch channel time freq", channel=2 * self.num_microphones
        )
        return features.permute(0, 2, 3, 1)

    def _tracks(self, x: Float[Tensor, "batch channel frame freq"]) -> Tensor:
        pairs = self.num_microphones - 1
        batch, _, frame, freq = x.shape
        apart = x.reshape(batch, self.num_tracks, 2, pairs, frame, freq)
        return apart.permute(0, 4, 1, 3, 2, 5)


@builder
@plain_settings()
def ipdnet(
    num_microphones: int = 2,
    num_tracks: int = 2,
    *,
    width: int | None = None,
    conv_width: int = 128,
    num_blocks: int = 2,
    pool_time: Sequence[int] = (3, 4),
    causal: bool = True,
    dropout: float = 0.0,
) -> IPDNet:
    """Build IPDnet, which puts the direct sound of each source on a track of its own.

    LSTMs along frequency and along time read the spectra of all microphones together, and causal
    convolutions end them in the phases that the direct sound of each source has between the first
    microphone and each other one. [`DirectPathPhase`][seldkit.formats.DirectPathPhase] with
    `num_tracks` makes such targets, with those of a diffuse field for silent tracks, and finds the
    directions in what the network returns. The network streams if it is causal.

    Features are [`presets.ipdnet`][seldkit.features.presets.ipdnet], the loss is
    [`direct_path_loss`][seldkit.losses.direct_path_loss]; bins may be of any number.

    The published form for arrays that vary does not run as released, and is not built here.

    Args:
        num_microphones: Number of microphones, at least 2.
        num_tracks: Number of tracks.
        width: Channels of the LSTMs; None is 128 for two microphones, 256 for more, as published.
        conv_width: Channels of the convolutions.
        num_blocks: Number of [`FullNarrowBand`][seldkit.layers.FullNarrowBand] blocks.
        pool_time: Frames that are averaged behind the first two convolutions: 12 frames of 16 ms
            make one of 192 ms.
        causal: Whether LSTMs along time read forward alone; the published "online" form.
        dropout: Dropout behind the LSTMs.

    Raises:
        ValueError: If a number is out of range, or there are fewer than two microphones.

    Source: Wang et al., "IPDnet: A universal direct-path IPD estimation network for sound source
    localization", IEEE/ACM TASLP 2024; sizes and layout of the published code. With more than two
    microphones the order of its output channels (track, part, pair) is our reading.

    Examples:
        >>> sum(p.numel() for p in ipdnet().parameters())
        709632
        >>> ipdnet(3, width=8)(torch.zeros(1, 6, 24, 16)).shape
        torch.Size([1, 2, 2, 2, 2, 16])
    """
    if num_microphones < 2:
        raise ValueError(f"num_microphones must be at least 2, got {num_microphones}")
    width = (128 if num_microphones == 2 else 256) if width is None else width
    inputs = 2 * num_microphones
    widths = [inputs, *[width + inputs] * num_blocks]
    check_pair("pool_time", pool_time, "the frames of two means")
    first, second = pool_time
    end = OrderedDict(
        conv1=CausalConv2d(widths[-1], conv_width, bias=False),
        relu1=nn.ReLU(),
        pool1=nn.AvgPool2d((first, 1)),
        conv2=CausalConv2d(conv_width, conv_width, bias=False),
        relu2=nn.ReLU(),
        pool2=nn.AvgPool2d((second, 1)),
        conv3=CausalConv2d(conv_width, 2 * num_tracks * (num_microphones - 1), bias=False),
        tanh=nn.Tanh(),
    )
    return IPDNet(
        num_microphones=num_microphones,
        num_tracks=num_tracks,
        min_frames=first * second,
        blocks=[
            FullNarrowBand(each, width, inputs, causal=causal, dropout=dropout)
            for each in widths[:-1]
        ],
        end=nn.Sequential(end),
    )
