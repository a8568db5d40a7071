"""Decisions on runs of frames: hysteresis, gaps and short bursts."""

import torch
from torch import Tensor

from seldkit._checks import check_finite
from seldkit._typing import Bool, Float
from seldkit.postprocess._time import (
    Setting,
    check_bool,
    frames_of,
    number_runs,
    run_total,
    threshold_of,
    time_axis,
)


def detect_activity(
    scores: Float[Tensor, "*axes"],
    *,
    high: Setting,
    low: Setting | None = None,
    max_gap: Setting = 0,
    min_frames: Setting = 1,
    dim: int | None = None,
) -> Bool[Tensor, "*axes"]:
    """Decide what is active: hysteresis, then gaps are filled, then short bursts dropped.

    In this order parts of one sound join before their length is asked for. Every setting may
    differ by class: a list or tensor `[cls]` if the classes are the last axis of the scores.

    Args:
        scores: Probabilities or lengths, one time axis among any number of axes.
        high: What a sound must exceed (`>`) in one of its frames.
        low: What it must exceed (`>`) in all of them; `high` unless said, a plain threshold.
        max_gap: Silences of up to so many frames between two active frames are filled.
        min_frames: What is shorter than so many frames is dropped.
        dim: Which axis is time; it must be said unless there is one axis. 0 for what a format
            decodes, 1 for batches.

    Raises:
        TypeError: If a setting holds no numbers, or lengths no whole ones.
        ValueError: If `low` exceeds `high`, a setting does not broadcast to the scores, a length is
            negative, `dim` is no axis or missing, or a score is not finite.

    Examples:
        >>> scores = torch.tensor([0.5, 0.7, 0.1, 0.5, 0.8, 0.1, 0.1, 0.1, 0.9, 0.2])
        >>> detect_activity(scores, low=0.4, high=0.6, max_gap=1, min_frames=2).int()
        tensor([1, 1, 1, 1, 1, 0, 0, 0, 0, 0], dtype=torch.int32)
    """
    activity = hysteresis(scores, low=high if low is None else low, high=high, dim=dim)
    activity = fill_gaps(activity, max_gap, dim=dim)
    return drop_short(activity, min_frames, dim=dim)


def hysteresis(
    scores: Float[Tensor, "*axes"],
    *,
    low: Setting,
    high: Setting,
    dim: int | None = None,
) -> Bool[Tensor, "*axes"]:
    """Return the runs of frames with scores greater than `low` that exceed `high` somewhere.

    What `high` finds is found, with the quieter frames around it; what never gets that far is not.
    Numbers are compared in float64, as in the formats and in
    [`choose_thresholds`][seldkit.calibration.choose_thresholds].

    Args:
        scores: Probabilities or lengths, one time axis among any number of axes.
        low: What every frame of a run exceeds; a number, or several that broadcast to the scores,
            such as `[cls]`.
        high: What one frame of it exceeds, at least `low`.
        dim: Which axis is time; it must be said unless there is one axis.

    Raises:
        TypeError: If a threshold is no number.
        ValueError: If `low` exceeds `high`, a threshold is nan or does not broadcast to the scores,
            `dim` is no axis or missing, or a score is not finite.

    Examples:
        >>> scores = torch.tensor([0.5, 0.7, 0.4, 0.1, 0.5, 0.5])
        >>> hysteresis(scores, low=0.3, high=0.6)
        tensor([ True,  True,  True, False, False, False])
    """
    check_finite("scores", scores)
    dim = time_axis("scores", scores, dim)
    most, least = threshold_of("high", high, scores), threshold_of("low", low, scores)
    if (least > most).any():
        raise ValueError(f"low must not exceed high, got {low} and {high}")
    sustained, seed = scores.double() > least, scores.double() > most
    return sustained & (run_total(seed, number_runs(sustained, dim)) > 0)


def fill_gaps(
    activity: Bool[Tensor, "*axes"],
    max_frames: Setting,
    *,
    dim: int | None = None,
) -> Bool[Tensor, "*axes"]:
    """Fill the silences of up to `max_frames` frames between two active frames.

    Silence at the start or the end of the clip is no gap, however short.

    Args:
        activity: What is active, one time axis among any number of axes.
        max_frames: Length of the longest gap to fill; a number, or several that broadcast to the
            activity, such as `[cls]`. 0 leaves all as it is.
        dim: Which axis is time; it must be said unless there is one axis.

    Raises:
        TypeError: If the activity is not bool, or a length no whole number.
        ValueError: If a length is negative or does not broadcast to the activity, or `dim` is no
            axis or missing.

    Examples:
        >>> fill_gaps(torch.tensor([0, 1, 0, 1, 0, 0, 1, 0]).bool(), 1).int()
        tensor([0, 1, 1, 1, 0, 0, 1, 0], dtype=torch.int32)
    """
    check_bool(activity)
    dim = time_axis("activity", activity, dim)
    longest = frames_of("max_frames", max_frames, activity)
    if not activity.shape[dim]:
        return activity.clone()
    run = number_runs(activity, dim)
    first, last = run.narrow(dim, 0, 1), run.narrow(dim, run.shape[dim] - 1, 1)
    length = run_total(torch.ones_like(run), run)
    return activity | (length <= longest) & (run != first) & (run != last)


def drop_short(
    activity: Bool[Tensor, "*axes"],
    min_frames: Setting,
    *,
    dim: int | None = None,
) -> Bool[Tensor, "*axes"]:
    """Drop what is active for fewer than `min_frames` frames in a row.

    Args:
        activity: What is active, one time axis among any number of axes.
        min_frames: Length of the shortest run to keep; a number, or several that broadcast to the
            activity, such as `[cls]`. 1 leaves all as it is.
        dim: Which axis is time; it must be said unless there is one axis.

    Raises:
        TypeError: If the activity is not bool, or a length no whole number.
        ValueError: If a length is negative or does not broadcast to the activity, or `dim` is no
            axis or missing.

    Examples:
        >>> drop_short(torch.tensor([0, 1, 0, 1, 1, 0, 0, 1]).bool(), 2).int()
        tensor([0, 0, 0, 1, 1, 0, 0, 0], dtype=torch.int32)
    """
    check_bool(activity)
    dim = time_axis("activity", activity, dim)
    shortest = frames_of("min_frames", min_frames, activity)
    run = number_runs(activity, dim)
    return activity & (run_total(torch.ones_like(run), run) >= shortest)
