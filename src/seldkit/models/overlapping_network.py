"""Overlapping end-to-end learning: localise, separate, classify, and train in overlapping pairs."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.layers import SoftmaxGate, UNet
from seldkit.layers.gate import GateLogits
from seldkit.models.overlapping_blocks import (
    InputNorm,
    MapClassifier,
    SeparatorOutput,
    SourceSeparator,
)
from seldkit.models.overlapping_output import OverlappingOutput

Parts = Literal["ssl", "sss", "ssc", "ssl+sss", "sss+ssc", "cascade", "overlapping"]

_BLOCKS: dict[Parts, tuple[str, ...]] = {
    "ssl": ("ssl",),
    "sss": ("sss.a",),
    "ssc": ("ssc",),
    "ssl+sss": ("ssl", "sss.a"),
    "sss+ssc": ("sss.b", "ssc"),
    "cascade": ("ssl", "sss.a", "ssc"),
    "overlapping": ("ssl", "sss.a", "sss.b", "ssc"),
}


class OverlappingE2E(nn.Module):
    """Sound source localisation (SSL), separation (SSS) and classification (SSC), end to end.

        features ─┬─► SSL ─► direction ─┬─► SSS a ─┐
                  │                     │          ├─► gate ─► spectrogram ─► SSC ─► class
                  └─────────────────────┴─► SSS b ─┘

    Any chain of neighbouring blocks is a network, too. Every block that there is runs. What a
    caller gives as `direction` or `spectrogram` is read in place of what the block before finds;
    where there is no such block, it must be given.

    Shape:
        - Input: features `(batch, channel, time, freq)`, the first channel of which is the level of
          the reference microphone in decibels.
        - Output: an [`OverlappingOutput`][seldkit.models.OverlappingOutput].

    Args:
        ssl: From features to a logit of each direction, in all or in every bin.
        sss: From features and direction to magnitudes, by name. The names begin those of their
            weights, so that networks with the same blocks can pass them on.
        gate: From the magnitudes of all of `sss` to one; may be None for one.
        ssc: From a map of one channel to the logits of classes.
        detach_ssl: Whether SSL learns from its own loss alone, and nothing from SSS.

    Raises:
        ValueError: If there is no block, several of `sss` have no gate, SSL and SSC have no SSS
            between them, or a call lacks a direction or spectrogram.

    Source: Long et al., "Overlapping end-to-end learning", built on the Mask U-Net and the SSLS of
    Sudo et al.
    """

    def __init__(
        self,
        *,
        ssl: nn.Module | None = None,
        sss: Mapping[str, nn.Module] | None = None,
        gate: nn.Module | None = None,
        ssc: nn.Module | None = None,
        detach_ssl: bool = False,
    ) -> None:
        super().__init__()
        if ssl is None and not sss and ssc is None:
            raise ValueError("ssl, sss or ssc must be given, got none of them")
        if ssl is not None and ssc is not None and not sss:
            raise ValueError("sss must be given, as it joins ssl and ssc")
        if len(sss or {}) > 1 and gate is None:
            raise ValueError(f"gate must be given to join {len(sss or {})} sss, got None")
        self.ssl, self.gate, self.ssc = ssl, gate, ssc
        self.sss = nn.ModuleDict(dict(sss or {}))
        self.detach_ssl = detach_ssl

    def forward(
        self,
        features: Float[Tensor, "batch channel time freq"],
        *,
        direction: Float[Tensor, "batch direction *maps"] | None = None,
        spectrogram: Float[Tensor, "batch time freq"] | None = None,
    ) -> OverlappingOutput:
        """Return what every block makes; `direction` and `spectrogram` replace what one makes."""
        check_shape("features", features, "batch channel time freq")
        found = separated = joined = logits = None
        if self.ssl is not None:
            found = self.ssl(features).sigmoid()
        if self.sss:
            if direction is None:
                direction = _needed("direction", found, "ssl")
                direction = direction.detach() if self.detach_ssl else direction
            streams = [block(features, direction) for block in self.sss.values()]
            separated = torch.stack(streams, dim=1)
            joined = separated[:, 0] if self.gate is None else self.gate(separated)
        if self.ssc is not None:
            if spectrogram is None:
                spectrogram = _needed("spectrogram", joined, "sss")
            check_shape("spectrogram", spectrogram, "batch time freq", batch=features.shape[0])
            logits = self.ssc(spectrogram.unsqueeze(1))
        return OverlappingOutput(logits, joined, separated, found)


@builder
@plain_settings()
def overlapping_e2e(
    num_classes: int,
    num_directions: int = 8,
    *,
    num_microphones: int = 8,
    parts: Parts = "overlapping",
    ssl_output: Literal["vector", "map"] = "vector",
    sss_output: SeparatorOutput = "mask",
    gate: GateLogits = "self",
    detach_ssl: bool = False,
    compression: float = 1.0,
    widths: Sequence[int] = (32, 64, 128, 256),
    unet_widths: Sequence[int] = (64, 128, 256, 512, 1024),
    grid_time: int = 16,
    grid_freq: int = 16,
) -> OverlappingE2E:
    """Build the network of overlapping end-to-end learning, or a part of it.

    The paper gives the sizes of what goes in and out of each block, 3 x 3 convolutions and 2 x 2
    deconvolutions. Widths and depths, what SSL gives, the mask and the scale of the magnitudes are
    resolutions, for no code is public.

    Args:
        num_classes: Number of classes; 75 in the paper.
        num_directions: Number of directions; in the paper 8, every 45 degrees.
        num_microphones: Number of microphones. The features are one level and two channels, cosine
            and sine, for each other microphone: 15 for the paper's 8.
        parts: Which blocks: `"overlapping"` is the network with two separators and a gate,
            `"cascade"` has one separator; `"ssl+sss"` and `"sss+ssc"` are the pairs that are
            trained on the way there; `"ssl"`, `"sss"` and `"ssc"` are the blocks alone.
        ssl_output: What SSL tells SSS: `"vector"`, one number for each direction, or `"map"`, one
            for each bin, by a U-Net, as in SSLS.
        sss_output: Whether SSS makes a `"mask"` for the mixture's magnitudes, or magnitudes
            (`"direct"`).
        gate: See [`SoftmaxGate`][seldkit.layers.SoftmaxGate].
        detach_ssl: Whether SSL learns from its own loss alone, and nothing from SSS.
        compression: Exponent of the magnitudes that SSS makes and SSC reads; 0.3 brings loud and
            quiet bins together.
        widths: Channels of the convolution stages of SSC, and of SSL for a vector.
        unet_widths: Channels of each level of the U-Nets; the last is the bottleneck.
        grid_time: See [`MapClassifier`][seldkit.models.MapClassifier].
        grid_freq: Likewise.

    Returns:
        A network from features `(batch, channel, time, freq)` of any size to an
        [`OverlappingOutput`][seldkit.models.OverlappingOutput].

    Raises:
        ValueError: If a number is not positive, there is one microphone, or a choice is unknown.

    Source: Long et al., "Overlapping end-to-end learning" for sound source localisation, separation
    and classification.

    Examples:
        >>> model = overlapping_e2e(75, unet_widths=(8, 16), widths=(8, 8))
        >>> output = model(torch.zeros(1, 15, 256, 256))
        >>> output.logits.shape, output.spectrogram.shape, output.direction.shape
        (torch.Size([1, 75]), torch.Size([1, 256, 256]), torch.Size([1, 8]))
    """
    if num_microphones < 2:
        raise ValueError(f"num_microphones must be at least 2, got {num_microphones}")
    channels = 1 + 2 * (num_microphones - 1)

    def after_norm(channels: int, network: nn.Module) -> nn.Module:
        return nn.Sequential(OrderedDict(norm=InputNorm(channels), network=network))

    def classifier(channels: int, num_scores: int) -> nn.Module:
        return MapClassifier(
            channels, num_scores, widths=widths, grid_time=grid_time, grid_freq=grid_freq
        )

    def localizer() -> nn.Module:
        if ssl_output == "vector":
            return classifier(channels, num_directions)
        return UNet(channels, num_directions, widths=unet_widths)

    def separator() -> nn.Module:
        return SourceSeparator(
            channels,
            num_directions,
            UNet(channels + num_directions, 1, widths=unet_widths),
            output=sss_output,
            compression=compression,
        )

    blocks = _BLOCKS[parts]
    return OverlappingE2E(
        ssl=after_norm(channels, localizer()) if "ssl" in blocks else None,
        sss={name: separator() for name in ("a", "b") if f"sss.{name}" in blocks},
        gate=SoftmaxGate(logits=gate) if parts == "overlapping" else None,
        ssc=after_norm(1, classifier(1, num_classes)) if "ssc" in blocks else None,
        detach_ssl=detach_ssl,
    )


def _needed(name: str, found: Tensor | None, block: str) -> Tensor:
    if found is None:
        raise ValueError(f"{name} must be given, as the network has no {block}")
    return found
