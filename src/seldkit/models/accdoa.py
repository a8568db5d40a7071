"""ACCDOA and multi-ACCDOA networks of one encoder, as PSELDNets builds them."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_choice
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones import CRNN, HTSAT, crnn, htsat
from seldkit.backbones.crnn import Temporal
from seldkit.models.label_conv import label_conv

VectorFormat = Literal["accdoa", "multi_accdoa"]


class EncoderACCDOA(nn.Module):
    """An encoder, and a convolution that ends it in an ACCDOA format.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: vectors `(batch, frame, cls, axis)`, with tracks `(batch, frame, track, cls,
          axis)`.

    Args:
        encoder: From features to a map `(batch, channel, step, freq)`.
        vectors: From a map, and the number of frames, to `(batch, frame, track * cls * axis)`.
        num_classes: Number of classes.
        num_tracks: Number of tracks, or None for the format without them.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        encoder: nn.Module,
        vectors: nn.Module,
        num_classes: int,
        num_tracks: int | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.vectors = vectors
        self.num_classes, self.num_tracks = num_classes, num_tracks

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch frame *out"]:
        """Return the vectors, each entry in (-1, 1)."""
        vectors = self.vectors(self.encoder(features), features.shape[2]).tanh()
        tracks = () if self.num_tracks is None else (self.num_tracks,)
        output: Tensor = vectors.unflatten(2, (*tracks, self.num_classes, 3))
        return output

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"num_classes={self.num_classes}, num_tracks={self.num_tracks}"


@builder
@plain_settings()
def accdoa_htsat(
    num_classes: int,
    num_tracks: int = 3,
    *,
    format: VectorFormat = "multi_accdoa",
    in_channels: int = 7,
    num_bins: int = 64,
    spec_size: int = 256,
    patch: int = 4,
    embed_dim: int = 96,
    depths: Sequence[int] = (2, 2, 6, 2),
    num_heads: Sequence[int] = (4, 8, 16, 32),
    window: int = 8,
    drop_path: float = 0.1,
    frames_per_label: int = 10,
) -> EncoderACCDOA:
    """Build the HTS-AT network of PSELDNets for multi-ACCDOA or ACCDOA.

    Features need no standardisation: the network begins with batch norm.

    Args:
        num_classes: Number of classes; 170 in the published weights.
        num_tracks: Number of tracks of multi-ACCDOA; ACCDOA has none.
        format: `"multi_accdoa"` or `"accdoa"`.
        in_channels: Channels of the features.
        num_bins: Frequency bins of the features.
        spec_size: See [`htsat`][seldkit.backbones.htsat], as the following up to `drop_path`.
        patch: See there.
        embed_dim: See there.
        depths: See there.
        num_heads: See there.
        window: See there.
        drop_path: See there.
        frames_per_label: Feature frames of one label frame.

    Returns:
        A network from features `(batch, channel, time, freq)` of any length to vectors `(batch,
        frame, track, cls, axis)`, without tracks `(batch, frame, cls, axis)`.

    Raises:
        ValueError: If a number is not positive, the sizes do not fit each other, or `format` is
            unknown.

    Source: Hu et al., "PSELDNets: pre-trained neural networks on a large-scale synthetic dataset
    for sound event localization and detection", IEEE TASLP 2025.

    Examples:
        >>> import torch
        >>> sizes = {"num_bins": 16, "spec_size": 64, "embed_dim": 16}
        >>> model = accdoa_htsat(13, depths=(1, 1), num_heads=(2, 4), **sizes)
        >>> model(torch.zeros(1, 7, 401, 16)).shape
        torch.Size([1, 40, 3, 13, 3])
    """
    encoder = htsat(
        in_channels,
        num_bins=num_bins,
        spec_size=spec_size,
        patch=patch,
        embed_dim=embed_dim,
        depths=depths,
        num_heads=num_heads,
        window=window,
        drop_path=drop_path,
    )
    return _accdoa(encoder, num_classes, num_tracks, format, frames_per_label)


@builder
@plain_settings()
def accdoa_crnn(
    num_classes: int,
    num_tracks: int = 3,
    *,
    format: VectorFormat = "multi_accdoa",
    in_channels: int = 7,
    num_bins: int = 64,
    widths: Sequence[int] = (64, 128, 256, 512, 1024, 2048),
    pool_time: Sequence[int] = (2, 2, 2, 1, 1, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2, 2, 2),
    temporal: Temporal = "conformer",
    num_layers: int = 1,
    num_heads: int = 8,
    dropout: float = 0.1,
    frames_per_label: int = 10,
) -> EncoderACCDOA:
    """Build the convolutional network of PSELDNets for multi-ACCDOA or ACCDOA.

    The default is its CNN14-Conformer; [`crnn`][seldkit.backbones.crnn] tells the other.

    Args:
        num_classes: Number of classes; 170 in the published weights.
        num_tracks: Number of tracks of multi-ACCDOA; ACCDOA has none.
        format: `"multi_accdoa"` or `"accdoa"`.
        in_channels: Channels of the features.
        num_bins: Frequency bins of the features.
        widths: See [`crnn`][seldkit.backbones.crnn], as the following up to `dropout`.
        pool_time: See there.
        pool_freq: See there.
        temporal: See there.
        num_layers: See there.
        num_heads: See there.
        dropout: See there.
        frames_per_label: Feature frames of one label frame.

    Returns:
        A network from features `(batch, channel, time, freq)` to vectors `(batch, frame, track,
        cls, axis)`, without tracks `(batch, frame, cls, axis)`.

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, or
            `temporal` or `format` is unknown.

    Examples:
        >>> import torch
        >>> sizes = {"widths": (8, 16), "pool_time": (2, 4), "pool_freq": (4, 4)}
        >>> accdoa_crnn(13, format="accdoa", **sizes)(torch.zeros(1, 7, 401, 64)).shape
        torch.Size([1, 40, 13, 3])
    """
    encoder = crnn(
        in_channels,
        num_bins=num_bins,
        widths=widths,
        pool_time=pool_time,
        pool_freq=pool_freq,
        temporal=temporal,
        num_layers=num_layers,
        num_heads=num_heads,
        dropout=dropout,
    )
    return _accdoa(encoder, num_classes, num_tracks, format, frames_per_label)


def _accdoa(
    encoder: HTSAT | CRNN,
    num_classes: int,
    num_tracks: int,
    format: VectorFormat,
    frames_per_label: int,
) -> EncoderACCDOA:
    """Return an encoder with its head."""
    check_choice("format", format, ("accdoa", "multi_accdoa"))
    tracks = num_tracks if format == "multi_accdoa" else None
    return EncoderACCDOA(
        encoder=encoder,
        vectors=label_conv(encoder, (tracks or 1) * num_classes * 3, frames_per_label),
        num_classes=num_classes,
        num_tracks=tracks,
    )
