"""Attention between the channels of a map, patch by patch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_pair, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.divided_attention import AttentionStep


class UnfoldedChannelAttention(Shown):
    """Unfolded local embedding: in each patch of a map its channels attend to one another.

    A patch of some frames and bins is, for each channel, one vector; so the channels that a
    convolution made are compared by their shape in time and frequency. Patches do not overlap, and
    are put back where they were. The sum with what came in passes dropout and a layer norm over all
    bins and channels of a frame.

    The published code needs a map of whole patches. Here the last ones may be cut: they are filled
    with zeros, which is our choice, and what stands there is dropped again.

    Source: Shul and Choi, "CST-former: transformer with channel-spectro-temporal attention for
    sound event localization and detection", ICASSP 2024, the channel attention called ULE.

    Shape:
        - Input: `(batch, channel, time, freq=num_bins)`, any number of frames.
        - Output: the same.

    Args:
        channels: Channels of the map.
        num_bins: Bins of the map.
        patch: Frames and bins of a patch; their product is a multiple of `num_heads`. The published
            one for maps of 20 ms is `(25, 4)`, with 10 heads.
        num_heads: Attention heads.
        dropout: Dropout of attention weights and of the sum.

    Raises:
        ValueError: If a patch is no multiple of `num_heads`, or the map has another shape.

    Examples:
        >>> layer = UnfoldedChannelAttention(64, 16)
        >>> layer(torch.zeros(2, 64, 53, 16)).shape
        torch.Size([2, 64, 53, 16])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        patch: Sequence[int] = (10, 4),
        num_heads: int = 8,
        dropout: float = 0.05,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_pair("patch", patch, "frames and bins")
        self.channels, self.num_bins = channels, num_bins
        self.patch, self.num_heads, self.dropout = tuple(patch), num_heads, dropout
        frames, bins = patch
        if frames * bins % num_heads:
            raise ValueError(
                f"patch must hold a multiple of {num_heads} places, one or more for each head,"
                f" got {frames} x {bins}"
            )
        self.across = AttentionStep(
            frames * bins,
            (num_bins, channels),
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
        sizes = {"channel": self.channels, "freq": self.num_bins}
        check_shape("x", x, "batch channel time freq", **sizes)
        attended = self._of_patches(x)[:, :, : x.shape[2], : self.num_bins]
        summed = self.across(x.permute(0, 2, 3, 1), attended.permute(0, 2, 3, 1))
        output: Tensor = summed.permute(0, 3, 1, 2)
        return output

    def _of_patches(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel whole_time whole_freq"]:
        frames, bins = self.patch
        time, freq = x.shape[2:]
        rows, columns = (time + frames - 1) // frames, (freq + bins - 1) // bins
        x = functional.pad(x, (0, columns * bins - freq, 0, rows * frames - time))
        patches = x.unflatten(3, (columns, bins)).unflatten(2, (rows, frames))
        patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(4)  # batch row column channel place
        attended = self.across.attend(patches).unflatten(4, (frames, bins))
        whole: Tensor = attended.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return whole
