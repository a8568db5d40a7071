"""What whole tracks say: switches, gaps, and who is whom over a clip."""

from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Int
from seldkit.geometry import within
from seldkit.metrics.timeline import number
from seldkit.metrics.tracking.clip import Side

_MOSTLY, _HARDLY = 0.8, 0.2


class Trail(NamedTuple):
    """How the references of a clip were followed.

    Attributes:
        fragmentations: How often one is lost and found again.
        mostly_tracked: How many are found in at least 80 % of their frames.
        mostly_lost: How many are found in less than 20 %.
    """

    fragmentations: Tensor
    mostly_tracked: Tensor
    mostly_lost: Tensor


def follow(reference: Side, matched: Bool[Tensor, " row"]) -> Trail:
    """Return how the references were followed, of which these rows are matched."""
    order = _by_track(reference.track, reference.cell)
    track, found = reference.track[order], matched[order]
    before = torch.zeros_like(found)
    before[1:] = found[:-1] & (track[1:] == track[:-1])
    starts = track[found & ~before].bincount(minlength=reference.num_tracks)
    frames = track.bincount(minlength=reference.num_tracks)
    share = track[found].bincount(minlength=reference.num_tracks).double() / frames
    return Trail(
        (starts - 1).clamp(min=0).sum(),
        within(_MOSTLY, share).sum(),
        (~within(_HARDLY, share)).sum(),
    )


def count_switches(
    cell: Int[Tensor, " match"],
    reference: Int[Tensor, " match"],
    prediction: Int[Tensor, " match"],
) -> Tensor:
    """Return how often a reference is matched by another track than the time before.

    Examples:
        >>> cell, prediction = torch.tensor([[0, 3, 4, 6], [7, 7, 8, 7]])
        >>> count_switches(cell, torch.zeros_like(cell), prediction)
        tensor(2)
    """
    order = _by_track(reference, cell)
    reference, prediction = reference[order], prediction[order]
    return ((reference.diff() == 0) & (prediction.diff() != 0)).sum()


def count_births(side: Side, frame: Int[Tensor, " cell"]) -> Tensor:
    """Return how often a track is there and was not in the frame before, but in frame 0."""
    when = frame[side.cell]
    order = _by_track(side.track, when)
    track, when = side.track[order], when[order]
    goes_on = torch.zeros_like(track, dtype=torch.bool)
    goes_on[1:] = (track.diff() == 0) & (when.diff() == 1)
    return (~goes_on & (when > 0)).sum()


def identity_matches(
    reference: Int[Tensor, " pair"], prediction: Int[Tensor, " pair"]
) -> Tensor | int:
    """Return how many pairs are of tracks that belong together, if each has one partner at most.

    Examples:
        >>> identity_matches(torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 1, 1, 1]))
        tensor(4)
    """
    if not len(reference):
        return 0
    from scipy.optimize import linear_sum_assignment

    (rows, (row,)), (cols, (col,)) = number(reference), number(prediction)
    together = (row * len(cols) + col).bincount(minlength=len(rows) * len(cols))
    table = together.reshape(len(rows), len(cols))
    best = linear_sum_assignment(table.numpy(), maximize=True)
    return table[best].sum()


def _by_track(track: Int[Tensor, " row"], time: Int[Tensor, " row"]) -> Int[Tensor, " row"]:
    """Return the order of rows by track, then by time."""
    order = time.argsort(stable=True)
    return order[track[order].argsort(stable=True)]
