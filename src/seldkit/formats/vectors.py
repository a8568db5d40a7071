"""Formats whose activity is the length of a direction vector."""

from dataclasses import KW_ONLY, dataclass

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.events import Events
from seldkit.formats.base import Format, numbers
from seldkit.geometry import unit_norm, unit_vector
from seldkit.outputs import SELDOutput


@dataclass(frozen=True)
class VectorFormat(Format):
    """Vectors x, y[, z][, distance][, on-screen] on the last axis."""

    _: KW_ONLY
    onscreen: bool = False
    planar: bool = False

    @property
    def _num_axes(self) -> int:
        return 3 - self.planar + self.distance + self.onscreen

    def _check(self, events: Events, num_frames: int) -> None:
        super()._check(events, num_frames)
        if self.onscreen and events.onscreen is None:
            raise ValueError("events must have on-screen flags for a format with onscreen=True")

    def _vectors(self, events: Events) -> Float[Tensor, "event axis"]:
        """Return what a target holds of each event."""
        columns = [events.direction]
        if self.planar:
            azimuth = events.azimuth_deg
            columns = [unit_vector(azimuth, torch.zeros_like(azimuth))[:, :2]]
        if self.distance and events.distance is not None:
            columns.append(events.distance.unsqueeze(1))
        if self.onscreen and events.onscreen is not None:
            columns.append(events.onscreen.unsqueeze(1))
        return torch.cat(columns, dim=1)

    def _read(self, output: Tensor, axes: str, **sizes: int) -> Float[Tensor, "*places axis"]:
        """Return an output as numbers, with z = 0 where it is planar."""
        if not isinstance(output, Tensor):
            raise TypeError(
                f"output must be a tensor of vectors for {type(self).__name__},"
                f" got {type(output).__name__}"
                + "; ClassWise and TrackWise decode it"
                * isinstance(output, SELDOutput)
            )
        x = numbers("output", output, axes, cls=self.num_classes, axis=self._num_axes, **sizes)
        if not self.planar:
            return x
        return torch.cat((x[..., :2], torch.zeros_like(x[..., :1]), x[..., 2:]), dim=-1)

    def _active(self, length: Float[Tensor, "*axes cls"]) -> Bool[Tensor, "*axes cls"]:
        return length > self._thresholds()

    def _events(
        self,
        frame: Int[Tensor, " event"],
        label: Int[Tensor, " event"],
        vector: Float[Tensor, "event axis"],
        source: Int[Tensor, " event"],
        num_frames: int,
    ) -> Events:
        """Return the events of vectors as `_read` gives them."""
        return Events(
            frame,
            label,
            unit_norm(vector[:, :3], zero_is_front=True),
            source=source,
            distance=vector[:, 3].clamp(min=0) if self.distance else None,
            onscreen=vector[:, -1] > 0 if self.onscreen else None,
            num_frames=num_frames,
        )
