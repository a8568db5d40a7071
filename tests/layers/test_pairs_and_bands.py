"""What reads pairs of microphones and bins of spectra, each by one network for all."""

from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seldkit.layers import FullNarrowBand, LongShortTermMemory, OverPairs
from transforms import assert_compiles_and_exports


@pytest.mark.parametrize("bidirectional", [True, False])
def test_it_is_the_lstm_of_torch(bidirectional: bool) -> None:
    ours = LongShortTermMemory(3, 5, bidirectional=bidirectional)
    theirs = nn.LSTM(3, 5, batch_first=True, bidirectional=bidirectional)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 7, 3)
    assert torch.equal(ours(x), theirs(x)[0])


def test_an_lstm_goes_on_from_where_it_stopped() -> None:
    lstm, x = LongShortTermMemory(3, 5, bidirectional=False), torch.randn(2, 7, 3)
    first, state = lstm.step(x[:, :4])
    second, _ = lstm.step(x[:, 4:], state)  # type: ignore[arg-type]
    torch.testing.assert_close(torch.cat((first, second), dim=1), lstm(x))
    with pytest.raises(ValueError, match="LongShortTermMemory cannot stream: it reads from the"):
        _ = LongShortTermMemory(3, 5).step_size


@settings(max_examples=20)
@given(st.sampled_from([*permutations(range(4), 2)]), st.integers(1, 3))
def test_each_pair_is_read_alone(pair: tuple[int, int], groups: int) -> None:
    network = nn.Conv2d(2 * groups, 3, 1)
    features = torch.randn(2, groups * 4, 5, 6)
    several = OverPairs(network, 4, num_groups=groups, pairs=[(2, 0), pair])(features)
    parts = features.unflatten(1, (groups, 4))[:, :, list(pair)].flatten(1, 2)
    torch.testing.assert_close(several[:, 1], network(parts))
    default = OverPairs(network, 4, num_groups=groups)
    assert default.pairs == ((0, 1), (0, 2), (0, 3))
    assert default(features).shape == (2, 3, 3, 5, 6)
    assert set(default.state_dict()) == {"network.weight", "network.bias"}


def block(**more: object) -> FullNarrowBand:
    """Return a small block."""
    return FullNarrowBand(3, 8, 2, **more)  # type: ignore[arg-type]


def test_frames_meet_in_the_narrow_band_and_bins_in_the_full_band() -> None:
    layer, x, beside = block(), torch.randn(2, 6, 5, 3), torch.randn(2, 6, 5, 2)
    narrow, full = layer(x, beside)
    later = x.clone()
    later[:, 4:] = torch.nan
    for now, was in zip(layer(later, beside), (narrow, full), strict=True):
        torch.testing.assert_close(now[:, :4], was[:, :4])  # no frame sees a later one
    turned, turned_full = layer(x.flip(1), beside.flip(1))
    torch.testing.assert_close(turned_full.flip(1), full)  # the full band stays in its frame
    assert not torch.allclose(turned.flip(1), narrow)
    other = beside.clone()
    other[:, :, 2] += 1
    changed = (layer(x, other)[0] != narrow).any(dim=3).any(dim=0).any(dim=0)
    assert changed.tolist() == [False, False, True, False, False]  # bins meet in the full band


def test_bins_turned_around_change_the_halves_of_the_full_band() -> None:
    layer, x, beside = block(), torch.randn(1, 2, 5, 3), torch.zeros(1, 2, 5, 2)
    with torch.no_grad():
        for name, weight in layer.full.named_parameters():
            if name.endswith("_reverse"):
                weight.copy_(dict(layer.full.named_parameters())[name.removesuffix("_reverse")])
    forward, backward = layer(x, beside)[1].chunk(2, dim=3)
    turned = layer(x.flip(2), beside)[1].flip(2)
    torch.testing.assert_close(turned, torch.cat((backward, forward), dim=3))


def test_a_block_streams_if_it_is_causal() -> None:
    layer, x, beside = block(dropout=0.5).eval(), torch.randn(2, 6, 5, 3), torch.randn(2, 6, 5, 2)
    state, made = None, []
    for piece in zip(x.split([1, 3, 2], dim=1), beside.split([1, 3, 2], dim=1), strict=True):
        narrow, _, state = layer.step(*piece, state)
        made.append(narrow)
    torch.testing.assert_close(torch.cat(made, dim=1), layer(x, beside)[0])
    with pytest.raises(ValueError, match="FullNarrowBand cannot stream: it is not causal"):
        _ = block(causal=False).step_size


def test_adding_is_for_as_many_channels() -> None:
    layer = FullNarrowBand(3, 8, 8, join="add", causal=False)
    assert layer(torch.randn(1, 4, 5, 3), torch.randn(1, 4, 5, 8))[0].shape == (1, 4, 5, 8)
    for beside, message in ((2, "beside must be 8 channels to be added, got 2"), (7, "got 7")):
        with pytest.raises(ValueError, match=message):
            FullNarrowBand(3, 8, beside, join="add")
    with pytest.raises(ValueError, match="channels must be even, got 7"):
        FullNarrowBand(3, 7, 2)
    with pytest.raises(ValueError, match=r"beside must be \(batch=1, time=4, freq=5, channel=2\)"):
        block()(torch.zeros(1, 4, 5, 3), torch.zeros(1, 4, 5, 3))


@pytest.mark.transforms
def test_a_block_compiles_and_exports() -> None:
    inputs = torch.randn(1, 2, 3, 3), torch.randn(1, 2, 3, 2)
    module = block()
    assert_compiles_and_exports(module, *inputs)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    gradients = []
    for each in (module, compiled):
        module.zero_grad()
        each(*inputs)[0].square().mean().backward()
        gradients.append([p.grad for p in module.parameters()])
    torch.testing.assert_close(*gradients)


@pytest.mark.messages
def test_messages_of_pairs() -> None:
    for arguments, message in (
        ({"num_microphones": 1}, "pairs need at least 2 channels, got 1"),
        ({"num_microphones": 2, "pairs": [(0, 2)]}, "pairs must join channels below 2, got 2"),
        ({"num_microphones": 2, "num_groups": 0}, "num_groups must be at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            OverPairs(nn.Identity(), **arguments)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=3, time, freq\), got"):
        OverPairs(nn.Identity(), 3)(torch.zeros(1, 2, 4, 4))
