"""The multi-ACCDOA format: for each class, vectors on several tracks."""

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_number
from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.events.columns import number_within
from seldkit.formats.base import scatter
from seldkit.formats.vectors import VectorFormat
from seldkit.geometry import angle_deg, unit_norm

_ROUNDING_DEG = 1e-5
"""Of vectors in float32: azimuths that are exactly 15 degrees apart are not closer than 15."""


@dataclass(frozen=True)
class MultiACCDOA(VectorFormat):
    """Activity-coupled directions on tracks, so that a class may sound from several places at once.

    The last axis is `x, y[, z][, distance][, onscreen]`. A target holds the events of a class on
    its first tracks; a network may hold them on any tracks and, as ADPIT teaches it, one event on
    several. So `decode` merges tracks of one class that are close.

    Source: Shimada et al., "Multi-ACCDOA: Localizing and detecting overlapping sounds from the same
    class with auxiliary duplicating permutation invariant training", ICASSP 2022, section 3;
    distance: Krause et al., "Sound event detection and localization with distance estimation",
    EUSIPCO 2024.

    Args:
        num_classes: Number of classes.
        num_tracks: Number of tracks: the largest number of events of one class at once.
        threshold: A track is active where its vector is longer than this; one number, or one for
            each class, in a list, an array or a tensor.
        overflow: What `encode` does with events that find no track or lie beyond the clip:
            `"raise"`, or `"drop"`, which leaves them out; `fit` tells which. The first rows of a
            class and frame stay, as in the published code.
        distance: Whether a distance in metres follows the vector.
        onscreen: Whether the last entry says that the source is in the picture: 0 or 1 in a target,
            a logit in a prediction.
        planar: Whether the vector is (cos azimuth, sin azimuth), without elevation, as for stereo
            in DCASE 2025.
        unify_deg: Tracks of one class merge where the angle between them is below this, in degrees,
            directly or through other tracks; 0 for no merging.
        merge: Direction of merged tracks: the mean of their vectors as they are (`"raw"`, as
            published: a longer vector counts more), or made unit vectors (`"unit"`).

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a count is not positive, there are not as many thresholds as classes, one is
            nan, `unify_deg` lies beyond 0..180, or `overflow` or `merge` is unknown.

    Examples:
        >>> events = Events.from_degrees([0, 0], [1, 1], [0.0, 90.0], [0.0, 0.0])
        >>> target = MultiACCDOA(num_classes=2).encode(events, num_frames=1)
        >>> target[0, :, 1].round()  # the vectors of class 1 on three tracks
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 0.]])

        A network holds the first event on two tracks:

        >>> target[0, 2, 1] = torch.tensor([0.8, 0.0, 0.1])
        >>> MultiACCDOA(num_classes=2).decode(target).azimuth_deg
        tensor([90.,  0.], dtype=torch.float64)
    """

    num_tracks: int = 3
    _: KW_ONLY
    unify_deg: float = 15.0
    merge: Literal["raw", "unit"] = "raw"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._count("num_tracks")
        check_choice("merge", self.merge, ("raw", "unit"))
        check_number(unify_deg=self.unify_deg)
        if not 0 <= self.unify_deg <= 180:
            raise ValueError(f"unify_deg must lie in 0..180, got {self.unify_deg}")
        object.__setattr__(self, "unify_deg", float(self.unify_deg))

    def encode(self, events: Events, num_frames: int) -> Float[Tensor, "time track cls axis"]:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            The vectors: the events of a class and frame stand on the first tracks, in the order of
            their rows. An inactive place is all zeros.

        Raises:
            ValueError: If a label is not below `num_classes`, a class has more events in a frame
                than tracks or an event lies beyond `num_frames` (unless `overflow="drop"`), or
                distances or on-screen flags are missing.
        """
        kept = self._to_encode(events, num_frames)
        track = number_within(self._cell(kept))
        size = (num_frames, self.num_tracks, self.num_classes)
        return scatter(self._vectors(kept), (kept.frame, track, kept.label), size)

    def decode(self, output: Float[Tensor, "time track cls axis"]) -> Events:
        """Return the events of a network's output, or of a target.

        Close tracks of a class merge into one event: the mean of their vectors, then made a unit
        vector, the mean of their distances, and the on-screen entry of the first. A mean of length
        zero counts as the front, a distance below zero as zero; a source is on screen where its
        entry is above zero.

        Args:
            output: Vectors of any length.

        Returns:
            Rows sorted by frame, then class. Of one class and frame the events of single tracks
            come first, then those of merged ones, both by track. `source` is the track, of merged
            ones the first.

        Raises:
            TypeError: If the output is no tensor.
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        tracks, classes = self.num_tracks, self.num_classes
        x = self._read(output, "time track cls axis", track=tracks)
        active = self._active(torch.linalg.vector_norm(x[..., :3], dim=-1))
        first = _first_of_group(x[..., :3], active, self.unify_deg)
        frame, track, label = active.nonzero(as_tuple=True)
        vector = x[frame, track, label]
        if self.merge == "unit":
            vector[:, :3] = unit_norm(vector[:, :3], zero_is_front=True)

        group = (frame * classes + label) * tracks + first[frame, track, label]
        group, member, size = group.unique(return_inverse=True, return_counts=True)
        cell, source = group // tracks, group % tracks
        frame, label = cell // classes, cell % classes
        mean = vector.new_zeros(len(group), vector.shape[1]).index_add_(0, member, vector)
        mean /= size.unsqueeze(1)
        if self.onscreen:
            mean[:, -1] = x[frame, source, label, -1]
        order = (2 * cell + (size > 1)).argsort(stable=True)
        return self._events(frame[order], label[order], mean[order], source[order], len(x))

    @property
    def _room(self) -> str:
        return f"{self.num_tracks} tracks of a class"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return number_within(self._cell(events)) < self.num_tracks


def _first_of_group(
    vector: Float[Tensor, "time track cls axis=3"],
    active: Bool[Tensor, "time track cls"],
    unify_deg: float,
) -> Int[Tensor, "time track cls"]:
    """Return the first track of each track's group: those that a chain of close tracks joins."""
    tracks = active.shape[1]
    first = torch.arange(tracks).unsqueeze(1).expand(active.shape).clone()
    frame, label = (active.sum(dim=1) > 1).nonzero(as_tuple=True)
    place = frame, slice(None), label
    a, on = vector[place], active[place]
    close = angle_deg(a.unsqueeze(1), a.unsqueeze(2)) < unify_deg - _ROUNDING_DEG
    joined = close & on.unsqueeze(1) & on.unsqueeze(2) | torch.eye(tracks, dtype=torch.bool)
    for _ in range((tracks - 1).bit_length()):  # each time chains of twice the length
        joined = joined.double() @ joined.double() > 0
    first[place] = joined.int().argmax(dim=-1)
    return first
