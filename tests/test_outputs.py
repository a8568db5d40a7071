"""Outputs are combined part by part."""

import pytest
import torch

from seldkit import SELDOutput
from seldkit.outputs import combine


@pytest.mark.parametrize("distance", [None, torch.rand(4, 2)])
def test_every_part_is_combined(distance: torch.Tensor | None) -> None:
    first = SELDOutput(torch.rand(4, 2, 5), torch.rand(4, 2, 3), distance)
    second = SELDOutput(*(None if part is None else part + 1 for part in first))  # type: ignore[arg-type]
    both = combine(torch.cat, [first, second])
    for part, a, b in zip(both, first, second, strict=True):
        if part is None or a is None or b is None:
            assert part is a is b is None
        else:
            assert torch.equal(part, torch.cat([a, b]))


def test_plain_tensors_are_combined() -> None:
    tensors = [torch.rand(4, 3, 5) for _ in range(2)]
    assert torch.equal(combine(torch.stack, tensors), torch.stack(tensors))


def test_an_output_is_a_tuple_with_names() -> None:
    activity, direction = torch.rand(4, 2, 5), torch.rand(4, 2, 3)
    output = SELDOutput(activity, direction)
    assert output.distance is None
    assert output[0] is activity
    assert output[1] is direction
