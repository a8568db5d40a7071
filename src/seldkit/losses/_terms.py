"""A term of a permutation-invariant loss: the error of each place of a track."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.losses._reduce import weighted_mean


class Term(NamedTuple):
    """What is predicted for the places of a track, and how much each of them counts.

    Attributes:
        preds: `(batch, time, track, cls)` or `(batch, time, track, cls, axis)`.
        target: Same shape.
        weight: How much each place of the target counts, `(batch, time, track, cls)`.
        error: Error of each place, from two tensors that are broadcast against each other.
    """

    preds: Tensor
    target: Tensor
    weight: Tensor
    error: Callable[[Tensor, Tensor], Tensor]

    def pairwise(self) -> Float[Tensor, "batch time track track"]:
        """Return the cost of matching each predicted track to each target track."""
        errors = self.error(self.preds.unsqueeze(3), self.target.unsqueeze(2))
        return (errors * self.weight.unsqueeze(2)).sum(dim=-1)

    def matched(self, index: Int[Tensor, "batch time track one"]) -> Float[Tensor, ""]:
        """Return the mean error of the predicted tracks, each matched to a target track.

        Computed afresh from the tracks, so that no gradient is kept for pairs that were not chosen.
        """
        weight = torch.take_along_dim(self.weight, index, dim=2)
        index = index.reshape(*index.shape[:3], *[1] * (self.target.ndim - 3))
        return weighted_mean(
            self.error(self.preds, torch.take_along_dim(self.target, index, dim=2)), weight
        )
