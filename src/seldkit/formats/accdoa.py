"""The ACCDOA format: a vector for each class, as long as the class is active."""

from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from seldkit._typing import Bool, Float
from seldkit.events import Events
from seldkit.formats.base import scatter
from seldkit.formats.vectors import VectorFormat


@dataclass(frozen=True)
class ACCDOA(VectorFormat):
    """Activity-coupled direction: the unit vector of each class that sounds, zeros elsewhere.

    Two events of one class in one frame are one too many. The last axis is
    `x, y[, z][, distance][, onscreen]`.

    Source: Shimada et al., "ACCDOA: Activity-coupled Cartesian direction of arrival representation
    for sound event localization and detection", ICASSP 2021, section 3.

    Args:
        num_classes: Number of classes.
        threshold: A class is active where its vector is longer than this; one number, or one for
            each class, in a list, an array or a tensor.
        overflow: What `encode` does with a second event of a class in one frame and with events
            beyond the clip: `"raise"`, or `"drop"`, which leaves them out; `fit` tells which. Of
            one class and frame the last row stays, as in the published code.
        distance: Whether a distance in metres follows the vector.
        onscreen: Whether the last entry says that the source is in the picture: 0 or 1 in a target,
            a logit in a prediction.
        planar: Whether the vector is (cos azimuth, sin azimuth), without elevation, as for stereo
            in DCASE 2025.
        max_events: Decode at most so many events of a frame, of the active classes those of the
            longest vectors, as PSELDNets do with 3; None for no limit.

    Raises:
        TypeError: If a count is no integer, or a threshold no number.
        ValueError: If a count is not positive, there are not as many thresholds as classes, one is
            nan, or `overflow` is unknown.

    Examples:
        >>> events = Events.from_degrees([0], [1], [90.0], [0.0], distance=[2.5])
        >>> ACCDOA(num_classes=3, distance=True).encode(events, num_frames=1).round(decimals=3)
        tensor([[[0.0000, 0.0000, 0.0000, 0.0000],
                 [0.0000, 1.0000, 0.0000, 2.5000],
                 [0.0000, 0.0000, 0.0000, 0.0000]]])
    """

    _: KW_ONLY
    max_events: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_events is not None:
            self._count("max_events")

    def encode(self, events: Events, num_frames: int) -> Float[Tensor, "time cls axis"]:
        """Return the target of a clip, without the batch axis.

        Args:
            events: The events of the clip.
            num_frames: Number of frames of the target.

        Returns:
            The vectors, unit vectors where a class is active. An inactive place is all zeros.

        Raises:
            ValueError: If a label is not below `num_classes`, an event is the second of its class
                in a frame or lies beyond `num_frames` (unless `overflow="drop"`), or distances or
                on-screen flags are missing.
        """
        kept = self._to_encode(events, num_frames)
        size = num_frames, self.num_classes
        return scatter(self._vectors(kept), (kept.frame, kept.label), size)

    def decode(self, output: Float[Tensor, "time cls axis"]) -> Events:
        """Return the events of a network's output, or of a target.

        Args:
            output: Vectors of any length. Distances below zero count as zero; a source is on screen
                where its last entry is above zero.

        Returns:
            One row for each active class and frame, sorted by frame, then class; `source` is 0. Of
            vectors as long as the last that `max_events` allows, the lower classes stay.

        Raises:
            TypeError: If the output is no tensor.
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        x = self._read(output, "time cls axis")
        length = torch.linalg.vector_norm(x[..., :3], dim=-1)
        active = self._active(length)
        if self.max_events is not None:
            length = length.where(active, -torch.inf)
            longest = length.argsort(dim=-1, descending=True, stable=True)[:, : self.max_events]
            active &= torch.zeros_like(active).scatter_(1, longest, True)
        frame, label = active.nonzero(as_tuple=True)
        return self._events(frame, label, x[frame, label], torch.zeros_like(frame), len(x))

    @property
    def classes_compete(self) -> bool:
        """Whether `max_events` is given."""
        return self.max_events is not None

    @property
    def _room(self) -> str:
        return "one event of a class"

    def _placed(self, events: Events) -> Bool[Tensor, " event"]:
        return self._last_of_each_cell(events)
