"""The common shape of most SELD networks: convolutions, a model of the sequence, a head."""

from collections import OrderedDict
from collections.abc import Sequence
from math import lcm
from typing import Any, Literal

from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.heads import ACCDOAHead, ClassWiseHead, MultiACCDOAHead
from seldkit.heads.class_wise import DistanceActivation, DistanceBranch
from seldkit.layers import State, StepSize, step_size, stream_step
from seldkit.outputs import SELDOutput

SequenceFormat = Literal["class_wise", "accdoa", "multi_accdoa"]


class SequenceSELD(Shown):
    """A SELD network of one trunk: convolutions, a model of the sequence, and a head.

    The trunk makes a map of the features, whose channels and bins become those of a sequence;
    branches read the sequence, and the head ends them in its format. The parts are given, so any of
    them can be replaced by one argument.

    Shape:
        - Input: features `(batch, channel, time, freq)`; with a fusion, video maps
          `(batch, frame, row, column)` too.
        - Output: that of the head, such as `(batch, frame, track, cls, axis)`.

    Args:
        in_channels: Channels of the features.
        num_bins: Bins of the features.
        min_frames: The fewest frames of features that make a frame of output.
        trunk: Takes and returns a map.
        sequence: Takes and returns a sequence `(batch, frame, channel)`.
        fusion: Takes the sequence and the video and returns a sequence; None for sound alone.
        branches: Take the sequence, one for each input of the head.
        head: Makes the output.
    """

    @plain_settings()
    def __init__(
        self,
        *,
        in_channels: int,
        num_bins: int,
        min_frames: int = 1,
        trunk: nn.Module,
        sequence: nn.Module,
        fusion: nn.Module | None = None,
        branches: Sequence[nn.Module],
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_bins, self.min_frames = in_channels, num_bins, min_frames
        self.trunk = trunk
        self.sequence = sequence
        self.fusion = fusion
        self.branches = nn.ModuleList(branches)
        self.head = head

    def forward(
        self,
        features: Float[Tensor, "batch channel time freq"],
        video: Float[Tensor, "batch frame row column"] | None = None,
    ) -> SELDOutput | Tensor:
        """Return the output of the head."""
        sizes = {"channel": self.in_channels, "freq": self.num_bins}
        check_shape("features", features, "batch+ channel time freq", **sizes)
        if features.shape[2] < self.min_frames:
            shape = tuple(features.shape)
            raise ValueError(f"features must have at least {self.min_frames} frames, got {shape}")
        x = self.sequence(_sequence_of(self.trunk(features)))
        if self.fusion is not None:
            if video is None:
                raise ValueError("video must be given to a network made with a video size")
            x = self.fusion(x, video)
        elif video is not None:
            raise ValueError("video must be None for a network of sound alone")
        output: SELDOutput | Tensor = self.head(*(branch(x) for branch in self.branches))
        return output

    @property
    def step_size(self) -> StepSize:
        """Frames of features that a step takes, and frames of output that it makes.

        Raises:
            ValueError: If a part of the network cannot stream; the error names it.
        """
        self._check_streams()
        size = step_size(self.trunk).then(step_size(self.sequence))
        return size.then(side_by_side([step_size(branch) for branch in self.branches]))

    def step(
        self,
        features: Float[Tensor, "batch channel time freq"],
        state: tuple[State, ...] | None = None,
    ) -> tuple[SELDOutput | Tensor, State]:
        """Return the output of the next features and the state behind them.

        Steps one after the other make what the network makes of all features, in evaluation mode.

        Args:
            features: As many frames as a step takes, or a multiple.
            state: What the last step returned; None before the first frame.

        Raises:
            ValueError: If a part of the network cannot stream, or the shape is wrong.
        """
        self._check_streams()
        sizes = {"channel": self.in_channels, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)
        of_trunk, of_sequence, *of_branches = state or [None] * (2 + len(self.branches))
        x, of_trunk = stream_step(self.trunk, features, of_trunk)
        x, of_sequence = stream_step(self.sequence, _sequence_of(x), of_sequence)
        pairs = zip(self.branches, of_branches, strict=True)
        results = [stream_step(branch, x, before) for branch, before in pairs]
        output: SELDOutput | Tensor = self.head(*(result for result, _ in results))
        return output, (of_trunk, of_sequence, *(after for _, after in results))

    def _check_streams(self) -> None:
        if self.fusion is not None:
            raise ValueError(f"{type(self).__name__} cannot stream: it reads a video, too")


def side_by_side(sizes: Sequence[StepSize]) -> StepSize:
    """Return the step of branches that read the same frames, or raise `ValueError`.

    Examples:
        >>> side_by_side([StepSize(2, 1), StepSize(4, 2), StepSize(6, 3)])
        StepSize(taken=12, made=6)
    """
    taken = lcm(*(size.taken for size in sizes))
    made = {taken // size.taken * size.made for size in sizes}
    if len(made) != 1:
        raise ValueError(f"branches must make as many frames each, got steps of {[*sizes]}")
    return StepSize(taken, made.pop())


def _sequence_of(
    x: Float[Tensor, "batch channel time freq"],
) -> Float[Tensor, "batch time both"]:
    """Return a sequence of the channels and bins of a map."""
    return x.transpose(1, 2).flatten(2)


def pooled_conv(
    in_channels: int, out_channels: int, pool: tuple[int, int], dropout: float
) -> nn.Sequential:
    """Return a convolution with norm and ReLU, the maximum of each patch, dropout of channels."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, 3, padding=1),
            norm=nn.BatchNorm2d(out_channels),
            relu=nn.ReLU(),
            pool=nn.MaxPool2d(pool),
            dropout=nn.Dropout2d(dropout),
        )
    )


def head_of_format(
    format: SequenceFormat,
    channels: int,
    num_classes: int,
    *,
    num_tracks: int,
    distance: bool,
    onscreen: bool,
    planar: bool,
    bounded: bool,
    distance_branch: DistanceBranch = "shared",
    distance_activation: DistanceActivation = "softplus",
) -> ClassWiseHead | ACCDOAHead | MultiACCDOAHead:
    """Return the head of a format, or raise `ValueError` for what the format does not have."""
    if format == "class_wise":
        if onscreen or planar or not bounded:
            raise ValueError(
                "format must be 'accdoa' or 'multi_accdoa' with onscreen, planar or bounded=False,"
                f" got {format!r}"
            )
        return ClassWiseHead(
            channels,
            num_classes,
            distance=distance,
            distance_branch=distance_branch,
            distance_activation=distance_activation,
        )
    for name, value, default in (
        ("distance_branch", distance_branch, "shared"),
        ("distance_activation", distance_activation, "softplus"),
    ):
        if value != default:
            raise ValueError(f"{name} must be {default!r} for format={format!r}, got {value!r}")
    entries: dict[str, Any] = {"distance": distance, "onscreen": onscreen}
    entries |= {"planar": planar, "bounded": bounded}
    if format == "accdoa":
        return ACCDOAHead(channels, num_classes, **entries)
    return MultiACCDOAHead(channels, num_classes, num_tracks, **entries)


def num_branches(format: SequenceFormat, distance_branch: DistanceBranch = "shared") -> int:
    """Return how many inputs the head of a format has: one for each task, or for vectors alone."""
    if format != "class_wise":
        return 1
    return 3 if distance_branch == "own" else 2
