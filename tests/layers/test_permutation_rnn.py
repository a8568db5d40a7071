"""Tracks that are a set: of a set of inputs, in any order, piece by piece."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from seldkit.layers import (
    PermutationInvariantCell,
    PermutationInvariantRNN,
    StepSize,
    StreamingStep,
    step_size,
    stream_step,
)
from seldkit.losses import vector_pit_loss
from transforms import assert_compiles_and_exports

KEYS = ["union", "inputs"]
SIZES = st.integers(1, 4)
quick = settings(max_examples=15)


def tracker(keys: Any = "union", tracks: int = 3, channels: int = 4) -> PermutationInvariantRNN:
    layer = PermutationInvariantRNN(channels, tracks, num_heads=2, keys=keys)
    return layer.double()


def random_inputs(*sizes: int, channels: int = 4) -> Tensor:
    return torch.randn(*sizes, channels, dtype=torch.float64)


@pytest.mark.parametrize("keys", KEYS)
def test_a_step_by_hand(keys: Any) -> None:
    cell = PermutationInvariantCell(4, num_heads=1, keys=keys).double()
    x, state = random_inputs(2), random_inputs(3)
    others = torch.cat((x, state)) if keys == "union" else x
    wanted = []
    for track in state:
        query = cell.query(track)
        scores = torch.stack([query @ cell.key(other) / 2 for other in others]).softmax(dim=0)
        brought = cell.output(sum(s * cell.value(o) for s, o in zip(scores, others, strict=True)))
        gate = torch.sigmoid(cell.update.weight @ torch.cat((brought, track)))
        new = torch.tanh(cell.candidate.weight @ brought)
        wanted.append((1 - gate) * track + gate * new)
    found = cell(x.unsqueeze(0), state.unsqueeze(0))
    torch.testing.assert_close(found[0], torch.stack(wanted))


def test_its_attention_is_that_of_torch() -> None:
    cell = PermutationInvariantCell(8, num_heads=4, keys="inputs")
    reference = nn.MultiheadAttention(8, 4, batch_first=True)
    of_three = (cell.query, cell.key, cell.value)
    reference.load_state_dict(
        {
            "in_proj_weight": torch.cat([layer.weight for layer in of_three]),
            "in_proj_bias": torch.cat([layer.bias for layer in of_three]),
            "out_proj.weight": cell.output.weight,
            "out_proj.bias": cell.output.bias,
        }
    )
    x, state = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    brought, _ = reference(state, x, x)
    gate = torch.sigmoid(cell.update(torch.cat((brought, state), dim=-1)))
    wanted = (1 - gate) * state + gate * cell.candidate(brought).tanh()
    torch.testing.assert_close(cell(x, state), wanted)


@pytest.mark.parametrize("keys", KEYS)
def test_the_layer_is_its_cell_in_turn(keys: Any) -> None:
    layer, x = tracker(keys), random_inputs(2, 5, 3)
    state, wanted = layer.start.expand(2, -1, -1), []
    for frame in x.unbind(1):
        state = layer.cell(frame, state)
        wanted.append(state)
    states, last = layer(x)
    torch.testing.assert_close(states, torch.stack(wanted, dim=1))
    assert torch.equal(last, states[:, -1])


@pytest.mark.parametrize("keys", KEYS)
@quick
@given(SIZES, SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_inputs_and_tracks_are_sets(
    keys: Any, time: int, inputs: int, tracks: int, seed: int
) -> None:
    layer = tracker(keys, tracks)
    generator = torch.Generator().manual_seed(seed)
    x, h0 = random_inputs(2, time, inputs), random_inputs(2, tracks)
    states, last = layer(x, h0)
    # Inputs of every frame in an order of its own.
    order = torch.rand(2, time, inputs, 1, generator=generator).argsort(dim=2)
    shuffled, _ = layer(x.take_along_dim(order, dim=2), h0)
    torch.testing.assert_close(shuffled, states)
    places = torch.randperm(tracks, generator=generator)
    moved, moved_last = layer(x, h0[:, places])
    torch.testing.assert_close(moved, states[:, :, places])
    torch.testing.assert_close(moved_last, last[:, places])


@pytest.mark.parametrize("keys", KEYS)
def test_equal_tracks_stay_equal_and_the_learned_ones_differ(keys: Any) -> None:
    layer, x = tracker(keys), random_inputs(2, 5, 3)
    states, _ = layer(x, random_inputs(2, 1).expand(2, 3, 4))
    torch.testing.assert_close(states, states[:, :, :1].expand_as(states))
    states, _ = layer(x)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (states[:, :, one] - states[:, :, other]).abs().max() > 1e-3


def test_a_track_that_finds_nothing_may_look_at_itself() -> None:
    # Of inputs alone the only one is taken by all tracks, of the union by none that is sure of
    # itself: here keys are what is there, and the query looks for the state.
    brought = {}
    keys: Any
    for keys in KEYS:
        layer = PermutationInvariantRNN(4, 2, num_heads=1, keys=keys).double()
        with torch.no_grad():
            for linear in (layer.cell.query, layer.cell.key):
                linear.weight.copy_(10 * torch.eye(4))
                linear.bias.zero_()
        h0 = torch.eye(4, dtype=torch.float64)[:2].unsqueeze(0)
        x = torch.eye(4, dtype=torch.float64)[3:].reshape(1, 1, 1, 4)
        near = layer(x, h0)[0]
        brought[keys] = (layer(-x, h0)[0] - near).abs().max()
    assert brought["union"] < 1e-6 < 1e-3 < brought["inputs"]


@settings(max_examples=10)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 3))
def test_pieces_give_what_the_whole_gives(pieces: list[int], batch: int) -> None:
    layer, x = tracker(), random_inputs(batch, sum(pieces), 2)
    whole, last = layer(x)
    state, streamed, found, made = None, None, [], []
    for piece in x.split(pieces, dim=1):
        states, state = layer(piece, state)
        found.append(states)
        states, streamed = stream_step(layer, piece, streamed)
        made.append(states)
    torch.testing.assert_close(torch.cat(found, dim=1), whole)
    torch.testing.assert_close(torch.cat(made, dim=1), whole)
    torch.testing.assert_close(state, last)
    assert step_size(layer) == StepSize()


def test_a_stream_begins_with_zeros() -> None:
    layer, x = tracker(), random_inputs(2, 6, 2)
    step = StreamingStep(layer, x[:, :1])
    state = step.start(2)
    assert [part.shape for part in state] == [(2, 3, 4)]
    made = []
    for piece in x.split(1, dim=1):
        output, *state = step(piece, *state)
        made.append(output)
    torch.testing.assert_close(torch.cat(made, dim=1), layer(x)[0])


@pytest.mark.parametrize("keys", KEYS)
def test_gradients(keys: Any) -> None:
    layer = tracker(keys, tracks=2)
    x, h0 = random_inputs(1, 2, 2).requires_grad_(), random_inputs(1, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x, h0), fast_mode=True)
    layer(x)[0].square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        silent = name == "cell.key.bias"  # it moves all scores of a query alike
        assert bool(parameter.grad.abs().max() > 1e-12) is not silent, name


def test_tracks_are_learned_of_shuffled_inputs() -> None:
    # Two sources cross the field; which input is whose changes from frame to frame.
    torch.manual_seed(1)
    layer, head = PermutationInvariantRNN(16, 2), nn.Linear(16, 3)
    embed = nn.Linear(3, 16)
    parameters = [*layer.parameters(), *head.parameters(), *embed.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-2)
    losses = []
    for _ in range(40):
        angle = torch.rand(8, 1, 2) * 6 + torch.linspace(0, 1, 6)[:, None] * torch.randn(8, 1, 2)
        target = torch.stack((angle.cos(), angle.sin(), 0 * angle), dim=-1)
        order = torch.rand(8, 6, 2, 1).argsort(dim=2)
        states, _ = layer(embed(target.take_along_dim(order, dim=2)))
        loss = vector_pit_loss(head(states), target, per="window", window=3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_half_precision() -> None:
    layer = PermutationInvariantRNN(8, 2)
    with torch.autocast("cpu", torch.bfloat16):
        states, last = layer(functional.relu(torch.randn(2, 4, 3, 8)))
    assert states.isfinite().all()
    (states.float().sum() + last.float().sum()).backward()
    half = PermutationInvariantRNN(8, 2).bfloat16()
    assert half(torch.randn(1, 2, 3, 8).bfloat16())[0].dtype == torch.bfloat16


@pytest.mark.transforms
def test_tracks_compile_and_export() -> None:
    layer, x = PermutationInvariantRNN(8, 2), torch.randn(1, 2, 2, 8)
    assert_compiles_and_exports(layer, x)


def test_sizes_names_and_repr() -> None:
    layer = PermutationInvariantRNN(128, 2)
    assert sum(p.numel() for p in layer.cell.parameters()) == 66_048 + 49_152
    pairs = [
        f"cell.{part}.{kind}"
        for part in ("query", "key", "value", "output")
        for kind in ("weight", "bias")
    ]
    assert set(layer.state_dict()) == {
        "start",
        *pairs,
        "cell.candidate.weight",
        "cell.update.weight",
    }
    assert "PermutationInvariantRNN(\n  128, 2, num_heads=4, keys='union'" in repr(layer)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 7.0)
    layer.reset_parameters()
    assert all(parameter.abs().max() <= 1 for parameter in layer.parameters())
    meta = PermutationInvariantRNN(8, 2, device=torch.device("meta"), dtype=torch.float64)
    assert all(p.is_meta and p.dtype == torch.float64 for p in meta.parameters())


@pytest.mark.messages
def test_messages() -> None:
    layer = PermutationInvariantRNN(8, 2)
    with pytest.raises(ValueError, match="channels must be a multiple of 4 heads, got 6"):
        PermutationInvariantRNN(6, 2)
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        PermutationInvariantRNN(8, 0)
    wrong: Any = "states"
    with pytest.raises(ValueError, match="keys must be one of 'union', 'inputs', got 'states'"):
        PermutationInvariantRNN(8, 2, keys=wrong)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, input, channel=8\), got shape"):
        layer(torch.zeros(2, 5, 3, 4))
    for shape in ((2, 0, 3, 8), (2, 5, 0, 8)):
        with pytest.raises(ValueError, match="x must have frames and inputs, got shape"):
            layer(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"h0 must be \(batch=2, track, channel=8\), got shape"):
        layer(torch.zeros(2, 5, 3, 8), torch.zeros(1, 2, 8))
    with pytest.raises(ValueError, match=r"state must be \(batch=2, track, channel=8\), got"):
        layer.cell(torch.zeros(2, 3, 8), torch.zeros(1, 2, 8))
    with pytest.raises(ValueError, match="x must hold at least one input, got shape"):
        layer.cell(torch.zeros(2, 0, 8), torch.zeros(2, 2, 8))
