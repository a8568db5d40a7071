"""Attention of maps that is divided: one axis after the other."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class SpectroTemporalAttention(Shown):
    """Divided spectro-temporal attention: bins attend to bins, then frames to frames.

    In each frame the bins attend to one another, and in each bin the frames, both with the channels
    as width. After either the sum with what came in passes dropout and a layer norm over all bins
    and channels of a frame, so the number of bins is fixed; that of frames is not. There are no
    positions.

    A map may hold several planes, such as one for each channel of the features: plane after plane
    in its channels. Planes attend apart, with the same weights; the norm sees all.

    Source: Shul and Choi, "CST-former: transformer with channel-spectro-temporal attention for
    sound event localization and detection", ICASSP 2024. Where the dropout stands, behind the sum,
    is that of the published code.

    Shape:
        - Input: `(batch, plane * channel, time, freq=num_bins)`.
        - Output: the same.

    Args:
        channels: Channels of a plane, a multiple of `num_heads`.
        num_bins: Bins of the map.
        num_planes: Number of planes.
        num_heads: Attention heads.
        dropout: Dropout of attention weights and of the sums.

    Raises:
        ValueError: If `channels` is no multiple of `num_heads`, or the map has another shape.

    Examples:
        >>> layer = SpectroTemporalAttention(64, 16)
        >>> layer(torch.zeros(2, 64, 50, 16)).shape
        torch.Size([2, 64, 50, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        num_planes: int = 1,
        num_heads: int = 8,
        dropout: float = 0.05,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_bins, self.num_planes = channels, num_bins, num_planes
        self.num_heads, self.dropout = num_heads, dropout

        def step() -> AttentionStep:
            return AttentionStep(
                channels,
                (num_bins, num_planes * channels),
                num_heads=num_heads,
                dropout=dropout,
                device=device,
                dtype=dtype,
            )

        self.spectral, self.temporal = step(), step()

    def reset_parameters(self) -> None:
        """Draw the projections from Xavier's uniform law; zero their biases."""
        self.spectral.reset_parameters()
        self.temporal.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map after both."""
        channels = self.num_planes * self.channels
        check_shape("x", x, "batch channel time+ freq", channel=channels, freq=self.num_bins)
        maps = x.permute(0, 2, 3, 1)  # batch time freq (plane channel)
        planes = maps.unflatten(3, (self.num_planes, -1))
        bins = planes.permute(0, 1, 3, 2, 4)  # batch time plane freq channel
        maps = self.spectral(maps, self.spectral.attend(bins).permute(0, 1, 3, 2, 4).flatten(3))
        planes = maps.unflatten(3, (self.num_planes, -1))
        frames = planes.permute(0, 2, 3, 1, 4)  # batch freq plane time channel
        maps = self.temporal(maps, self.temporal.attend(frames).permute(0, 3, 1, 2, 4).flatten(3))
        output: Tensor = maps.permute(0, 3, 1, 2)
        return output


class DividedChannelAttention(Shown):
    """Divided channel attention: at each place of a map its planes attend to one another.

    A plane is what an encoder made of one channel of the features, so microphones or ambisonic
    channels are compared where an ordinary convolution would have mixed them at once. Sum, dropout
    and norm are those of [`SpectroTemporalAttention`][seldkit.layers.SpectroTemporalAttention],
    which follows.

    Source: Shul and Choi, "CST-former", ICASSP 2024, the channel attention called DCA.

    Shape:
        - Input: `(batch, plane * channel, time, freq=num_bins)`.
        - Output: the same.

    Args:
        channels: Channels of a plane, a multiple of `num_heads`.
        num_bins: Bins of the map.
        num_planes: Number of planes.
        num_heads: Attention heads.
        dropout: Dropout of attention weights and of the sum.
        legacy_order: Whether what came in is added as the published code does: it lies in memory by
            plane, bin and channel and is taken as if by bin, plane and channel, so the sum mixes
            bins and planes, and what comes out is ordered likewise. Weights that were trained so
            need it.

    Raises:
        ValueError: If `channels` is no multiple of `num_heads`, or the map has another shape.

    Examples:
        >>> layer = DividedChannelAttention(64, 16, num_planes=7)
        >>> layer(torch.zeros(2, 7 * 64, 50, 16)).shape
        torch.Size([2, 448, 50, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        num_planes: int,
        num_heads: int = 8,
        dropout: float = 0.05,
        legacy_order: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_bins, self.num_planes = channels, num_bins, num_planes
        self.num_heads, self.dropout, self.legacy_order = num_heads, dropout, legacy_order
        self.across = AttentionStep(
            channels,
            (num_bins, num_planes * channels),
            num_heads=num_heads,
            dropout=dropout,
            device=device,
            dtype=dtype,
        )

    def reset_parameters(self) -> None:
        """Draw the projections from Xavier's uniform law; zero their biases."""
        self.across.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map after attention."""
        channels = self.num_planes * self.channels
        check_shape("x", x, "batch channel time+ freq", channel=channels, freq=self.num_bins)
        maps = x.permute(0, 2, 3, 1)
        attended = self.across.attend(maps.unflatten(3, (self.num_planes, -1))).flatten(3)
        if self.legacy_order:
            maps = planes_as_bins(x, self.num_planes).permute(0, 2, 3, 1)
        output: Tensor = self.across(maps, attended).permute(0, 3, 1, 2)
        return output


class AttentionStep(nn.Module):
    """Self-attention of one axis, and the sum, dropout and norm behind it.

    Args:
        width: Width of what attends.
        shape: Last axes of a frame, over which the norm goes.
        num_heads: Attention heads.
        dropout: Dropout of attention weights and of the sum.
    """

    def __init__(
        self,
        width: int,
        shape: tuple[int, int],
        *,
        num_heads: int,
        dropout: float,
        device: torch.device | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"channels must be a multiple of {num_heads} heads, got {width}")
        self.attention = nn.MultiheadAttention(
            width, num_heads, dropout=dropout, batch_first=True, device=device, dtype=dtype
        )
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(shape, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projections from Xavier's uniform law; zero their biases."""
        for weight in (self.attention.in_proj_weight, self.attention.out_proj.weight):
            nn.init.xavier_uniform_(weight)
        for bias in (self.attention.in_proj_bias, self.attention.out_proj.bias):
            nn.init.zeros_(bias)
        self.norm.reset_parameters()

    def attend(self, x: Float[Tensor, "*batch place width"]) -> Float[Tensor, "*batch place width"]:
        """Return what each place takes of the others."""
        places = x.reshape(-1, *x.shape[-2:])
        attended, _ = self.attention(places, places, places, need_weights=False)
        output: Tensor = attended.reshape(x.shape)
        return output

    def forward(
        self, x: Float[Tensor, "batch time freq c"], attended: Float[Tensor, "batch time freq c"]
    ) -> Float[Tensor, "batch time freq c"]:
        """Return the sum after dropout and norm."""
        output: Tensor = self.norm(self.dropout(x + attended))
        return output


class BinsAsPlanes(nn.Module):
    """Put a map that `legacy_order` left by bin and plane into the order that it came from.

    Args:
        num_planes: Number of planes.
    """

    def __init__(self, num_planes: int) -> None:
        super().__init__()
        self.num_planes = num_planes

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the numbers of each frame by bin, plane and channel as by plane, bin, channel."""
        bins = x.shape[3]
        frames = x.permute(0, 2, 3, 1).flatten(2).unflatten(2, (self.num_planes, bins, -1))
        output: Tensor = frames.permute(0, 2, 4, 1, 3).flatten(1, 2)
        return output


def planes_as_bins(
    x: Float[Tensor, "batch channel time freq"], num_planes: int
) -> Float[Tensor, "batch channel time freq"]:
    """Return the numbers of each frame by plane, bin and channel as by bin, plane, channel."""
    bins = x.shape[3]
    planes = x.unflatten(1, (num_planes, -1)).permute(0, 3, 1, 4, 2)  # batch time plane freq c
    order: Tensor = planes.flatten(2).unflatten(2, (bins, -1)).permute(0, 3, 1, 2)
    return order
