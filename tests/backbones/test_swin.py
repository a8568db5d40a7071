"""The layers of the Swin transformer, one by one."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seldkit.backbones.swin import (
    PatchEmbedding,
    PatchMerging,
    StochasticDepth,
    SwinBlock,
    WindowAttention,
)
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]


def attend(attention: WindowAttention, x: Tensor) -> Tensor:
    """Return the attention of one item, patch by patch as the paper tells it."""
    n, shift, heads = attention.window, attention.shift, attention.num_heads
    height, width, channels = x.shape
    query, key, value = attention.qkv(x).unflatten(2, (3, heads, -1)).unbind(2)
    table = attention.relative_position_bias_table.unflatten(0, (2 * n - 1, 2 * n - 1))
    out = torch.zeros(height, width, channels)
    for y in range(height):
        for z in range(width):
            # Windows begin at the shift; what is cut off above and left is a window of its own.
            rows = [r for r in range(height) if (r - shift) // n == (y - shift) // n]
            cols = [c for c in range(width) if (c - shift) // n == (z - shift) // n]
            places = [(r, c) for r in rows for c in cols]
            scores = torch.stack(
                [
                    (query[y, z] * key[r, c]).sum(-1) * (channels // heads) ** -0.5
                    + table[y - r + n - 1, z - c + n - 1]
                    for r, c in places
                ]
            ).softmax(dim=0)
            values = torch.stack([value[r, c] for r, c in places])
            out[y, z] = (scores.unsqueeze(2) * values).sum(dim=0).flatten()
    return attention.proj(out)  # type: ignore[no-any-return]


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(("height", "width"), [(3, 3), (6, 9)])
def test_attention_by_hand(shift: int, height: int, width: int) -> None:
    attention = WindowAttention(8, num_heads=2, window=3, shift=shift)
    torch.nn.init.normal_(attention.relative_position_bias_table)
    x = torch.randn(2, height, width, 8)
    with torch.no_grad():
        y = attention(x)
        wanted = torch.stack([attend(attention, item) for item in x])
    torch.testing.assert_close(y, wanted, rtol=1e-4, atol=1e-5)


def test_places_and_masks_equal_the_published_tables(golden: Golden) -> None:
    tables = load_file(golden("einv2/pseld_seddoa_htsat.safetensors"))
    attention = WindowAttention(4, num_heads=1, window=8, shift=4)
    name = "encoder.layers.0.blocks.1"
    with torch.no_grad():
        attention.relative_position_bias_table.copy_(torch.arange(225.0).unsqueeze(1))
    index = tables[f"{name}.attn.relative_position_index"]
    assert torch.equal(attention._place_bias()[0], index.float())
    apart = attention._apart(64, 64, index.device).squeeze(1)
    assert torch.equal(apart, tables[f"{name}.attn_mask"] != 0)


def test_stochastic_depth_drops_whole_items_and_keeps_the_mean() -> None:
    drop, x = StochasticDepth(0.25), torch.ones(4000, 2, 1, 3)
    assert drop.eval()(x) is x
    y = drop.train()(x)
    assert {round(v, 4) for v in y.unique().tolist()} == {0, 1.3333}
    assert (y.flatten(1).amin(dim=1) == y.flatten(1).amax(dim=1)).all()
    assert abs(y.mean().item() - 1) < 0.05
    assert "0.25" in repr(drop)


def test_a_block_whose_branches_are_dropped_is_the_identity() -> None:
    block = SwinBlock(8, num_heads=2, window=2, shift=1, drop_path=1 - 1e-9)
    x = torch.randn(1, 4, 4, 8)
    assert torch.equal(block.train()(x), x)
    assert not torch.equal(block.eval()(x), x)


def test_patches() -> None:
    x = torch.randn(1, 2, 8, 12)
    embedding = PatchEmbedding(2, 6, patch=4)
    y = embedding(x)
    assert y.shape == (1, 6, 2, 3)
    vector = torch.einsum("ocij,cij->o", embedding.proj.weight, x[0, :, 4:, 8:])
    assert embedding.proj.bias is not None
    wanted = embedding.norm(vector + embedding.proj.bias)
    torch.testing.assert_close(y[0, :, 1, 2], wanted, rtol=1e-4, atol=1e-5)


def test_merging_reads_four_patches_column_by_column() -> None:
    merging, x = PatchMerging(3), torch.randn(1, 4, 6, 3)
    y = merging(x)
    assert y.shape == (1, 2, 3, 6)
    four = torch.cat([x[0, 2, 4], x[0, 3, 4], x[0, 2, 5], x[0, 3, 5]])
    torch.testing.assert_close(y[0, 1, 2], merging.reduction(merging.norm(four)))


@pytest.mark.transforms
def test_attention_compiles_and_exports() -> None:
    attention = WindowAttention(8, num_heads=2, window=2, shift=1).eval()
    assert_compiles_and_exports(attention, torch.randn(1, 4, 4, 8))
