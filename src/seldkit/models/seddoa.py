"""SEDDOA: one encoder and two heads for tracks; with two encoders, the HTS-AT form of EINV2."""

from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_choice
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones import HTSAT, HTSATBranches, crnn, htsat, htsat_branches
from seldkit.backbones.crnn import Temporal
from seldkit.models.label_conv import label_conv
from seldkit.outputs import SELDOutput

Sharing = Literal["soft", "hard", "none"]


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


@builder
@plain_settings()
def seddoa(
    num_classes: int,
    num_tracks: int = 3,
    *,
    sharing: Sharing = "hard",
    in_channels: int = 7,
    sed_channels: int = 4,
    sequential_stitch: bool = True,
    num_bins: int = 64,
    spec_size: int = 256,
    patch: int = 4,
    embed_dim: int = 96,
    depths: Sequence[int] = (2, 2, 6, 2),
    num_heads: Sequence[int] = (4, 8, 16, 32),
    window: int = 8,
    drop_path: float = 0.1,
    frames_per_label: int = 10,
) -> EncoderSELD:
    """Build SEDDOA of PSELDNets, or with `sharing="soft"` its EINV2, both with HTS-AT.

    Both are track-wise networks and share losses and decoding with
    [`einv2`][seldkit.models.einv2]. Features need no standardisation: the network begins with batch
    norm.

    Args:
        num_classes: Number of classes; 170 in the published weights of SEDDOA.
        num_tracks: Number of tracks: the largest number of events at once.
        sharing: Of the encoder between SED and DOA: `"hard"` has one encoder for both tasks
            (SEDDOA), `"soft"` two that are stitched before every stage (EINV2), `"none"` two apart.
        in_channels: Channels of the features: log-mel first, then intensity.
        sed_channels: Where there are two encoders, that of SED reads so many of the first channels.
        sequential_stitch: See [`CrossStitch`][seldkit.layers.CrossStitch].
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
        A network from features `(batch, channel, time, freq)` of any length to activity logits
        `(batch, frame, track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the sizes do not fit each other, or `sharing` is
            unknown.

    Source: Hu et al., "PSELDNets: pre-trained neural networks on a large-scale synthetic dataset
    for sound event localization and detection", IEEE TASLP 2025.

    Examples:
        >>> import torch
        >>> sizes = {"num_bins": 16, "spec_size": 64, "embed_dim": 16}
        >>> model = seddoa(13, depths=(1, 1), num_heads=(2, 4), **sizes)
        >>> activity, direction, _ = model(torch.zeros(1, 7, 401, 16))
        >>> activity.shape, direction.shape
        (torch.Size([1, 40, 3, 13]), torch.Size([1, 40, 3, 3]))
    """
    check_choice("sharing", sharing, ("soft", "hard", "none"))
    sizes: dict[str, Any] = {
        "num_bins": num_bins,
        "spec_size": spec_size,
        "patch": patch,
        "embed_dim": embed_dim,
        "depths": depths,
        "num_heads": num_heads,
        "window": window,
        "drop_path": drop_path,
    }
    if sharing == "hard":
        encoder: HTSAT | HTSATBranches = htsat(in_channels, **sizes)
    else:
        encoder = htsat_branches(
            in_channels,
            sed_channels=sed_channels,
            stitched=sharing == "soft",
            sequential_stitch=sequential_stitch,
            **sizes,
        )
    return EncoderSELD(
        encoder=encoder,
        activity=label_conv(encoder, num_tracks * num_classes, frames_per_label),
        direction=label_conv(encoder, num_tracks * 3, frames_per_label),
    )


@builder
@plain_settings()
def seddoa_crnn(
    num_classes: int,
    num_tracks: int = 3,
    *,
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
) -> EncoderSELD:
    """Build SEDDOA with convolutions and a sequence model in place of HTS-AT.

    The heads are linear layers, as of all networks of PSELDNets with such encoders. For two
    encoders see `temporal="conformer"` of [`einv2`][seldkit.models.einv2].

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events at once.
        in_channels: Channels of the features: log-mel first, then intensity.
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
        A network from features `(batch, channel, time, freq)` to activity logits `(batch, frame,
        track, cls)` and directions `(batch, frame, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, or
            `temporal` is unknown.

    Examples:
        >>> import torch
        >>> model = seddoa_crnn(13, widths=(8, 16), pool_time=(2, 4), pool_freq=(4, 4))
        >>> model(torch.zeros(1, 7, 401, 64)).activity.shape
        torch.Size([1, 40, 3, 13])
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
    return EncoderSELD(
        encoder=encoder,
        activity=label_conv(encoder, num_tracks * num_classes, frames_per_label),
        direction=label_conv(encoder, num_tracks * 3, frames_per_label),
    )
