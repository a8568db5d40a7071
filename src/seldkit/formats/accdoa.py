"""The ACCDOA format: a vector for each class, as long as the class is active."""

from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from seldkit._checks import check_positive
from seldkit._typing import Float
from seldkit.events import Events
from seldkit.formats.base import scatter
from seldkit.formats.vectors import VectorFormat


@dataclass
class ACCDOA(VectorFormat):
    """Activity-coupled direction: the unit vector of each class that sounds, zeros elsewhere.

    Two events of one class in one frame are one too many. The last axis is
    `x, y[, z][, distance][, onscreen]`.

    Source: Shimada et al., "ACCDOA: Activity-coupled Cartesian direction of arrival representation
    for sound event localization and detection", ICASSP 2021, section 3.

    Args:
        num_classes: Number of classes.
        threshold: A class is active where its vector is longer than this; one number, or one for
            each class.
        overflow: What `encode` does with a second event of a class in one frame and with events
            beyond the clip: `"raise"`, or `"drop"`, which counts them in `num_dropped`. Of one
            class and frame the last row stays, as in the published code.
        distance: Whether a distance in metres follows the vector.
        onscreen: Whether the last entry says that the source is in the picture: 0 or 1 in a target,
            a logit in a prediction.
        planar: Whether the vector is (cos azimuth, sin azimuth), without elevation, as for stereo
            in DCASE 2025.
        max_events: Decode at most so many events of a frame, those of the longest vectors, as
            PSELDNets do with 3; None for no limit.

    Attributes:
        num_dropped: Number of rows that `encode` has dropped since the format was made.

    Raises:
        ValueError: If a number is not positive, there are not as many thresholds as classes, one is
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
            check_positive(max_events=self.max_events)

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
        kept = self._last_of_each_cell(events, num_frames)
        size = num_frames, self.num_classes
        return scatter(self._vectors(kept), (kept.frame, kept.label), size)

    def decode(self, output: Float[Tensor, "time cls axis"]) -> Events:
        """Return the events of a network's output, or of a target.

        Args:
            output: Vectors of any length. Distances below zero count as zero; a source is on screen
                where its last entry is above zero.

        Returns:
            One row for each active class and frame, sorted by frame, then class; `source` is 0.

        Raises:
            TypeError: If the output is no tensor.
            ValueError: If the shape is not that of the format, or a value is not finite.
        """
        x = self._read(output, "time cls axis")
        length = torch.linalg.vector_norm(x[..., :3], dim=-1)
        active = self._active(length)
        if self.max_events is not None:
            longest = length.argsort(dim=-1, descending=True, stable=True)[:, : self.max_events]
            active &= torch.zeros_like(active).scatter_(1, longest, True)
        frame, label = active.nonzero(as_tuple=True)
        return self._events(frame, label, x[frame, label], torch.zeros_like(frame), len(x))
