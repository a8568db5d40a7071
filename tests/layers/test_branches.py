"""Branches run in step, stitched where they should be; tracks run side by side."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seldkit.layers import SharedBranch, StitchedBranches, TrackEncoders


class Step(nn.Module):
    """A stage that does what it is told."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return the function of the input."""
        return self.function(x)


class Swap(nn.Module):
    """A stitch that is easy to see."""

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Return the branches exchanged."""
        return b, a


def add(n: int) -> Step:
    """Return a stage that adds a number."""
    return Step(lambda x: x + n)


def times(n: int) -> Step:
    """Return a stage that multiplies by a number."""
    return Step(lambda x: x * n)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([], (11 * 2, 24 * 10)),
        ([0], (24 * 2, 11 * 10)),
        ([1], (24 * 10, 11 * 2)),
        ([1, 0], (11 * 10, 24 * 2)),
    ],
)
def test_stages_run_in_order_with_stitches_between(
    after: list[int], expected: tuple[int, int]
) -> None:
    stages_a, stages_b = [add(10), times(2)], [add(20), times(10)]
    branches = StitchedBranches(stages_a, stages_b, {stage: Swap() for stage in after})
    a, b = branches(torch.tensor([1.0]), torch.tensor([4.0]))
    assert (a.item(), b.item()) == expected


def test_branches_without_stitches_share_nothing() -> None:
    branches = StitchedBranches([nn.Linear(2, 2)], [nn.Linear(2, 2)])
    a, b = torch.randn(2, 3, 2).requires_grad_().unbind()
    (grad,) = torch.autograd.grad(branches(a, b)[0].sum(), b, allow_unused=True)
    assert grad is None


def test_stitches_are_named_by_their_stage() -> None:
    stitches = {2: nn.Bilinear(1, 1, 1), 0: nn.Bilinear(1, 1, 1)}
    branches = StitchedBranches([nn.Identity()] * 3, [nn.Identity()] * 3, stitches)
    assert list(branches.stitches) == ["0", "2"]


def test_a_shared_branch_reads_the_second_input() -> None:
    branch = SharedBranch([add(1), times(3)])
    a, b = branch(torch.tensor([100.0]), torch.tensor([2.0]))
    assert torch.equal(a, b)
    assert a.item() == 9


def test_every_track_has_its_encoder() -> None:
    x = torch.randn(2, 5, 4)
    encoders = [add(1), times(2), add(3)]
    tracks = TrackEncoders(encoders)(x)
    assert tracks.shape == (2, 5, 3, 4)
    for track, encoder in enumerate(encoders):
        assert torch.equal(tracks[:, :, track], encoder(x))


@pytest.mark.messages
def test_messages() -> None:
    stage = nn.Identity()
    with pytest.raises(ValueError, match="both branches must have as many stages, got 1 and 2"):
        StitchedBranches([stage], [stage, stage])
    for wrong in (1, -1):
        with pytest.raises(ValueError, match=rf"stitches must follow stages 0..0, got \[{wrong}\]"):
            StitchedBranches([stage], [stage], {wrong: Swap()})
    with pytest.raises(ValueError, match="encoders must hold one module for each track, got none"):
        TrackEncoders([])
