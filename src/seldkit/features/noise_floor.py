"""Which bins stand out of the background noise, tracked frame after frame."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Bool, Float

_RISE, _SLOW_RISE, _FALL = 1.02, 1.002, 0.98
_ONSET = 3  # frames above the floor after which it rises slowly
_LEAST = 1e-6
_START = 5  # frames whose mean level starts the floor
_PAST = 2  # frames before a frame that its level is measured over

MAX_WAIT = _START - 1
"""How many frames after a frame may be needed to tell whether it stands out: those of the start."""


def above_noise_floor(
    power: Float[Tensor, "batch time freq"], *, ratio: float, wrap: bool
) -> Bool[Tensor, "batch time freq"]:
    """Return the bins whose level exceeds their noise floor.

    Args:
        power: Power of each bin of whole clips.
        ratio: By how much a level must exceed the floor.
        wrap: Whether the last two frames come before the first, as in the published code. If not,
            the first frames are averaged over those there are.
    """
    num_frames = power.shape[1]
    last = torch.arange(-_PAST, 0, device=power.device) % num_frames
    floor = NoiseFloor(ratio, past=power[:, last] if wrap else None)
    return torch.cat((floor.push(power), floor.flush()), dim=1)


class NoiseFloor:
    """Noise floor of each bin of some clips, followed as their frames come in.

    A bin's level is the root of its mean power over a frame and the two before. The floor starts at
    half the mean level of the first five frames. A frame whose level is above it raises it, by 2 %
    in the first three frames of a sound and by 0.2 % from the fourth on; any other lowers it by
    2 %. It never falls below 1e-6. Then a bin stands out whose level is above `ratio` times the
    floor.

    Each frame's floor depends on the one before, so this is a loop over frames, of a few operations
    on all bins and clips. It passes no gradients.

    Args:
        ratio: By how much a level must exceed the floor.
        past: Power of the two frames before the first, if known.

    Source: Nguyen et al., "SALSA: Spatial cue-augmented log-spectrogram features for polyphonic
    sound event localization and detection", IEEE/ACM TASLP 2022; constants of the published code.
    """

    def __init__(self, ratio: float, past: Float[Tensor, "batch _ freq"] | None = None) -> None:
        self._ratio, self._past = ratio, past
        self._waiting: Tensor | None = None  # levels before the floor has started
        self._state: tuple[Tensor, Tensor] | None = None

    def push(self, power: Float[Tensor, "batch _ freq"]) -> Bool[Tensor, "batch _ freq"]:
        """Return which bins stand out, in the frames for which that is known by now."""
        past = power[:, :0] if self._past is None else self._past
        frames = torch.cat((past, power), dim=1).detach()
        self._past = frames[:, max(frames.shape[1] - _PAST, 0) :].clone()
        level = _level(frames)[:, past.shape[1] :]
        if self._state is None:
            level = level if self._waiting is None else torch.cat((self._waiting, level), dim=1)
            if level.shape[1] < _START:
                self._waiting = level
                return level[:, :0] > 0
        return self._follow(level)

    def flush(self) -> Bool[Tensor, "batch _ freq"]:
        """Return which bins stand out in the frames of a clip that ended before the floor started.

        Raises:
            RuntimeError: If there was no frame.
        """
        if self._past is None:
            raise RuntimeError("NoiseFloor must be given a frame before its clip ends")
        if self._state is None and self._waiting is not None and self._waiting.shape[1]:
            return self._follow(self._waiting)
        return self._past[:, :0] > 0

    def _follow(self, level: Tensor) -> Tensor:
        if self._state is None:
            start = 0.5 * _mean_of_known(level[:, :_START])
            self._state = start, torch.zeros_like(start, dtype=torch.int64)
        track = _compilable_track if torch.compiler.is_compiling() else _track
        floors, floor, run = track(level.movedim(1, 0), *self._state)
        self._state = floor, run
        above: Tensor = level > self._ratio * floors.movedim(0, 1)
        return above


def _level(power: Tensor) -> Tensor:
    """Return the root of the mean over each frame and the two before, as far as there are some."""
    frames = torch.arange(1, power.shape[1] + 1, device=power.device, dtype=power.dtype)
    padded = functional.pad(power, (0, 0, _PAST, 0))
    total = padded[:, 2:] + padded[:, 1:-1] + padded[:, :-2]
    level: Tensor = (total / frames.clamp(max=1 + _PAST).unsqueeze(1)).sqrt()
    return level


def _mean_of_known(level: Tensor) -> Tensor:
    """Return the mean over frames, where some are nan or infinite that of the others."""
    mean = level.mean(dim=1)
    known = level.masked_fill(~level.isfinite(), torch.nan).nanmean(dim=1).nan_to_num(0.0)
    return torch.where(mean.isfinite(), mean, known)


def _track(level: Tensor, floor: Tensor, run: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the floor after each frame, `time batch freq`, and the state after the last.

    NumPy, because PyTorch spends more than twice the time on calls so small.

    Args:
        level: Level of each frame, `time batch freq`.
        floor: Floor before the first of them, `batch freq`.
        run: For how many frames up to then the level has been above the floor, `batch freq`.
    """
    levels = level.numpy(force=True)
    floors = np.empty(levels.shape, levels.dtype)
    runs = run.numpy(force=True).copy()
    now = floor.numpy(force=True)
    steps = np.array([_FALL, *[_RISE] * _ONSET, _SLOW_RISE], levels.dtype)
    least = steps.dtype.type(_LEAST)
    step, above = np.empty_like(now), np.empty(now.shape, np.bool_)
    for frame, out in zip(levels, floors, strict=True):
        np.greater(frame, now, out=above)
        runs += 1
        runs *= above
        np.take(steps, runs, out=step, mode="clip")
        np.multiply(now, step, out=out)
        now = np.maximum(out, least, out=out)
    state = torch.from_numpy(now.copy()), torch.from_numpy(runs)
    device = level.device
    return torch.from_numpy(floors).to(device), state[0].to(device), state[1].to(device)


# One operation to a compiler, which would unroll the loop. Not used otherwise: the first call of
# such an operation loads the compiler, which takes a second.
_compilable_track = torch.library.custom_op("seldkit::track_noise_floor", _track, mutates_args=())


@_compilable_track.register_fake
def _(level: Tensor, floor: Tensor, run: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return level.new_empty(level.shape), torch.empty_like(floor), torch.empty_like(run)
