"""Shifts in time: a clip begins elsewhere, and goes on at its end with its beginning."""

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Float
from seldkit.outputs import Output, SELDOutput, apply


def shift_time(
    x: Float[Tensor, "batch channel time *freq"],
    target: Output,
    *,
    ratio: int,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time *freq"], Output]:
    """Shift each clip and its target by the same number of label frames, around the end.

    Every shift is drawn uniformly from all label frames of the clip, so a label frame still has all
    its samples or feature frames.

    Args:
        x: Waveforms `(batch, channel, sample)` or features `(batch, channel, time, freq)`.
        target: Targets of any format, `(batch, frame, ...)`.
        ratio: Samples or feature frames of a label frame.
        generator: Source of randomness, on the CPU; torch's own if None.

    Returns:
        Both after the shift.

    Raises:
        TypeError: If the target is neither a tensor nor a `SELDOutput`, or the ratio no integer.
        ValueError: If the waveform or features are not `ratio` times as long as the target.

    Examples:
        >>> waveform, target = torch.arange(6.0).reshape(1, 1, 6), torch.arange(3.0).reshape(1, 3)
        >>> _ = torch.manual_seed(0)
        >>> shift_time(waveform, target, ratio=2)
        (tensor([[[2., 3., 4., 5., 0., 1.]]]), tensor([[1., 2., 0.]]))
    """
    check_count(ratio=ratio)
    if not isinstance(target, SELDOutput | Tensor):
        raise TypeError(f"target must be a tensor or a SELDOutput, got {type(target).__name__}")
    frames = (target if isinstance(target, Tensor) else target.activity).shape[1]
    if x.ndim < 3 or x.shape[2] != frames * ratio:
        raise ValueError(
            f"x must be (batch, channel, time={frames * ratio}, ...) for {frames} frames of"
            f" {ratio}, got shape {tuple(x.shape)}"
        )
    shifts: list[int] = torch.randint(frames, (len(x),), generator=generator).tolist()

    def shifted(clips: Tensor, dim: int, unit: int) -> Tensor:
        moved = [clip.roll(n * unit, dims=dim) for clip, n in zip(clips, shifts, strict=True)]
        return torch.stack(moved)

    with torch.autocast(x.device.type, enabled=False):
        return shifted(x, 1, ratio), apply(lambda part: shifted(part, 0, 1), target)
