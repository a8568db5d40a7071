"""Self-attention with relative positions, against the formulas written out pair by pair."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.layers import RelativePositionAttention
from transforms import assert_compiles_and_exports

SCHEMES = ["exact", "shift", "shaw"]


def attention(channels: int = 12, **arguments: Any) -> RelativePositionAttention:
    """Return a layer of double precision whose biases are not zero."""
    sizes: dict[str, Any] = {"num_heads": 3, "max_distance": 2, "dtype": torch.float64}
    layer = RelativePositionAttention(channels, **(sizes | arguments))
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return layer.eval()


def sequence(batch: int, time: int, channels: int = 12) -> Tensor:
    """Return noise."""
    return torch.randn(batch, time, channels, dtype=torch.float64)


def sinusoid(place: int, channels: int) -> Tensor:
    """Return the sines and cosines of one place."""
    phases = [place / 10000 ** (2 * (c // 2) / channels) for c in range(channels)]
    values = [math.cos(p) if c % 2 else math.sin(p) for c, p in enumerate(phases)]
    return torch.tensor(values, dtype=torch.float64)


def position_score(layer: RelativePositionAttention, query: Tensor, head: int, pair: Any) -> Tensor:
    """Return the position term of frames i and j from `query[frame]` of a head."""
    (i, j), time, width = pair, len(query), query.shape[1]
    rows = slice(head * width, (head + 1) * width)

    def score(frame: int, place: int) -> Tensor:
        relative = layer.position.weight[rows] @ sinusoid(place, layer.channels)
        return (query[frame] + layer.position_bias[head]) @ relative

    if layer.positions == "shaw":
        far = layer.max_distance
        return query[i] @ layer.distance.weight[min(max(i - j, -far), far) + far]
    if layer.positions == "exact":
        return score(i, i - j)
    if j == i + 1:
        return torch.zeros((), dtype=torch.float64)
    return score(i, time - 1 - (i - j)) if j <= i else score(i + 1, j - i - 2)


def written_out(layer: RelativePositionAttention, x: Tensor) -> Tensor:
    """Return the attention of one sequence `[time, channel]`, one pair of frames after another."""
    time, width = len(x), layer.channels // layer.num_heads
    heads = []
    for head in range(layer.num_heads):
        rows = slice(head * width, (head + 1) * width)
        query, key, value = (
            torch.nn.functional.linear(
                x, part.weight[rows], None if part.bias is None else part.bias[rows]
            )
            for part in (layer.query, layer.key, layer.value)
        )
        scores = torch.empty(time, time, dtype=x.dtype)
        for i in range(time):
            asks = query[i] if layer.positions == "shaw" else query[i] + layer.content_bias[head]
            for j in range(time):
                scores[i, j] = asks @ key[j] + position_score(layer, query, head, (i, j))
        scores /= math.sqrt(layer.channels if layer.scale == "model" else width)
        heads.append(scores.softmax(dim=1) @ value)
    output: Tensor = layer.output(torch.cat(heads, dim=1))
    return output


@pytest.mark.parametrize("time", [1, 2, 7])
@pytest.mark.parametrize("scale", ["head", "model"])
@pytest.mark.parametrize("positions", SCHEMES)
def test_every_pair_is_scored_as_the_formula_says(positions: Any, scale: Any, time: int) -> None:
    layer = attention(positions=positions, scale=scale, qkv_bias=time > 1)
    x = sequence(1, time)
    with torch.no_grad():
        torch.testing.assert_close(layer(x)[0], written_out(layer, x[0]))


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(0, 5), st.integers(0, 5), st.sampled_from(SCHEMES))
def test_padding_changes_nothing_whatever_it_holds(
    time: int, before: int, after: int, positions: Any
) -> None:
    layer, x = attention(positions=positions), sequence(2, time)
    longer = sequence(2, before + time + after)  # what is padding may hold anything
    longer[:, before : before + time] = x
    padding = torch.ones(longer.shape[:2], dtype=torch.bool)
    padding[:, before : before + time] = False
    with torch.no_grad():
        inside = layer(longer, padding)[:, before : before + time]
        torch.testing.assert_close(inside, layer(x))


@pytest.mark.parametrize("positions", SCHEMES)
def test_items_of_many_lengths_are_what_each_is_alone(positions: Any) -> None:
    layer, x = attention(positions=positions), sequence(4, 7)
    lengths = [7, 5, 1, 0]
    padding = torch.arange(7) >= torch.tensor(lengths)[:, None]
    x.requires_grad_()
    together = layer(x, padding)
    for item, length in enumerate(lengths):
        if length:
            alone = layer(x[item : item + 1, :length])
            torch.testing.assert_close(together[item : item + 1, :length], alone)
    together[~padding].sum().backward()  # also with an item that is padding alone
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert (x.grad[padding] == 0).all()


def test_the_published_shift_depends_on_the_number_of_frames() -> None:
    layer, x = attention(positions="shift"), sequence(1, 6)
    with torch.no_grad():
        assert not torch.allclose(layer(x.repeat(1, 2, 1))[:, :6], layer(x))


@pytest.mark.parametrize("positions", SCHEMES)
def test_clips_of_a_batch_are_strangers(positions: Any) -> None:
    layer, x = attention(positions=positions), sequence(4, 5)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        torch.testing.assert_close(layer(x[order]), layer(x)[order])
        torch.testing.assert_close(layer(x[1:2]), layer(x)[1:2])


@pytest.mark.parametrize("positions", SCHEMES)
def test_order_is_seen(positions: Any) -> None:
    layer, x = attention(positions=positions), sequence(1, 5)
    with torch.no_grad():
        assert not torch.allclose(layer(x.flip(1)).flip(1), layer(x))


@pytest.mark.parametrize("positions", SCHEMES)
def test_gradients(positions: Any) -> None:
    layer = attention(4, num_heads=2, positions=positions)
    names = [name for name, _ in layer.named_parameters()]

    def attend(x: Tensor, *weights: Tensor) -> Tensor:
        output: Tensor = torch.func.functional_call(
            layer, dict(zip(names, weights, strict=True)), x
        )
        return output

    x = sequence(1, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(attend, (x, *layer.parameters()))
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None
        # A bias of all keys shifts all scores of a query alike.
        assert bool(parameter.grad.abs().max() > 1e-12) == (name != "key.bias"), name


def test_dropout_falls_on_weights_in_training_only() -> None:
    layer, x = attention(dropout=0.5), sequence(1, 6)
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("positions", SCHEMES)
def test_half_precision(positions: Any) -> None:
    layer = RelativePositionAttention(16, num_heads=2, positions=positions)
    x = torch.randn(2, 9, 16)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x), rtol=0, atol=0.05)
    assert layer.bfloat16()(x.bfloat16()).isfinite().all()


@pytest.mark.transforms
@pytest.mark.parametrize("positions", SCHEMES)
def test_it_compiles_and_exports(positions: Any) -> None:
    layer = RelativePositionAttention(8, num_heads=2, positions=positions).eval()
    assert_compiles_and_exports(layer, torch.randn(2, 5, 8))


def test_names_start_values_and_repr() -> None:
    layer = RelativePositionAttention(64, num_heads=4)
    assert set(layer.state_dict()) == {
        *(f"{part}.weight" for part in ("query", "key", "value", "output")),
        *(f"{part}.bias" for part in ("query", "key", "value", "output")),
        "position.weight",
        "content_bias",
        "position_bias",
    }
    assert (layer.query.bias == 0).all()
    assert layer.query.weight.abs().max() <= math.sqrt(6 / 128)
    shaw = RelativePositionAttention(64, positions="shaw", qkv_bias=False)
    assert set(shaw.state_dict()) == {
        *(f"{part}.weight" for part in ("query", "key", "value", "output", "distance")),
        "output.bias",
    }
    assert shaw.distance.weight.shape == (1025, 16)
    assert "64, num_heads=4, dropout=0.0, positions='exact', scale='head'" in repr(layer)
    meta = RelativePositionAttention(8, device=torch.device("meta"), dtype=torch.float64)
    assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be a multiple of 4 heads, got 6"):
        RelativePositionAttention(6)
    with pytest.raises(ValueError, match="channels must be even where there are sinusoids, got 9"):
        RelativePositionAttention(9, num_heads=3)
    with pytest.raises(ValueError, match="num_heads must be at least 1, got 0"):
        RelativePositionAttention(8, num_heads=0)
    with pytest.raises(ValueError, match="positions must be one of 'exact', 'shift', 'shaw'"):
        RelativePositionAttention(8, positions="absolute")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scale must be one of 'head', 'model', got 'none'"):
        RelativePositionAttention(8, scale="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1"):
        RelativePositionAttention(8, dropout=1)
    layer = RelativePositionAttention(8)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=8\), got shape"):
        layer(torch.zeros(1, 8, 5))
    with pytest.raises(ValueError, match="x must not be empty along time"):
        layer(torch.zeros(1, 0, 8))
    with pytest.raises(ValueError, match=r"padding must be \(batch=2, time=5\), got shape \(5,\)"):
        layer(torch.zeros(2, 5, 8), torch.zeros(5, dtype=torch.bool))
