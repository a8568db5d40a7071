"""HTS-AT: a Swin transformer that reads time folded into a square image."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_one_length
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones.fold import TimeFold
from seldkit.backbones.swin import PatchEmbedding, PatchMerging, SwinBlock, SwinStage
from seldkit.layers import BinNorm, CrossStitch, StitchedBranches


class HTSAT(nn.Module):
    """The encoder of HTS-AT, for features of any length.

    Source: Chen et al., "HTS-AT: a hierarchical token-semantic audio transformer for sound
    classification and detection", ICASSP 2022; for SELD: PSELDNets (Hu et al., IEEE TASLP
    2025).

    Shape:
        - Input: features `(batch, in_channels, time, freq)`, any number of frames.
        - Output: `(batch, out_channels, step, out_bins)`; there are as many steps as fill all
          windows of [`TimeFold`][seldkit.backbones.TimeFold].

    Args:
        norm: Acts on the features first.
        fold: Makes images of the features and joins their maps.
        stages: From an image `(batch, in_channels, size, size)` to a small map.
        in_channels: Channels of the features.
        out_channels: Channels of the map.

    Attributes:
        out_bins: Frequency bins of the map.
        frames_per_step: Frames of the features that one step of the map stands for.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        norm: nn.Module,
        fold: TimeFold,
        stages: Sequence[nn.Module],
        in_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.fold = fold
        self.stages = nn.Sequential(*stages)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.out_bins, self.frames_per_step = fold.out_bins, fold.frames_per_step

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out step bin"]:
        """Return the map of the whole input."""
        images = self.fold(self.norm(features))
        return self.fold.unfold(self.stages(images), batch=features.shape[0])


class HTSATBranches(nn.Module):
    """Two encoders of HTS-AT, for activity (SED) and direction (DOA), that are stitched or apart.

    Shape:
        - Input: features `(batch, in_channels, time, freq)`, any number of frames.
        - Outputs: a map for each task, as that of [`HTSAT`][seldkit.backbones.HTSAT].

    Args:
        norm: Acts on the features first.
        fold: Makes images of the features and joins their maps.
        trunk: Takes an image for each task and returns a small map for each.
        sed_channels: The SED branch reads so many of the first channels; the DOA branch reads all.
        out_channels: Channels of the maps.

    Attributes:
        out_bins: Frequency bins of the maps.
        frames_per_step: Frames of the features that one step of the maps stands for.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        norm: nn.Module,
        fold: TimeFold,
        trunk: nn.Module,
        sed_channels: int,
        out_channels: int,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.fold = fold
        self.trunk = trunk
        self.sed_channels, self.out_channels = sed_channels, out_channels
        self.out_bins, self.frames_per_step = fold.out_bins, fold.frames_per_step

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> tuple[Float[Tensor, "batch out step bin"], Float[Tensor, "batch out step bin"]]:
        """Return the maps of activity and direction."""
        images = self.fold(self.norm(features))
        sed, doa = self.trunk(images[:, : self.sed_channels], images)
        batch = features.shape[0]
        return self.fold.unfold(sed, batch=batch), self.fold.unfold(doa, batch=batch)


@builder
@plain_settings()
def htsat(
    in_channels: int = 7,
    *,
    num_bins: int = 64,
    spec_size: int = 256,
    patch: int = 4,
    embed_dim: int = 96,
    depths: Sequence[int] = (2, 2, 6, 2),
    num_heads: Sequence[int] = (4, 8, 16, 32),
    window: int = 8,
    drop_path: float = 0.1,
) -> HTSAT:
    """Build the encoder of HTS-AT; by default as published.

    Input of any length is accepted: see [`TimeFold`][seldkit.backbones.TimeFold].

    Args:
        in_channels: Channels of the features.
        num_bins: Frequency bins of the features.
        spec_size: Height and width of the image that time is folded into.
        patch: Height and width of a patch of the image, in bins and frames.
        embed_dim: Channels of the first stage; each later one has twice as many.
        depths: Blocks of each stage.
        num_heads: Attention heads of each stage.
        window: Height and width of the attention's windows, in patches; a smaller image is one
            window.
        drop_path: Rate of stochastic depth in the last block, in [0, 1); it rises to this from 0 in
            the first.

    Returns:
        A network from features `(batch, channel, time, freq)` to a map `(batch, channel, step,
        freq)`; by default 768 channels, 32 steps for each 1024 frames, and 2 bins.

    Raises:
        ValueError: If a number is not positive, or the sizes do not fit each other.

    Examples:
        >>> sizes = {"num_bins": 16, "spec_size": 64, "embed_dim": 16}
        >>> encoder = htsat(depths=(1, 1), num_heads=(2, 4), **sizes)
        >>> encoder(torch.zeros(1, 7, 300, 16)).shape
        torch.Size([1, 32, 64, 2])
    """
    check_one_length(depths=depths, num_heads=num_heads)
    if spec_size % num_bins:
        raise ValueError(f"spec_size must be a multiple of num_bins={num_bins}, got {spec_size}")
    fold = TimeFold(num_bins, size=spec_size, frames_per_step=patch << (len(depths) - 1))
    rates = torch.linspace(0, drop_path, sum(depths), device="cpu").tolist()
    stages: list[nn.Module] = [PatchEmbedding(in_channels, embed_dim, patch=patch)]
    for stage, (depth, heads) in enumerate(zip(depths, num_heads, strict=True)):
        width, side = embed_dim << stage, spec_size // (patch << stage)
        if width % heads:
            raise ValueError(
                f"num_heads must divide the {width} channels of stage {stage}, got {heads}"
            )
        if side > window and side % window:
            raise ValueError(
                f"window must divide the {side} patches of stage {stage}, got {window}"
            )
        inside, shift = min(window, side), window // 2 if side > window else 0
        blocks = [
            SwinBlock(
                width,
                num_heads=heads,
                window=inside,
                shift=shift if block % 2 else 0,
                drop_path=rates.pop(0),
            )
            for block in range(depth)
        ]
        last = stage == len(depths) - 1
        stages.append(SwinStage(blocks, nn.LayerNorm(width) if last else PatchMerging(width)))
    return HTSAT(
        norm=BinNorm(in_channels, num_bins=num_bins),
        fold=fold,
        stages=stages,
        in_channels=in_channels,
        out_channels=width,
    )


@builder
def htsat_branches(
    sed: HTSAT, doa: HTSAT, *, stitched: bool = True, sequential_stitch: bool = True
) -> HTSATBranches:
    """Join two encoders of HTS-AT; by default they are stitched as in the EINV2 of PSELDNets.

    What comes of it is made of their modules, not of copies.

    Args:
        sed: Encoder for activity. It reads as many of the first channels as it has.
        doa: Encoder for direction, with as many channels or more. Its norm acts on the features of
            both; that of `sed` is left out.
        stitched: Whether a cross-stitch mixes both before every stage.
        sequential_stitch: See [`CrossStitch`][seldkit.layers.CrossStitch].

    Returns:
        A network from features `(batch, channel, time, freq)` to a map `(batch, channel, step,
        freq)` for activity and one for direction.

    Raises:
        TypeError: If one is no HTS-AT.
        ValueError: If `sed` reads more channels than `doa`, or their sizes differ.

    Examples:
        >>> sizes = {"num_bins": 16, "spec_size": 64, "embed_dim": 16}
        >>> sizes |= {"depths": (1, 1), "num_heads": (2, 4)}
        >>> encoder = htsat_branches(htsat(4, **sizes), htsat(7, **sizes))
        >>> sed, doa = encoder(torch.zeros(1, 7, 300, 16))
        >>> sed.shape, doa.shape
        (torch.Size([1, 32, 64, 2]), torch.Size([1, 32, 64, 2]))
    """
    for name, encoder in (("sed", sed), ("doa", doa)):
        if not isinstance(encoder, HTSAT):
            raise TypeError(f"{name} must be an HTSAT, got {type(encoder).__name__}")
    if sed.in_channels > doa.in_channels:
        raise ValueError(
            f"sed must read at most the {doa.in_channels} channels of doa, got {sed.in_channels}"
        )
    sizes, others = ((repr(x.fold), x.out_channels, len(x.stages)) for x in (sed, doa))
    if sizes != others:
        raise ValueError(f"sed must have the sizes of doa, {others}, got {sizes}")
    last = len(doa.stages) - 2  # of the stages behind the patches, each twice as wide
    stitches = {
        i: CrossStitch(doa.out_channels >> (last - i), sequential=sequential_stitch)
        for i in range(last + 1 if stitched else 0)
    }
    return HTSATBranches(
        norm=doa.norm,
        fold=doa.fold,
        trunk=StitchedBranches([*sed.stages], [*doa.stages], stitches),
        sed_channels=sed.in_channels,
        out_channels=doa.out_channels,
    )
