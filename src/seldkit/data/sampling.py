"""Class-balanced sampling: which clips to draw more often, so that rare classes are heard."""

import math
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, check_number
from seldkit._typing import Float, Int
from seldkit.events import Events


def class_frames(clips: Iterable[Events], num_classes: int) -> Int[Tensor, "clip cls"]:
    """Return in how many frames of each clip each class sounds.

    A frame in which two sources of a class sound counts once.

    Args:
        clips: Events of each clip.
        num_classes: Number of classes.

    Raises:
        ValueError: If a clip has a class beyond `num_classes`.

    Examples:
        >>> clip = Events.from_degrees([0, 0, 0, 1], [0, 0, 2, 2], [0, 90, 30, 30], [0] * 4)
        >>> class_frames([clip], num_classes=3)
        tensor([[1, 0, 2]])
    """
    check_count(num_classes=num_classes)
    rows = [torch.zeros(0, num_classes, dtype=torch.int64)]
    for number, events in enumerate(clips):
        if (events.label >= num_classes).any():
            raise ValueError(
                f"clips must have classes below num_classes={num_classes}, got"
                f" {int(events.label.max())} in clip {number}"
            )
        cells = (events.frame * num_classes + events.label).unique()
        rows.append((cells % num_classes).bincount(minlength=num_classes).unsqueeze(0))
    return torch.cat(rows)


def clip_weights(
    clips: Iterable[Events],
    num_classes: int,
    *,
    beta: float = 1.0,
    effective: float | None = None,
    per: Literal["clip", "frame"] = "clip",
    empty: float = 1.0,
) -> Float[Tensor, " clip"]:
    """Return weights to draw clips by, so that classes are heard equally often.

    A clip weighs the sum, over the classes that it holds, of 1 / n^beta, where n is how much there
    is of the class in all clips. With `effective` the effective number of samples of Cui et al.
    takes the place of n: E = (1 - b^n) / (1 - b), which stays below 1 / (1 - b), because the
    thousandth clip of a class tells less that is new than the tenth.

    The weights are those of `torch.utils.data.WeightedRandomSampler`, whose generator carries the
    seed; they need not add up to 1. If no clip holds more than one class and beta is 1, each class
    is drawn equally often; where classes come together, the common ones still come more often. A
    class that never occurs weighs nothing.

    Args:
        clips: Events of each clip, or of each chunk of clips (`Events.window`).
        num_classes: Number of classes.
        beta: 0 counts the classes of a clip and ignores how common they are, 1 balances, more than
            1 prefers rare classes; not negative.
        effective: b, from 0 up to but not 1; 0 is beta=0, and near 1 E is n. None for n itself.
        per: Whether n counts the clips that hold the class, or the frames in which it sounds.
        empty: Weight of a clip without events, by the mean weight of the others. With 1, silence is
            drawn as often as without weights; with 0, never. Where all clips are empty, all weigh
            the same.

    Returns:
        A weight for each clip.

    Raises:
        TypeError: If an argument is no number.
        ValueError: If a clip has a class beyond `num_classes`, an argument is out of its range, or
            no clip would be drawn.

    Examples:
        >>> speech, both, silence = (
        ...     Events.from_degrees(range(len(label)), label, [0] * len(label), [0] * len(label))
        ...     for label in ([0, 0], [0, 1], [])
        ... )
        >>> weights = clip_weights([speech, both, silence], num_classes=2)
        >>> weights
        tensor([0.5000, 1.5000, 1.0000], dtype=torch.float64)
        >>> sampler = torch.utils.data.WeightedRandomSampler(
        ...     weights.tolist(), num_samples=3, generator=torch.Generator().manual_seed(0)
        ... )

    Source: effective numbers from Cui et al., "Class-balanced loss based on effective number of
    samples", CVPR 2019, equation 2.
    """
    check_choice("per", per, ("clip", "frame"))
    for name, value in {"beta": beta, "empty": empty}.items():
        check_number(**{name: value})
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {value}")
    if effective is not None:
        check_number(effective=effective)
        if not 0 <= effective < 1:
            raise ValueError(f"effective must be None or lie in 0 <= b < 1, got {effective}")
    frames = class_frames(clips, num_classes)
    holds = frames > 0
    count = (holds if per == "clip" else frames).sum(dim=0).double()
    if effective is not None:
        # 1 - b^n without loss of digits where b is nearly 1.
        log_b = torch.tensor(effective, dtype=torch.float64).log()
        count = -torch.expm1(count * log_b) / (1 - effective)
    rarity = torch.where(holds.any(dim=0), count**-beta, 0.0)
    weights = holds.double() @ rarity
    silent = ~holds.any(dim=1)
    usual = 1.0 if silent.all() else float(weights[~silent].mean())
    weights = torch.where(silent, empty * usual, weights)
    if len(weights) and not (weights.isfinite().all() and weights.any()):
        raise ValueError(
            f"beta={beta} and empty={empty} must leave weights that are finite and not all zero"
        )
    return weights
