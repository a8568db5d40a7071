"""CNN14, the audio-tagging network of PANNs, and what is left of it in E-PANNs."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones.tagging import Between, TaggingBackbone, TaggingOutput
from seldkit.layers import BinNorm, DoubleConv
from seldkit.layers.conv import bins_after

Decision = Literal["clip", "frame"]


class CNN14(TaggingBackbone):
    """Convolution blocks, a dense layer on what they find, and a classifier.

    The mean over frequency makes a sequence of the map. With `decision="clip"`, its maximum and
    mean over time are added, and the clip is classified at once. With `decision="frame"`, those of
    each step and its two neighbours are added, each step is classified, and a clip is what its most
    certain step is: the published "decision-level max".

    The embedding is returned as the dense layer makes it. In training, the published code returns
    it after a dropout of 0.5 (which its classifier of clips does not see); in evaluation there is
    no difference. The published masks of the features in training are augmentation, not part of
    the network.

    Shape:
        - Input: log-mel in decibels, `(batch, channel=1, time, freq)`.
        - Output: [`TaggingOutput`][seldkit.backbones.TaggingOutput]; with `decision="frame"` its
          embedding is the mean over the steps, and `frame_logits` repeats each step's for its
          frames, and the last step's for the remaining frames.

    Args:
        norm: Acts on the features first.
        blocks: The convolution blocks.
        embedding: Dense layer; a ReLU follows it.
        classifier: From an embedding to logits.
        decision: What is classified: `"clip"` or `"frame"`.
        dropout: Dropout after each block.
        embedding_dropout: Dropout before the dense layer, and, for frames, before the classifier.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        norm: BinNorm,
        blocks: Sequence[DoubleConv],
        embedding: nn.Linear,
        classifier: nn.Linear,
        decision: Decision = "clip",
        dropout: float = 0.2,
        embedding_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.num_bins, self.decision = norm.num_bins, decision
        self.dropout, self.embedding_dropout = dropout, embedding_dropout
        self.norm = norm
        self.blocks = nn.ModuleList(blocks)
        self.embedding = embedding
        self.classifier = classifier
        self.out_channels = embedding.in_features
        self.out_bins = norm.num_bins // prod(block.pool_freq for block in blocks)
        self.frames_per_step = prod(block.pool_time for block in blocks)

    def parts(self) -> Mapping[str, nn.Module]:
        """Return `norm`, `block1`, `block2`, ..., `embedding` and `classifier`."""
        blocks = {f"block{number}": block for number, block in enumerate(self.blocks, start=1)}
        ends = {"embedding": self.embedding, "classifier": self.classifier}
        return {"norm": self.norm, **blocks, **ends}

    def encode(
        self, features: Float[Tensor, "batch channel time freq"], between: Between | None = None
    ) -> Float[Tensor, "batch out step bin"]:
        """Return the last map of the convolutions; frames that fill no step are dropped.

        Args:
            features: Log-mel in decibels.
            between: Called with `block1`, `block2`, ... and the map of that block; what it returns
                goes on to the next one.

        Raises:
            ValueError: If the features have the wrong shape, or too few frames for a step.
        """
        sizes = {"channel": 1, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)
        if features.shape[2] < self.frames_per_step:
            shape = tuple(features.shape)
            raise ValueError(
                f"features must have at least {self.frames_per_step} frames, got shape {shape}"
            )
        x: Tensor = self.norm(features)
        for number, block in enumerate(self.blocks, start=1):
            # A frozen block is in evaluation mode, and so is the dropout behind it.
            x = functional.dropout(block(x), self.dropout, block.training)
            x = x if between is None else between(f"block{number}", x)
        return x

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> TaggingOutput:
        """Return the logits and the embedding of each clip."""
        sequence = self.encode(features).mean(dim=3)
        if self.decision == "clip":
            embedding = self._embed(sequence.amax(dim=2) + sequence.mean(dim=2))
            return TaggingOutput(self.classifier(embedding), embedding)
        highest = functional.max_pool1d(sequence, 3, stride=1, padding=1)
        mean = functional.avg_pool1d(sequence, 3, stride=1, padding=1)
        embedding = self._embed((highest + mean).mT)
        logits: Tensor = self.classifier(
            functional.dropout(embedding, self.embedding_dropout, self.classifier.training)
        )
        step = torch.arange(features.shape[2], device=features.device) // self.frames_per_step
        frame_logits = logits[:, step.clamp(max=logits.shape[1] - 1)]
        return TaggingOutput(logits.amax(dim=1), embedding.mean(dim=1), frame_logits)

    def _embed(self, x: Tensor) -> Tensor:
        x = functional.dropout(x, self.embedding_dropout, self.embedding.training)
        return functional.relu(self.embedding(x))


@builder
@plain_settings()
def cnn14(
    num_classes: int = 527,
    *,
    num_bins: int = 64,
    widths: Sequence[int | Sequence[int]] = (64, 128, 256, 512, 1024, 2048),
    pool_time: Sequence[int] = (2, 2, 2, 2, 2, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2, 2, 1),
    embedding_dim: int = 2048,
    decision: Decision = "clip",
    dropout: float = 0.2,
    embedding_dropout: float = 0.5,
) -> CNN14:
    """Build CNN14, the audio-tagging network of PANNs; by default as published.

    It has 80,753,615 parameters. The published count, 81,837,071, includes the tables of the
    front-end: 2 x 513 x 1024 of the Fourier transform and 513 x 64 of the mel filters.

    It reads what [`panns`][seldkit.features.presets.panns] makes of a waveform, and
    [`compat.panns.convert`][seldkit.compat.panns.convert] brings its published weights. The
    published "Cnn14_DecisionLevelMax" is `decision="frame"`; "Cnn10" is
    `widths=(64, 128, 256, 512), pool_time=[2] * 4, pool_freq=[2] * 4, embedding_dim=512`.

    Args:
        num_classes: Number of classes.
        num_bins: Mel bands of the features.
        widths: Channels of each convolution block; a pair tells those of both convolutions.
        pool_time: Frames that each block averages into one. A 1 in place of a 2 gives finer steps
            with the published weights; later blocks then look at shorter stretches of sound than
            they learned.
        pool_freq: Bins that each block averages into one.
        embedding_dim: Channels of the embedding.
        decision: What is classified: `"clip"`, or `"frame"` for each frame and the clip; see
            [`CNN14`][seldkit.backbones.CNN14].
        dropout: Dropout after each block.
        embedding_dropout: Dropout around the dense layer.

    Returns:
        A network from log-mel in decibels `(batch, channel=1, time, freq)` to a
        [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Raises:
        ValueError: If a number is out of range, or the widths and poolings differ in length.

    Source: Kong et al., "PANNs: Large-scale pretrained audio neural networks for audio pattern
    recognition", IEEE/ACM TASLP 28, 2020; settings of the published code.

    Examples:
        >>> tagger = cnn14(10, widths=(4, 8, 8, 16, 16, 32), embedding_dim=16).eval()
        >>> output = tagger(torch.zeros(1, 1, 1001, 64))
        >>> output.logits.shape, output.embedding.shape
        (torch.Size([1, 10]), torch.Size([1, 16]))
        >>> tagger.encode(torch.zeros(1, 1, 1001, 64)).shape
        torch.Size([1, 32, 31, 2])
    """
    bins_after(num_bins, widths, pool_time, pool_freq)
    pairs = [(width, width) if isinstance(width, int) else tuple(width) for width in widths]
    for pair in pairs:
        if len(pair) != 2:
            raise ValueError(f"widths must be numbers or pairs, one for each block, got {pair}")
    channels = [1, *(last for _, last in pairs)]
    blocks = [
        DoubleConv(first, last, mid_channels=mid, pool_time=time, pool_freq=freq)
        for (first, last), (mid, _), time, freq in zip(
            pairwise(channels), pairs, pool_time, pool_freq, strict=True
        )
    ]
    network = CNN14(
        norm=BinNorm(1, num_bins=num_bins),
        blocks=blocks,
        embedding=nn.Linear(channels[-1], embedding_dim),
        classifier=nn.Linear(embedding_dim, num_classes),
        decision=decision,
        dropout=dropout,
        embedding_dropout=embedding_dropout,
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    return network


@builder
@plain_settings()
def epanns(num_classes: int = 527, *, pool_time: Sequence[int] = (2, 2, 2, 2, 2, 1)) -> CNN14:
    """Build E-PANNs: [`cnn14`][seldkit.backbones.cnn14] without half of its last filters.

    It has 23,205,839 parameters; the published count, 24,289,295, includes the tables of the
    front-end. The published inference turns logits into probabilities by a softmax, others take a
    sigmoid: see [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Args:
        num_classes: Number of classes.
        pool_time: Frames that each block averages into one, as of `cnn14`.

    Returns:
        A network from log-mel in decibels `(batch, channel=1, time, freq=64)` to a
        [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Raises:
        ValueError: If a number is out of range, or `pool_time` is not of six blocks.

    Source: Singh et al., "E-PANNs: Sound recognition using efficient pre-trained audio neural
    networks", Inter-Noise 2023; settings of the published code.

    Examples:
        >>> with torch.device("meta"):
        ...     tagger = epanns()
        >>> sum(p.numel() for p in tagger.parameters())
        23205839
    """
    return cnn14(num_classes, widths=(64, 128, 256, 256, 512, 1024), pool_time=pool_time)
