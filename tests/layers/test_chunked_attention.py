"""Attention in chunks: who sees whom, and what a stream of chunks makes."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import ChunkedAttention, ConformerBlock, RelativePositionAttention
from transforms import assert_compiles_and_exports

CONTEXTS = st.tuples(st.integers(0, 9), st.integers(0, 3))
POSITIONS = st.sampled_from(["exact", "shaw"])


def attention(context: tuple[int, int], positions: Any = "exact") -> ChunkedAttention:
    """Return a layer of double precision with biases."""
    layer = ChunkedAttention(
        8,
        context=context,
        num_heads=2,
        positions=positions,
        max_distance=3,
        dtype=torch.float64,
    )
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer.eval()


def sequence(time: int) -> Tensor:
    return torch.randn(2, time, 8, dtype=torch.float64)


def in_chunks(layer: nn.Module, x: Tensor, size: int) -> Tensor:
    """Return what steps of so many frames make."""
    state, parts = None, []
    for piece in x.split(size, dim=1):
        output, state = layer.step(piece, state)  # type: ignore[operator]
        parts.append(output)
    return torch.cat(parts, dim=1)


@settings(max_examples=40)
@given(CONTEXTS, POSITIONS, st.integers(1, 17), st.integers(1, 3))
def test_chunks_are_the_masked_whole_also_where_the_last_one_is_short(
    context: tuple[int, int], positions: str, time: int, chunks: int
) -> None:
    layer, x = attention(context, positions), sequence(time)
    torch.testing.assert_close(in_chunks(layer, x, chunks * layer.chunk), layer(x))


@settings(max_examples=40)
@given(CONTEXTS, st.integers(1, 14), st.data())
def test_each_frame_sees_its_chunk_and_the_past(
    context: tuple[int, int], time: int, data: st.DataObject
) -> None:
    layer, x = attention(context), sequence(time)
    frame = data.draw(st.integers(0, time - 1))
    changed = x.clone()
    changed[:, frame] += 1.0
    seen = (layer(changed) - layer(x)).abs().amax(dim=(0, 2)) > 1e-9
    chunk = context[1] + 1
    wanted = [0 <= i // chunk - frame // chunk <= context[0] // chunk for i in range(time)]
    assert seen.tolist() == wanted


@given(POSITIONS)
@settings(max_examples=4)
def test_a_context_beyond_the_clip_is_attention_without_one(positions: Any) -> None:
    layer, x = attention((0, 11), positions), sequence(12)
    whole = RelativePositionAttention(8, num_heads=2, positions=positions, max_distance=3).double()
    whole.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(x), whole(x))


def test_padding_is_not_attended_to() -> None:
    layer, x = attention((4, 1)), sequence(9)
    padding = torch.zeros(2, 9, dtype=torch.bool)
    padding[:, 6:] = True
    other = x.clone()
    other[:, 6:] = 7.0
    torch.testing.assert_close(layer(x, padding)[:, :6], layer(other, padding)[:, :6])


@settings(max_examples=20)
@given(CONTEXTS, st.integers(1, 15), st.integers(1, 5))
def test_a_conformer_of_chunks_never_changes_what_it_made(
    context: tuple[int, int], time: int, kernel_size: int
) -> None:
    block = ConformerBlock(8, context=context, kernel_size=kernel_size).double().eval()
    x, chunk = sequence(time), context[1] + 1
    whole = block(x)
    torch.testing.assert_close(in_chunks(block, x, chunk), whole, rtol=0, atol=1e-10)
    for end in range(chunk, time, chunk):
        torch.testing.assert_close(block(x[:, :end]), whole[:, :end])


def test_streams_of_a_batch_may_be_at_different_places() -> None:
    layer, x = attention((6, 1)), sequence(8)
    _, (keys, values, seen) = layer.step(x[:, :6])
    fresh = tuple(torch.zeros_like(part[:1]) for part in (keys, values, seen))
    old = keys[:1], values[:1], seen[:1]
    both: Any = tuple(torch.cat(pair) for pair in zip(old, fresh, strict=True))
    output, _ = layer.step(x[:1, 6:].expand(2, -1, -1), both)
    torch.testing.assert_close(output[0], layer(x)[0, 6:])
    torch.testing.assert_close(output[1:], layer(x[:1, 6:]))


def test_it_is_as_large_as_the_published_one() -> None:
    published: dict[str, Any] = {"num_heads": 8, "positions": "shaw", "qkv_bias": False}
    sizes: dict[str, Any] = {"kernel_size": 7, "feedforward": 2, "conv_expansion": 2}
    with torch.device("meta"):
        layer = ChunkedAttention(256, context=(100, 49), **published)
        block = ConformerBlock(
            256, attention=layer, context=(100, 49), depthwise_bias=True, **sizes
        )
    assert (layer.chunk, layer.past, block.step_size) == (50, 100, (50, 50))
    assert sum(p.numel() for p in block.parameters()) == 1_223_200 - 2 * 512
    assert ChunkedAttention(8, context=(499, 249)).past == 250


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_it_compiles_and_exports(training: bool) -> None:
    block = ConformerBlock(8, context=(4, 1), kernel_size=3, dropout=0.0).train(training)
    assert_compiles_and_exports(block, torch.randn(2, 6, 8))


def test_parameters_are_drawn_again() -> None:
    block = ConformerBlock(8, context=(4, 1))
    before = [p.clone() for p in block.parameters() if p.ndim > 1]
    block.reset_parameters()
    after = [p for p in block.parameters() if p.ndim > 1]
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert "context=(4, 1)" in repr(block)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"context must be frames before and behind, got \(4,\)"):
        ChunkedAttention(8, context=(4,))
    with pytest.raises(ValueError, match=r"context\[0\] must be at least 0, got -1"):
        ConformerBlock(8, context=(-1, 3))
    layer = attention((4, 3))
    _, state = layer.step(sequence(3))
    with pytest.raises(ValueError, match="x must not come after a part of a chunk of 4 frames"):
        layer.step(sequence(4), state)
    with pytest.raises(ValueError, match="x must have at least one frame in a step, got 0"):
        layer.step(sequence(0))
