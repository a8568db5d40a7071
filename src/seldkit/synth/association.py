"""Made matrices of distances and who belongs to whom in them, for the Hungarian network."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_count, integer
from seldkit._typing import Bool, Float, Int
from seldkit.assignment import exact_assignment
from seldkit.geometry import unit_vector

RESOLUTIONS_DEG = (1, 2, 3, 4, 5, 10, 15, 20, 30)
COUNTS = (3000, 5000, 15000)

ABSENT = 10.0
"""Each coordinate of what is not there."""


class AssignmentExamples(NamedTuple):
    """Distances of predicted to true directions, and the cheapest matching of those that are there.

    Attributes:
        distance: Of unit vectors, `example row col`; rows are predictions.
        association: 1 where row and column are matched, else 0, `example row col`.
    """

    distance: Tensor
    association: Tensor


def assignment_examples(
    num_tracks: int = 2,
    *,
    seed: int,
    counts: Sequence[int] = COUNTS,
    resolutions_deg: Sequence[int] = RESOLUTIONS_DEG,
) -> AssignmentExamples:
    """Return examples of all numbers of predictions and references, 405,000 of two tracks.

    Directions are drawn from grids of azimuth and elevation; on coarse ones many are equal. What is
    not there is (10, 10, 10) in half of the examples, as in
    [`dmot_loss`][seldkit.losses.dmot_loss], and anything from -100 to 100 but 10 in place of -1 to
    1 in the others. Then rows or columns are shuffled.

    Source: Adavanne et al., "Differentiable tracking-based training of deep learning sound source
    localizers", WASPAA 2021: resolutions, counts and fillers as its published code of the Hungarian
    network. That predictions are drawn as freely as references, that fillers are coordinates, and
    that one of rows and columns is shuffled, each as often, is our reading.

    Args:
        num_tracks: Most predictions and references, and size of the matrices.
        seed: Of all chance; same seed, same examples.
        counts: How many examples of each resolution and pair of numbers there are, where the
            smaller number is 0, 1, 2, ...; the last goes for all greater ones.
        resolutions_deg: Steps of the grids.

    Returns:
        Both tensors in float32, in order of resolution and numbers.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If one is below 1 (a count: 0), or there are none.

    Examples:
        >>> distance, association = assignment_examples(seed=0, counts=(10,))
        >>> distance.shape, association.sum(dim=(1, 2)).unique()
        (torch.Size([810, 2, 2]), tensor([0., 1., 2.]))
    """
    _check(num_tracks, counts, resolutions_deg)
    generator = torch.Generator().manual_seed(integer("seed", seed))
    step, rows, cols = _kinds(num_tracks, counts, resolutions_deg)
    fixed = torch.arange(len(step)) % 2 == 0
    preds, some_preds = _tracks(num_tracks, rows, step, fixed, generator)
    target, some_target = _tracks(num_tracks, cols, step, fixed, generator)
    distance = torch.linalg.vector_norm(preds.unsqueeze(2) - target.unsqueeze(1), dim=-1)
    both = some_preds.unsqueeze(2) & some_target.unsqueeze(1)
    association = exact_assignment(distance.masked_fill(~both, torch.nan), limit=4.0)
    turned = torch.rand(len(step), generator=generator) < 0.5
    order = torch.rand(len(step), num_tracks, generator=generator).argsort(dim=1)
    return AssignmentExamples(
        _shuffled(distance, order, turned), _shuffled(association, order, turned)
    )


def _check(num_tracks: int, counts: Sequence[int], resolutions_deg: Sequence[int]) -> None:
    check_count(num_tracks=num_tracks)
    if not len(counts) or not len(resolutions_deg):
        raise ValueError(
            f"counts and resolutions_deg must not be empty, got {counts!r} and {resolutions_deg!r}"
        )
    for i, resolution in enumerate(resolutions_deg):
        check_count(**{f"resolutions_deg[{i}]": resolution})
    for i, count in enumerate(counts):
        if integer(f"counts[{i}]", count) < 0:
            raise ValueError(f"counts[{i}] must be at least 0, got {count}")


def _kinds(
    num_tracks: int, counts: Sequence[int], resolutions_deg: Sequence[int]
) -> Int[Tensor, "kind=3 example"]:
    """Return the resolution, and how many predictions and references there are, of each example."""
    numbers = range(num_tracks + 1)
    kinds = list(product(resolutions_deg, numbers, numbers))
    each = [counts[min(*kind[1:], len(counts) - 1)] for kind in kinds]
    return torch.tensor(kinds).repeat_interleave(torch.tensor(each), dim=0).T


def _tracks(
    num_tracks: int,
    some: Int[Tensor, " example"],
    step: Int[Tensor, " example"],
    fixed: Bool[Tensor, " example"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "example track axis"], Bool[Tensor, "example track"]]:
    """Return directions, the first ones drawn and the others filled, and which are drawn."""
    size = len(step), num_tracks

    def drawn(span_deg: float, several: int) -> Tensor:
        values = span_deg // step + several  # how many there are
        place = torch.rand(size, generator=generator) * values.unsqueeze(1)
        return place.floor() * step.unsqueeze(1) - span_deg / 2

    direction = unit_vector(drawn(360, 0), drawn(180, 1)).float()
    filler = 200 * torch.rand(*size, 3, generator=generator) - 100
    filler = filler.masked_fill((filler.abs() <= 1) | fixed[:, None, None], ABSENT)
    there = torch.arange(num_tracks) < some.unsqueeze(1)
    return torch.where(there.unsqueeze(2), direction, filler), there


def _shuffled(
    x: Float[Tensor, "example row col"],
    order: Int[Tensor, "example track"],
    turned: Bool[Tensor, " example"],
) -> Float[Tensor, "example row col"]:
    """Return matrices whose rows stand in another order; of those that are turned, the columns."""
    rows = x.take_along_dim(order.unsqueeze(2), dim=1)
    cols = x.take_along_dim(order.unsqueeze(1), dim=2)
    return torch.where(turned[:, None, None], cols, rows)
