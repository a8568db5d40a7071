"""Neural-SRP: tracks of talkers from the correlations of any array's pairs of microphones."""

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from seldkit._builders import builder
from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.arrays import ArrayGeometry
from seldkit.features import PairSelection
from seldkit.heads import JointTrackHead
from seldkit.layers import GatedRecurrentUnit, MicPairMetadata, PairEncoder
from seldkit.layers.conv import bins_after
from seldkit.layers.pairs import Aggregate, PairForm
from seldkit.models.tracking_blocks import dense, max_stages
from seldkit.outputs import SELDOutput


class NeuralSRP(Shown):
    """A network on pairs of microphones: one encoder for all pairs, their sum, and a head.

    The parts are given, so any of them can be replaced by one argument.

    Shape:
        - Inputs: correlations `(batch, pair, time, lag)`, and numbers of each pair
          `(batch, pair, entry)`, or None for those of its own array.
        - Output: activity `(batch, step, track, cls=1)`, direction `(batch, step, track, axis)`.

    Args:
        num_lags: Lags of the correlations.
        min_frames: The fewest frames of features that make a frame of output.
        pairs: Reads correlations and the numbers of pairs.
        activity: Takes the sequence of all pairs and returns what the head reads.
        direction: Likewise.
        head: Makes the output.
        metadata: Numbers of the pairs of its own array, `(pair, entry)`, or None where it has none.
    """

    metadata: Tensor | None

    @plain_settings()
    def __init__(
        self,
        *,
        num_lags: int,
        min_frames: int = 1,
        pairs: nn.Module,
        activity: nn.Module,
        direction: nn.Module,
        head: nn.Module,
        metadata: Float[Tensor, "pair entry"] | None = None,
    ) -> None:
        super().__init__()
        self.num_lags, self.min_frames = num_lags, min_frames
        self.pairs = pairs
        self.activity, self.direction = activity, direction
        self.head = head
        self.register_buffer("metadata", metadata, persistent=False)

    def forward(
        self,
        features: Float[Tensor, "batch pair time lag"],
        metadata: Float[Tensor, "batch pair entry"] | None = None,
    ) -> SELDOutput:
        """Return the output of the head."""
        check_shape("features", features, "batch pair time lag", lag=self.num_lags)
        if features.shape[2] < self.min_frames:
            shape = tuple(features.shape)
            raise ValueError(f"features must have at least {self.min_frames} frames, got {shape}")
        if metadata is None:
            if self.metadata is None:
                raise ValueError("metadata must be given to a network made without an array")
            count = self.metadata.shape[0]
            check_shape("features", features, "batch pair time lag", pair=count)
            metadata = self.metadata.expand(features.shape[0], -1, -1)
        x = self.pairs(features, metadata)
        output: SELDOutput = self.head(self.activity(x), self.direction(x))
        return output

    def extra_repr(self) -> str:
        """Show the settings, and how many pairs its own array has."""
        count = "none" if self.metadata is None else len(self.metadata)
        return f"{super().extra_repr()}, own pairs: {count}"


@builder
@plain_settings()
def neural_srp(
    num_tracks: int = 2,
    *,
    array: ArrayGeometry | None = None,
    selection: PairSelection | None = None,
    num_lags: int = 64,
    widths: Sequence[int] = (128, 128, 128),
    pool_time: Sequence[int] = (5, 1, 1),
    pool_lag: Sequence[int] = (2, 2, 2),
    rnn_channels: int = 128,
    rnn_layers: int = 2,
    joint: Sequence[int] = (128, 128),
    activity_hidden: Sequence[int] = (128, 128),
    direction_hidden: Sequence[int] = (128,),
    metadata: PairForm = "both",
    aggregate: Aggregate = "sum",
) -> NeuralSRP:
    """Build Neural-SRP, which follows talkers with an array of any number of microphones anywhere.

    Convolutions and GRUs read the correlation of each pair, where the pair is joins them, and pairs
    are summed. The same weights serve any array: `model(features, metadata)` with the correlations
    of [`neural_srp`][seldkit.features.presets.neural_srp] and the places of the pairs as
    [`MicPairMetadata`][seldkit.layers.MicPairMetadata] gives them. In a pipeline, which has one
    array, say it to both; then `model(features)` will do. With features of 20 ms a frame of output
    is a label of 100 ms.

    The output is that of [`TrackWise`][seldkit.formats.TrackWise] with one class, so that
    [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss] trains it. GRUs read forward alone,
    but the convolutions look ahead: by one frame of features and, behind the first maximum, by two
    frames of output.

    Args:
        num_tracks: Number of tracks: the largest number of talkers at once.
        array: The microphones of the features, where they are always the same.
        selection: Which of their pairs; all if None.
        num_lags: Lags of the correlations.
        widths: Channels of each convolution.
        pool_time: Frames of which each block takes the maximum.
        pool_lag: Lags of which each block takes the maximum.
        rnn_channels: Channels of the GRUs, which read forward.
        rnn_layers: Number of GRU layers.
        joint: Widths of the linear layers that read a pair and its place.
        activity_hidden: Widths of the linear layers before that of activity.
        direction_hidden: Widths of the linear layers before that of direction; the last is that of
            `activity_hidden`.
        metadata: What is told of a pair, see [`MicPairMetadata`][seldkit.layers.MicPairMetadata].
        aggregate: Whether the network reads the `"sum"` of pairs, as published, or their `"mean"`,
            which does not grow with their number.

    Returns:
        A network from correlations `(batch, pair, time, lag)` and numbers of the pairs
        `(batch, pair, entry)` to activity logits `(batch, step, track, cls=1)` and directions
        `(batch, step, track, axis)` in (-1, 1).

    Raises:
        ValueError: If a number is not positive, the widths and poolings differ in length, lags are
            fewer than are pooled, the last widths of both heads differ, or a selection has no
            array.

    Source: Grinstein et al., "The Neural-SRP method for universal robust multi-source tracking",
    IEEE OJSP 5, 2024, and its published code.

    Examples:
        >>> import torch
        >>> model = neural_srp()
        >>> sum(p.numel() for p in model.parameters())
        923792
        >>> correlations, places = torch.zeros(1, 3, 20, 64), torch.zeros(1, 3, 6)
        >>> activity, direction, _ = model(correlations, places)
        >>> activity.shape, direction.shape
        (torch.Size([1, 4, 2, 1]), torch.Size([1, 4, 2, 3]))
    """
    lags = bins_after(num_lags, widths, pool_time, pool_lag)
    if array is None and selection is not None:
        raise ValueError(f"selection must be None without an array, got {selection}")
    pairs = None if array is None or selection is None else selection(array)
    told = MicPairMetadata(metadata, pairs=pairs)
    places = None
    if array is not None:  # by way of a list, so that they are where the weights are made
        places = torch.tensor(told(array.positions.unsqueeze(0))[0].tolist())
    recurrent = GatedRecurrentUnit(widths[-1] * lags, rnn_channels, rnn_layers, bidirectional=False)
    encoder: OrderedDict[str, nn.Module] = OrderedDict(
        trunk=max_stages(1, widths, pool_time, pool_lag, nn.PReLU),
        sequence=_Sequence(),
        recurrent=recurrent,
        tanh=nn.Tanh(),
    )
    place_and_sound = rnn_channels + told.num_entries
    read = [place_and_sound, *joint][-1]
    last, other = [read, *activity_hidden][-1], [read, *direction_hidden][-1]
    if last != other:
        raise ValueError(f"direction_hidden must end with {last} as activity_hidden, got {other}")
    return NeuralSRP(
        num_lags=num_lags,
        min_frames=prod(pool_time),
        pairs=PairEncoder(
            nn.Sequential(encoder),
            dense(place_and_sound, joint, nn.PReLU),
            aggregate=aggregate,
        ),
        activity=dense(read, activity_hidden, nn.PReLU),
        direction=dense(read, direction_hidden, nn.PReLU),
        head=JointTrackHead(last, 1, num_tracks),
        metadata=places,
    )


class _Sequence(nn.Module):
    """Channels and lags of a map as those of a sequence."""

    def forward(
        self, x: Float[Tensor, "batch channel time lag"]
    ) -> Float[Tensor, "batch time both"]:
        return x.transpose(1, 2).flatten(2)
