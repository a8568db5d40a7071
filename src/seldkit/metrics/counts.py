"""Counts: what the protocols keep of each clip, and all that the scores are computed from."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit.metrics.timeline import Timeline


class Counts(NamedTuple):
    """Counts of one or several clips, by published name.

    Attributes:
        by_class: What is counted class by class, `[clip, cls]`.
        overall: What knows no classes, or is counted apart over all of them, `[clip]`.
    """

    by_class: Mapping[str, Tensor]
    overall: Mapping[str, Tensor]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Counts":
        """Return what a function makes of each tensor."""
        return Counts(
            {name: function(count) for name, count in self.by_class.items()},
            {name: function(count) for name, count in self.overall.items()},
        )

    def total(self) -> "Counts":
        """Return the sums over all clips, `[cls]` and scalars."""
        return self.map(lambda count: count.sum(dim=0))

    def without_each(self) -> "Counts":
        """Return the sums over all clips but one, `[clip, cls]` and `[clip]`."""
        return self.map(lambda count: count.sum(dim=0) - count)

    def each_class(self) -> Mapping[str, Tensor]:
        """Return all counts for each class, `[..., cls]` or `[..., 1]` where none is known."""
        apart = {name: count.unsqueeze(-1) for name, count in self.overall.items()}
        return {**apart, **self.by_class}

    def together(self) -> Mapping[str, Tensor]:
        """Return all counts over all classes: those that know none, and the sums of the others."""
        sums = {name: count.sum(dim=-1) for name, count in self.by_class.items()}
        return {**sums, **self.overall}


def concatenate(counts: Sequence[Counts]) -> Counts:
    """Put the clips of several counts one after the other."""
    first = counts[0]
    return Counts(
        {name: torch.cat([each.by_class[name] for each in counts]) for name in first.by_class},
        {name: torch.cat([each.overall[name] for each in counts]) for name in first.overall},
    )


def per_clip(
    line: Timeline, by_class: Mapping[str, Tensor], by_block: Mapping[str, Tensor], **more: Tensor
) -> Counts:
    """Add up, clip by clip, what was counted along a line.

    Args:
        line: Clips laid end to end.
        by_class: What is counted class by class, `[segment]`, or `[cell]` where blocks are frames.
        by_block: What knows no classes, `[block]`.
        more: What is counted of clips already, `[clip]`.
    """
    return Counts(
        {name: line.by_class(values) for name, values in by_class.items()},
        {name: line.by_clip(values) for name, values in by_block.items()} | more,
    )


def error_kinds(
    false_positives: Tensor, false_negatives: Tensor, references: Tensor
) -> Mapping[str, Tensor]:
    """Return substitutions, deletions, insertions and references over all classes.

    Where there are false positives and false negatives at once, each pair of them is one
    substitution; false negatives that are left over are deletions, false positives insertions.

    Args:
        false_positives: Of all classes in each block or frame, `[block]`.
        false_negatives: The same.
        references: The same.
    """
    return {
        "S": torch.minimum(false_positives, false_negatives),
        "D": (false_negatives - false_positives).clamp(min=0),
        "I": (false_positives - false_negatives).clamp(min=0),
        "N": references,
    }
