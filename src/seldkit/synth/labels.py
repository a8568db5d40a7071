"""From placed sounds to labels that are true to their energy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._typing import Bool, Float
from seldkit.events import Events
from seldkit.synth.excerpt import frame_power
from seldkit.synth.trajectory import Trajectory

FRAMES_PER_S = 10


@dataclass(frozen=True)
class PlacedSound:
    """A sound in a scene.

    Attributes:
        label: Its class.
        onset: Sample of the scene at which it starts, at the source.
        dry: The sound as it is at one metre.
        trajectory: Where its source is, from the onset on.
    """

    label: int
    onset: int
    dry: Float[NDArray[np.float32], " sample"]
    trajectory: Trajectory

    def first_frame(self, sample_rate: int) -> int:
        """Return the frame of the scene in which the sound starts."""
        return self.onset * FRAMES_PER_S // sample_rate

    def last_frame(self, sample_rate: int) -> int:
        """Return the last frame of the scene that the direct sound may reach."""
        delay = math.ceil(self.trajectory.delay_s.max() * sample_rate)
        end: int = self.onset + len(self.dry) + delay + 1
        return end * FRAMES_PER_S // sample_rate


def sounding_power(
    direct: Float[NDArray[np.float32], " sample"],
    onset: int,
    *,
    frame: int,
    num_frames: int,
    range_db: float,
) -> Float[NDArray[np.float64], " frame"]:
    """Return the power of a direct sound in each frame of the scene, 0 where it is too quiet.

    Args:
        direct: The direct sound on W, whole.
        onset: Sample of the scene that it starts with.
        frame: Samples in a frame.
        num_frames: Frames in the scene.
        range_db: How far below its loudest frame the sound still counts.
    """
    first, offset = divmod(onset, frame)
    power = frame_power(np.concatenate((np.zeros(offset, np.float32), direct)), frame)
    power[power <= power.max() * 10 ** (-range_db / 10)] = 0
    sounding = np.zeros(num_frames)
    inside = power[: num_frames - first]
    sounding[first : first + len(inside)] = inside
    return sounding


def label_events(
    sounds: Sequence[PlacedSound],
    active: Bool[NDArray[np.bool_], "event frame"],
    sample_rate: int,
) -> Events:
    """Return the rows of the active frames, sorted by frame, then by number of the event."""
    frame, source = np.nonzero(active.T)
    direction, distance = np.zeros((len(frame), 3)), np.zeros(len(frame))
    for number, sound in enumerate(sounds):
        rows = source == number
        centre_s = (frame[rows] + 0.5) / FRAMES_PER_S
        position = sound.trajectory.heard(centre_s - sound.onset / sample_rate)
        distance[rows] = np.linalg.norm(position, axis=-1)
        direction[rows] = position / distance[rows, None]
    labels = np.array([sound.label for sound in sounds], dtype=np.int64)
    return Events(
        torch.from_numpy(frame),
        torch.from_numpy(labels[source]),
        torch.from_numpy(direction),
        source=torch.from_numpy(source),
        distance=torch.from_numpy(distance),
        num_frames=active.shape[1],
        frame_s=1 / FRAMES_PER_S,
    )
