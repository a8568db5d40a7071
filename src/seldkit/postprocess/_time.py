"""The axis of time: which it is, windows on it, and runs of frames along it."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_number, integer
from seldkit._typing import Bool, Int

Setting = float | np.number | Sequence[float] | Tensor | NDArray[np.generic]
"""One number, or several that broadcast against what they act on, such as one for each class."""


def time_axis(name: str, x: Tensor, dim: int | None) -> int:
    """Return which axis of a tensor is time, or raise `ValueError`."""
    if dim is None:
        if x.ndim != 1:
            raise ValueError(
                f"dim must say which axis of {name} is time unless it has one axis,"
                f" got shape {tuple(x.shape)}"
            )
        return 0
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"dim must be an axis of {name} {tuple(x.shape)}, got {dim}")
    return dim % x.ndim


def check_window(window: int) -> None:
    """Raise `TypeError` unless a window is a whole number, `ValueError` unless it has a middle."""
    if integer("window", window) < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and positive, got {window}")


def reach_of(window: int, causal: bool) -> tuple[int, int]:
    """Return how many frames of a window lie before a frame, and how many behind it, or raise."""
    if causal:
        check_count(window=window)
        return window - 1, 0
    check_window(window)
    return window // 2, window // 2


def check_bool(activity: Tensor) -> None:
    """Raise `TypeError` unless an activity is a decision."""
    if activity.dtype != torch.bool:
        raise TypeError(f"activity must be bool, such as scores > 0.5, got {activity.dtype}")


def threshold_of(name: str, value: Setting, x: Tensor) -> Tensor:
    """Return thresholds in float64, as formats compare, or raise where they do not fit `x`."""
    threshold = _setting(name, value, x).double()
    if threshold.isnan().any():
        raise ValueError(f"{name} must not be nan, got {value}")
    return threshold


def frames_of(name: str, value: Setting, x: Tensor) -> Tensor:
    """Return numbers of frames, or raise where they are none or do not fit `x`."""
    frames = _setting(name, value, x)
    if frames.is_floating_point():
        raise TypeError(f"{name} must hold whole numbers of frames, got {value}")
    if (frames < 0).any():
        raise ValueError(f"{name} must not be negative, got {int(frames.min())}")
    return frames


def _setting(name: str, value: Setting, x: Tensor) -> Tensor:
    """Return a setting beside `x`, or raise: with more axes than `x` time would be another one."""
    setting = torch.as_tensor(value if isinstance(value, Tensor) else np.asarray(value))
    setting = setting.to(x.device)
    if setting.ndim == 0:
        check_number(**{name: setting.item()})
    elif setting.dtype == torch.bool:
        raise TypeError(f"{name} must hold numbers, got {setting.dtype}")
    pairs = zip(reversed(setting.shape), reversed(x.shape), strict=False)
    if setting.ndim > x.ndim or any(size not in (1, own) for size, own in pairs):
        raise ValueError(
            f"{name} must be one number or broadcast to {tuple(x.shape)},"
            f" got shape {tuple(setting.shape)}"
        )
    return setting


def number_runs(activity: Bool[Tensor, "*axes"], dim: int) -> Int[Tensor, "*axes"]:
    """Number the runs, frames of equal value in a row; all have different numbers.

    Examples:
        >>> number_runs(torch.tensor([[True, True, False], [False, True, False]]), dim=1)
        tensor([[0, 0, 1],
                [2, 3, 4]])
    """
    rows = activity.movedim(dim, -1)
    starts = functional.pad(rows[..., 1:] != rows[..., :-1], (1, 0), value=True)
    starts = starts[..., : rows.shape[-1]]  # no frame, no start
    number = starts.flatten().cumsum(0) - 1
    return number.reshape(rows.shape).movedim(-1, dim)


def run_total(values: Tensor, run: Int[Tensor, "*axes"]) -> Int[Tensor, "*axes"]:
    """Return for each frame the sum of whole numbers over its run.

    Examples:
        >>> run_total(torch.tensor([1, 0, 1, 1]), torch.tensor([0, 0, 0, 1]))
        tensor([2, 2, 2, 1])
    """
    totals = torch.zeros(run.numel(), dtype=torch.int64, device=run.device)
    return totals.scatter_add(0, run.flatten(), values.flatten().long())[run]
