"""YAMNet: MobileNet on patches of log-mel, trained to tag AudioSet."""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_choice, check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones.tagging import Between, TaggingBackbone, TaggingOutput

_NUM_BINS = 64
_SILENCE = math.log(0.001)  # what the front-end makes of zeros
_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVING = (0, 2, 4, 6, 12)  # blocks that keep every other frame and bin


class SameConv(nn.Module):
    """A convolution padded as TensorFlow does, batch norm with a bias and no scale, and ReLU.

    Where it halves the map, it reads the frame that is kept and the two after it; elsewhere the
    frames around. The same holds for bins.

    Shape:
        - Input: `(batch, in_channels, time, freq)`; even sizes where they are halved.
        - Output: `(batch, out_channels, time, freq)`, or half of both, or half of `freq`.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: 3, or 1 for a convolution that acts on channels alone.
        halve: Keep every other bin and frame.
        keep_frames: Halve bins only, and read the frames around.
        dilation: Distance between the frames that are read: as many times 2 as earlier layers kept
            all frames.
        groups: Groups of channels; `in_channels` for one filter in each channel.
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        halve: bool = False,
        keep_frames: bool = False,
        dilation: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        around = kernel_size // 2
        frames = (around * dilation,) * 2 if keep_frames or not halve else (0, 1)
        self.padding = (0, 1, *frames) if halve else None  # bins, then frames
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=(1 if keep_frames or not halve else 2, 2 if halve else 1),
            padding=0 if halve else (frames[0], around),
            dilation=(dilation, 1),
            groups=groups,
            bias=False,
        )
        # A momentum of 0.99 as TensorFlow counts it.
        self.norm = nn.BatchNorm2d(out_channels, eps=1e-4, momentum=0.01, affine=False)
        self.bias = nn.Parameter(self.conv.weight.new_zeros(out_channels, 1, 1))
        nn.init.xavier_uniform_(self.conv.weight)

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out less_time less_freq"]:
        """Return the map."""
        if self.padding is not None:
            x = functional.pad(x, self.padding)
        return functional.relu(self.norm(self.conv(x)) + self.bias)


class YAMNet(TaggingBackbone):
    """One convolution, 13 separable ones, the mean over each patch, and a classifier.

    A clip is cut into overlapping patches; it ends with silence where the last one is not whole.
    Its embedding is the mean over the patches. Its logits are such that the sigmoid of them is the
    mean over the patches' sigmoids, which is how the published scores of a clip are made.

    A map of frames, without patches, is what
    [`encode`][seldkit.backbones.TaggingBackbone.encode] returns, for any number of them; the last
    step is filled up by silence. A step sees 3.1 s of sound, centred on the last of its frames.

    Shape:
        - Input: log-mel as [`yamnet`][seldkit.features.presets.yamnet] makes it,
          `(batch, channel=1, time, freq=64)`, any number of frames.
        - Output: [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Args:
        blocks: From features to the map.
        classifier: From an embedding to logits.
        patch_frames: Frames of a patch.
        patch_hop: Frames from one patch to the next.
        frames_per_step: Frames that the blocks make one of.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        blocks: Sequence[nn.Module],
        classifier: nn.Linear,
        patch_frames: int = 96,
        patch_hop: int = 48,
        frames_per_step: int = 32,
    ) -> None:
        super().__init__()
        self.patch_frames, self.patch_hop = patch_frames, patch_hop
        self.blocks = nn.ModuleList(blocks)
        self.classifier = classifier
        self.out_channels = classifier.in_features
        self.out_bins = _NUM_BINS >> len(_HALVING)
        self.frames_per_step = frames_per_step

    def parts(self) -> Mapping[str, nn.Module]:
        """Return `block1`, `block2`, ..., `block14` and `classifier`."""
        blocks = {f"block{number}": block for number, block in enumerate(self.blocks, start=1)}
        return {**blocks, "classifier": self.classifier}

    def encode(
        self, features: Float[Tensor, "batch channel time freq"], between: Between | None = None
    ) -> Float[Tensor, "batch out step bin"]:
        """Return the last map of the convolutions, of `ceil(time / frames_per_step)` steps."""
        _check(features)
        x = _continued(features, -features.shape[2] % self.frames_per_step)
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            x = x if between is None else between(f"block{number}", x)
        return x

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> TaggingOutput:
        """Return the logits and the embedding of each clip."""
        patches = self.tag_patches(features)
        log_present = functional.logsigmoid(patches.logits).logsumexp(dim=1)
        log_absent = functional.logsigmoid(-patches.logits).logsumexp(dim=1)
        return TaggingOutput(log_present - log_absent, patches.embedding.mean(dim=1))

    def tag_patches(self, features: Float[Tensor, "batch channel time freq"]) -> TaggingOutput:
        """Return logits `batch patch cls` and embeddings `batch patch channel` of each patch."""
        _check(features)
        frames, size, hop = features.shape[2], self.patch_frames, self.patch_hop
        x = _continued(features, (size - frames) % hop if frames > size else size - frames)
        patches = rearrange(x.unfold(2, size, hop), "b c p f t -> (b p) c t f")
        embedding = self.encode(patches).mean(dim=(2, 3)).unflatten(0, (features.shape[0], -1))
        return TaggingOutput(self.classifier(embedding), embedding)


@builder
@plain_settings()
def yamnet(
    num_classes: int = 521,
    *,
    widths: Sequence[int] = _WIDTHS,
    patch_frames: int = 96,
    patch_hop: int = 48,
    frames_per_step: int = 32,
) -> YAMNet:
    """Build YAMNet: 3,729,481 parameters, the smallest of the taggers.

    It reads what [`yamnet`][seldkit.features.presets.yamnet] makes of a waveform, and
    [`compat.yamnet`][seldkit.compat.yamnet.convert] brings its published weights.

    Args:
        num_classes: Number of classes.
        widths: Channels of the 14 blocks; the last is the width of the embedding.
        patch_frames: Frames of a patch, 96 (0.96 s) as published.
        patch_hop: Frames from one patch to the next, 48 as published.
        frames_per_step: Frames that one step of the map stands for: 32 (0.32 s) as published, or a
            smaller power of 2 for a finer map with the same weights, as labels of 0.1 s want it.
            Later blocks then read frames as far apart as before, so that the finer map holds the
            coarser one (away from the ends). As a patch has more steps to take the mean of, the
            scores are no longer the published ones.

    Returns:
        A network from log-mel `(batch, channel=1, time, freq=64)` to a
        [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Raises:
        ValueError: If a number is out of range, or there are not 14 widths.

    Source: Plakal and Ellis, YAMNet, published code in the TensorFlow model garden, 2020; Howard
    et al., "MobileNets: efficient convolutional neural networks for mobile vision applications",
    2017, table 1.

    Examples:
        >>> import torch
        >>> tagger = yamnet(10, widths=[8] * 14).eval()
        >>> tagger(torch.zeros(1, 1, 200, 64)).logits.shape
        torch.Size([1, 10])
        >>> tagger.tag_patches(torch.zeros(1, 1, 200, 64)).logits.shape
        torch.Size([1, 4, 10])
        >>> tagger.encode(torch.zeros(1, 1, 200, 64)).shape
        torch.Size([1, 8, 7, 2])
    """
    check_choice("frames_per_step", frames_per_step, (1, 2, 4, 8, 16, 32))
    if len(widths) != len(_WIDTHS):
        raise ValueError(f"widths must be {len(_WIDTHS)} numbers, got {len(widths)}")
    blocks: list[nn.Module] = []
    step = dilation = 1
    for block, (in_channels, out_channels) in enumerate(pairwise([1, *widths])):
        halve, keep_frames = block in _HALVING, step == frames_per_step
        convolve = partial(SameConv, halve=halve, keep_frames=keep_frames, dilation=dilation)
        if block == 0:
            blocks.append(convolve(in_channels, out_channels, 3))
        else:
            depthwise = convolve(in_channels, in_channels, 3, groups=in_channels)
            pointwise = SameConv(in_channels, out_channels, 1)
            blocks.append(nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise)))
        if halve and keep_frames:
            dilation *= 2
        elif halve:
            step *= 2
    return YAMNet(
        blocks=blocks,
        classifier=nn.Linear(widths[-1], num_classes),
        patch_frames=patch_frames,
        patch_hop=patch_hop,
        frames_per_step=frames_per_step,
    )


def _check(features: Tensor) -> None:
    check_shape("features", features, "batch+ channel time+ freq", channel=1, freq=_NUM_BINS)


def _continued(features: Tensor, frames: int) -> Tensor:
    """Return features with so many frames of silence behind them."""
    return functional.pad(features, (0, 0, 0, frames), value=_SILENCE) if frames else features
