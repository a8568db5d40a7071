"""Losses read what they are given, in whatever order its numbers lie in memory."""

import pytest
import torch
from torch import Tensor

from losses.every_loss import CASES, NAMES, Case


def time_last(x: Tensor) -> Tensor:
    """Return the same numbers as a convolution over time leaves them: frames side by side."""
    return x.movedim(1, -1).clone(memory_format=torch.contiguous_format).movedim(-1, 1)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize(("batch", "time"), [(1, 400), (2, 3)])
def test_what_is_given_stays_as_it_is(case: Case, batch: int, time: int) -> None:
    preds, target = ([x.float() for x in side] for side in case.random(0, batch, time))
    found = []
    for ordered in (torch.clone, time_last):
        roots = [ordered(x).requires_grad_() for x in preds]
        # No leaves: as the output of a layer, of which a view is not.
        loss = case.loss([1 * x for x in roots], [ordered(x) for x in target], None)
        loss.sum().backward()
        found.append([loss.detach(), *(x.grad for x in roots)])
    torch.testing.assert_close(*found)
    with torch.no_grad():
        given = [time_last(x) for x in (*preds, *target)]
        sides = given[: len(preds)], given[len(preds) :]
        torch.testing.assert_close(case.loss(*sides, None), found[0][0])
    for x, y in zip(given, (*preds, *target), strict=True):
        assert torch.equal(x, y)
