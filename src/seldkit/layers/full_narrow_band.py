"""LSTMs along frequency and along time, in turns."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.lstm import LongShortTermMemory
from seldkit.layers.streaming import State, StepSize

Join = Literal["concat", "add"]


class FullNarrowBand(Shown):
    """An LSTM over all bins of each frame, then one over all frames of each bin.

    The full-band LSTM reads each frame along frequency, in both directions, and learns how bins
    depend on each other, as phases of one direction do. The narrow-band LSTM reads each bin along
    time, the same for all bins, and learns what changes slowly, as the phases of a source do, and
    what fast. It is given something beside, such as the input of the network.

    A causal block streams: the full-band LSTM stays within a frame.

    Source: Wang et al., "FN-SSL: Full-band and narrow-band fusion for sound source localization",
    Interspeech 2023, section 2.

    Shape:
        - Inputs: `(batch, time, freq, in_channels)`, and beside `(batch, time, freq, beside)`.
        - Outputs: of the narrow band and of the full band, `(batch, time, freq, channels)` each.

    Args:
        in_channels: Channels of the input.
        channels: Channels of both outputs; even.
        beside: Channels of what is beside.
        join: How the narrow band is given what is beside: `"concat"`, behind the output of the full
            band, or `"add"`, onto it, for as many channels.
        causal: Whether the narrow band reads forward alone; else half of its channels read back.
        dropout: Dropout behind both LSTMs.

    Raises:
        ValueError: If a number is out of range, the channels are odd, or `beside` are not as many
            as are added.

    Examples:
        >>> block, x = FullNarrowBand(4, 32, 4), torch.zeros(1, 10, 16, 4)
        >>> narrow, full = block(x, x)
        >>> narrow.shape
        torch.Size([1, 10, 16, 32])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        channels: int,
        beside: int,
        *,
        join: Join = "concat",
        causal: bool = True,
        dropout: float = 0.0,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even, got {channels}")
        if join == "add" and beside != channels:
            raise ValueError(f"beside must be {channels} channels to be added, got {beside}")
        self.in_channels, self.channels, self.beside = in_channels, channels, beside
        self.join, self.causal = join, causal
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.full = LongShortTermMemory(in_channels, channels // 2, **place)
        self.narrow = LongShortTermMemory(
            channels + (beside if join == "concat" else 0),
            channels if causal else channels // 2,
            bidirectional=not causal,
            **place,
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch time freq channel"],
        beside: Float[Tensor, "batch time freq more"],
    ) -> tuple[Float[Tensor, "batch time freq out"], Float[Tensor, "batch time freq out"]]:
        """Return the outputs of the narrow band, and those of the full band."""
        inputs, full = self._bins(x, beside)
        return self._frames(self.narrow(inputs), x), full

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames; `ValueError` for a block that is not causal."""
        if not self.causal:
            raise ValueError("FullNarrowBand cannot stream: it is not causal")
        return StepSize()

    def step(
        self,
        x: Float[Tensor, "batch time freq channel"],
        beside: Float[Tensor, "batch time freq more"],
        state: Any = None,
    ) -> tuple[Float[Tensor, "batch time freq out"], Float[Tensor, "batch time freq out"], State]:
        """Return the outputs of the next frames, and the state of the narrow band in each bin."""
        inputs, full = self._bins(x, beside)
        if state is not None:
            sizes = {"batch": x.shape[0], "freq": x.shape[2], "state": self.channels}
            for part in state:
                check_shape("state", part, "batch freq state", **sizes)
            state = tuple(part.flatten(0, 1) for part in state)
        outputs, after = self.narrow.step(inputs, state)
        after = tuple(part.reshape(x.shape[0], x.shape[2], -1) for part in after)
        return self._frames(outputs, x), full, after

    def _bins(self, x: Tensor, beside: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the narrow band reads of each bin, and the outputs of the full band."""
        check_shape("x", x, "batch time+ freq+ channel", channel=self.in_channels)
        sizes = dict(zip(("batch", "time", "freq"), x.shape, strict=False))
        check_shape("beside", beside, "batch time freq channel", **sizes, channel=self.beside)
        batch, time, freq, _ = x.shape
        full = self.full(x.flatten(0, 1)).reshape(batch, time, freq, self.channels)
        read = self.dropout(full)
        read = torch.cat((read, beside), dim=3) if self.join == "concat" else read + beside
        return read.transpose(1, 2).flatten(0, 1), full

    def _frames(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Return the outputs of bins frame by frame."""
        batch, time, freq, _ = x.shape
        apart = outputs.reshape(batch, freq, time, self.channels).transpose(1, 2)
        dropped: Tensor = self.dropout(apart)
        return dropped
