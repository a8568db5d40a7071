"""Networks of one encoder, and a convolution that ends it in a format, as PSELDNets builds them."""

from typing import Literal

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.backbones import CRNN, HTSATBranches, TaggingBackbone, htsat, htsat_branches
from seldkit.layers import LabelConv, LabelRate
from seldkit.layers.branches import Sharing
from seldkit.outputs import SELDOutput

EncoderFormat = Literal["track_wise", "accdoa", "multi_accdoa"]


class EncoderSELD(nn.Module):
    """An encoder, and a convolution for activity and one for direction, in the track-wise format.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: activity `(batch, frame, track, cls)`, direction `(batch, frame, track, axis)`.

    Args:
        encoder: From features to a map `(batch, channel, step, freq)` for both tasks, or to one for
            activity and one for direction.
        activity: From a map, and the number of frames, to `(batch, frame, track * cls)`.
        direction: Likewise to `(batch, frame, track * axis)`.
    """

    def __init__(self, *, encoder: nn.Module, activity: nn.Module, direction: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.activity = activity
        self.direction = direction

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> SELDOutput:
        """Return activity logits and directions."""
        maps = self.encoder(features)
        sed, doa = (maps, maps) if isinstance(maps, Tensor) else maps
        direction = self.direction(doa, features.shape[2]).unflatten(2, (-1, 3)).tanh()
        activity = self.activity(sed, features.shape[2])
        return SELDOutput(activity.unflatten(2, (direction.shape[2], -1)), direction)


class EncoderACCDOA(Shown):
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


@builder
@plain_settings()
def encoder_seld(
    encoder: nn.Module,
    num_classes: int,
    num_tracks: int = 3,
    *,
    format: EncoderFormat = "track_wise",
    frames_per_label: int = 10,
) -> EncoderSELD | EncoderACCDOA:
    """Build a network of an encoder: it ends in a format, by a convolution and the label rate.

    So the networks of PSELDNets are made. Those on HTS-AT read three steps of the map for each
    number, and draw lines between steps; those on a [`crnn`][seldkit.backbones.crnn] read one, and
    hold it. Features need no standardisation where the encoder begins with batch norm, as these do.

    Args:
        encoder: From features to a map `(batch, out_channels, step, out_bins)`, or, for the
            track-wise format, to one for activity and one for direction: what
            [`htsat`][seldkit.backbones.htsat], [`htsat_branches`][seldkit.backbones.htsat_branches]
            or [`crnn`][seldkit.backbones.crnn] builds, or any module that has `out_channels`,
            `out_bins` and `frames_per_step` too.
        num_classes: Number of classes; 170 in the published weights.
        num_tracks: Number of tracks: the largest number of events at once, and for multi-ACCDOA of
            one class at once. ACCDOA has none.
        format: `"track_wise"`, `"accdoa"` or `"multi_accdoa"`.
        frames_per_label: Feature frames of one label frame.

    Returns:
        A network from features `(batch, channel, time, freq)` of any length to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1), or to
        vectors `(batch, frame, track, cls, axis)`, for ACCDOA `(batch, frame, cls, axis)`.

    Raises:
        TypeError: If the encoder does not say the sizes of its map.
        ValueError: If a number is not positive, `format` is unknown, or an ACCDOA format is asked
            of two encoders.

    Source: Hu et al., "PSELDNets: pre-trained neural networks on a large-scale synthetic dataset
    for sound event localization and detection", IEEE TASLP 2025.

    Examples:
        >>> import torch
        >>> from seldkit.backbones import crnn
        >>> encoder = crnn(4, widths=(8, 16), pool_time=(2, 4), pool_freq=(4, 4))
        >>> encoder_seld(encoder, 13, format="accdoa")(torch.zeros(1, 4, 401, 64)).shape
        torch.Size([1, 40, 13, 3])
    """
    names = ("out_channels", "out_bins", "frames_per_step")
    if not all(hasattr(encoder, name) for name in names) or isinstance(encoder, TaggingBackbone):
        raise TypeError(
            f"encoder must return a map and have {', '.join(names)}, got {type(encoder).__name__}"
        )
    channels, bins, step = (getattr(encoder, name) for name in names)
    if format != "track_wise" and isinstance(encoder, HTSATBranches):
        raise ValueError(f"format must be 'track_wise' for two encoders, got {format!r}")
    recurrent = isinstance(encoder, CRNN)

    def head(out_channels: int) -> LabelConv:
        rate = LabelRate(step, frames_per_label, filling="hold" if recurrent else "linear")
        kernel_time = 1 if recurrent else 3
        return LabelConv(channels, out_channels, num_bins=bins, rate=rate, kernel_time=kernel_time)

    if format == "track_wise":
        activity, direction = head(num_tracks * num_classes), head(num_tracks * 3)
        return EncoderSELD(encoder=encoder, activity=activity, direction=direction)
    tracks = num_tracks if format == "multi_accdoa" else None
    return EncoderACCDOA(
        encoder=encoder,
        vectors=head((tracks or 1) * num_classes * 3),
        num_classes=num_classes,
        num_tracks=tracks,
    )


@builder
@plain_settings()
def seddoa(num_classes: int, num_tracks: int = 3, *, sharing: Sharing = "hard") -> EncoderSELD:
    """Build SEDDOA of PSELDNets, or with `sharing="soft"` its EINV2, both with HTS-AT as published.

    Both are track-wise networks and share losses and decoding with
    [`einv2`][seldkit.models.einv2]. Other sizes, channels and encoders are
    [`encoder_seld`][seldkit.models.encoder_seld] of what they are built of: of `htsat(7)`, or of
    `htsat_branches(htsat(4), htsat(7))`.

    Args:
        num_classes: Number of classes; 170 in the published weights.
        num_tracks: Number of tracks: the largest number of events at once.
        sharing: Of the encoder between SED and DOA: `"hard"` has one encoder for both tasks
            (SEDDOA), `"soft"` two that are stitched before every stage (EINV2), `"none"` two apart.

    Returns:
        A network from features `(batch, channel=7, time, freq=64)` of any length to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, or `sharing` is unknown.

    Examples:
        >>> import torch
        >>> with torch.device("meta"):
        ...     model = seddoa(170)
        >>> sum(p.numel() for p in model.parameters())
        29936543
    """
    if sharing == "hard":
        encoder: nn.Module = htsat(7)
    else:
        encoder = htsat_branches(htsat(4), htsat(7), stitched=sharing == "soft")
    network = encoder_seld(encoder, num_classes, num_tracks)
    assert isinstance(network, EncoderSELD)
    return network
