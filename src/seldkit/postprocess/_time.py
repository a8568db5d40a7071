"""The axis of time: which it is, windows on it, and runs of frames along it."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Bool, Int


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
    """Raise `ValueError` unless a window has a middle."""
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and positive, got {window}")


def check_bool(activity: Tensor) -> None:
    """Raise `TypeError` unless an activity is a decision."""
    if activity.dtype != torch.bool:
        raise TypeError(f"activity must be bool, such as scores >= 0.5, got {activity.dtype}")


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
