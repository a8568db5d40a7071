"""BiMamba along time and along frequency, in both orders at once."""

import math

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.bimamba import BiMamba, MambaBlock


class AsymmetricBiMamba(Shown):
    """Two paths over a map, one along frequency and then time, one the other way round.

    Each way is a [`MambaBlock`][seldkit.layers.MambaBlock] of a
    [`BiMamba`][seldkit.layers.BiMamba] with weights of its own, along all bins of a frame or all
    frames of a bin; a pointwise convolution makes one map of both paths.

    Source: the "AC" layer of an entry to DCASE 2025 task 3, by description. The pointwise
    convolution in front, where the channels differ, and the sizes of state and heads are our
    reading.

    Shape:
        - Input: `(batch, in_channels, time, freq)`, any number of frames and bins.
        - Output: `(batch, channels, time, freq)`.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        state: See [`Mamba2`][seldkit.layers.Mamba2].
        head_channels: Likewise.
        dropout: Dropout of what each block adds.

    Examples:
        >>> AsymmetricBiMamba(7, 32)(torch.zeros(1, 7, 10, 16)).shape
        torch.Size([1, 32, 10, 16])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        state: int = 64,
        head_channels: int = 32,
        dropout: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.channels = in_channels, channels

        def block() -> MambaBlock:
            mixer = BiMamba(
                channels, state=state, head_channels=head_channels, device=device, dtype=dtype
            )
            return MambaBlock(channels, mixer=mixer, dropout=dropout, device=device, dtype=dtype)

        def pointwise(inputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, channels, 1, device=device, dtype=dtype)

        self.widen = nn.Identity() if in_channels == channels else pointwise(in_channels)
        self.freq_first = nn.ModuleDict({"freq": block(), "time": block()})
        self.time_first = nn.ModuleDict({"time": block(), "freq": block()})
        self.join = pointwise(2 * channels)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time freq"]:
        """Return the map of both paths."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.in_channels)
        rows = self.widen(x).permute(0, 2, 3, 1)  # batch time freq channel
        first = _along_time(self.freq_first["time"], _along_freq(self.freq_first["freq"], rows))
        second = _along_freq(self.time_first["freq"], _along_time(self.time_first["time"], rows))
        output: Tensor = self.join(torch.cat((first, second), dim=3).permute(0, 3, 1, 2))
        return output


class AsymmetricDecoder(Shown):
    """A sequence, read as a picture of frames and bins by asymmetric BiMamba layers.

    A linear layer makes a picture of one channel of the sequence, the layers act on it, a pointwise
    convolution makes one channel again, and each bin is held for as many channels as the sequence
    has for it; the sequence itself is added.

    Source: the released code of an entry to DCASE 2025 task 3, by description: 64 bins, two layers
    of 32 channels. It averages to 251 frames, whatever the length; here each frame stays one.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Channels of the sequence.
        num_layers: Number of layers.
        width: Channels of the layers.
        num_bins: Bins of the picture, which divide `channels`; if None, 64 or the largest number
            that divides both.
        dropout: Dropout of the layers.

    Raises:
        ValueError: If `num_bins` does not divide `channels`.

    Examples:
        >>> AsymmetricDecoder(128, width=8)(torch.zeros(2, 10, 128)).shape
        torch.Size([2, 10, 128])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_layers: int = 2,
        width: int = 32,
        num_bins: int | None = None,
        dropout: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        num_bins = math.gcd(64, channels) if num_bins is None else num_bins
        if channels % num_bins:
            raise ValueError(f"num_bins must divide the {channels} channels, got {num_bins}")
        self.channels, self.num_layers, self.width = channels, num_layers, width
        self.num_bins = num_bins
        self.project = nn.Linear(channels, num_bins, device=device, dtype=dtype)
        self.layers = nn.Sequential(
            *(
                AsymmetricBiMamba(
                    width if i else 1,
                    width,
                    head_channels=math.gcd(32, 2 * width),
                    dropout=dropout,
                    device=device,
                    dtype=dtype,
                )
                for i in range(num_layers)
            )
        )
        self.reduce = nn.Conv2d(width, 1, 1, device=device, dtype=dtype)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence with what the layers see added."""
        check_shape("x", x, "batch time+ channel", channel=self.channels)
        picture: Tensor = self.reduce(self.layers(self.project(x).unsqueeze(1))).squeeze(1)
        held = picture.repeat_interleave(self.channels // self.num_bins, dim=2)
        return x + held


def _along_freq(block: nn.Module, x: Tensor) -> Tensor:
    """Return `batch time freq channel` after a block over bins."""
    after: Tensor = block(x.flatten(0, 1))
    return after.reshape(x.shape)


def _along_time(block: nn.Module, x: Tensor) -> Tensor:
    """Return `batch time freq channel` after a block over frames."""
    return _along_freq(block, x.transpose(1, 2)).transpose(1, 2)
