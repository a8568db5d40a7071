"""Outputs are changed, taken apart and combined part by part."""

from typing import Any

import pytest
import torch

from seldkit import SELDOutput
from seldkit.outputs import apply, combine


@pytest.mark.parametrize("distance", [None, torch.rand(4, 2)])
def test_every_part_is_combined(distance: torch.Tensor | None) -> None:
    first = SELDOutput(torch.rand(4, 2, 5), torch.rand(4, 2, 3), distance)
    second = first.map(lambda x: x + 1)
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


@pytest.mark.parametrize("distance", [None, torch.rand(3, 4, 2)])
def test_a_function_is_mapped_over_every_part(distance: torch.Tensor | None) -> None:
    batch = SELDOutput(torch.rand(3, 4, 2, 5), torch.rand(3, 4, 2, 3), distance)
    half = batch.map(lambda x: x[:, :2])
    assert torch.equal(half.activity, batch.activity[:, :2])
    assert torch.equal(half.direction, batch.direction[:, :2])
    if half.distance is None or distance is None:
        assert half.distance is distance is None
    else:
        assert torch.equal(half.distance, distance[:, :2])


@pytest.mark.parametrize("distance", [None, torch.rand(3, 4, 2)])
def test_clips_of_a_batch_are_what_was_stacked(distance: torch.Tensor | None) -> None:
    batch = SELDOutput(torch.rand(3, 4, 2, 5), torch.rand(3, 4, 2, 3), distance)
    clips = list(batch.items())
    assert len(clips) == 3
    for number, clip in enumerate(clips):
        assert (clip.distance is None) == (distance is None)
        assert all(
            torch.equal(x, y[number])
            for x, y in zip(clip, batch, strict=True)
            if x is not None and y is not None
        )
    again = combine(torch.stack, clips)
    torch.testing.assert_close(again, batch, rtol=0, atol=0)
    assert list(batch.map(lambda x: x[:0]).items()) == []


def test_a_function_is_applied_to_outputs_of_every_format() -> None:
    tensor = torch.rand(4, 3)
    assert torch.equal(apply(torch.neg, tensor), -tensor)
    output = apply(torch.neg, SELDOutput(tensor, tensor + 1, tensor + 2))
    assert output.distance is not None
    assert torch.equal(output.distance, -tensor - 2)


@pytest.mark.messages
def test_what_cannot_be_one_output_is_refused() -> None:
    near = SELDOutput(torch.rand(4, 2, 5), torch.rand(4, 2, 3), torch.rand(4, 2))
    bare = near._replace(distance=None)
    for function in (torch.stack, torch.cat):
        with pytest.raises(ValueError, match="distance or none, but number 1 has one and number 0"):
            combine(function, [bare, near, bare])
        with pytest.raises(ValueError, match="distance or none, but number 0 has one and number 2"):
            combine(function, [near, near, bare])
    with pytest.raises(ValueError, match="outputs must hold at least one, got none"):
        combine(torch.stack, [])
    mixed: list[Any] = [near, near.activity]
    with pytest.raises(TypeError, match="number 0 is a SELDOutput and number 1 a Tensor"):
        combine(torch.stack, mixed)
    pair: Any = (near.activity, near.direction)
    with pytest.raises(TypeError, match="output must be a SELDOutput or a tensor, got tuple"):
        combine(torch.stack, [pair])
    with pytest.raises(TypeError, match="output must be a SELDOutput or a tensor, got tuple"):
        apply(torch.neg, pair)


@pytest.mark.transforms
@pytest.mark.parametrize("distance", [None, torch.rand(2, 4, 2)])
def test_parts_are_changed_in_compiled_code(distance: torch.Tensor | None) -> None:
    def halves(output: SELDOutput) -> SELDOutput:
        return combine(torch.stack, [clip.map(lambda x: x[:2]) for clip in output.items()])

    output = SELDOutput(torch.rand(2, 4, 2, 5), torch.rand(2, 4, 2, 3), distance)
    found = torch.compile(halves, fullgraph=True, backend="eager")(output)
    torch.testing.assert_close(found, halves(output), rtol=0, atol=0)
