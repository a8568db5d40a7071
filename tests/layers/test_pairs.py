"""Pairs of microphones: numbers by hand, and an encoder to which their order is nothing."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seldkit.layers import MicPairMetadata, OverPairs, PairEncoder
from transforms import assert_compiles_and_exports

FORMS: dict[Any, int] = {"both": 6, "difference": 3, "direction": 4, "number": 1}
quick = settings(max_examples=25)


def small(aggregate: Any = "sum") -> PairEncoder:
    encoder = nn.Sequential(nn.Flatten(1, 2), nn.Linear(5, 4), nn.Tanh())
    joint = nn.Sequential(nn.Linear(4 + 6, 3), nn.Tanh())
    return PairEncoder(encoder, joint, aggregate=aggregate)


def test_numbers_of_pairs_by_hand() -> None:
    places = torch.tensor([[[0.0, 0.0, 0.0], [0.03, 0.04, 0.0], [0.0, 0.0, 0.1]]])
    wanted: dict[Any, list[list[float]]] = {
        "both": [[0, 0, 0, 3, 4, 0], [0, 0, 0, 0, 0, 10], [3, 4, 0, 0, 0, 10]],
        "difference": [[-0.03, -0.04, 0], [0, 0, -0.1], [0.03, 0.04, -0.1]],
        "direction": [[-0.6, -0.8, 0, 0.05], [0, 0, -1, 0.1]],
        "number": [[0], [1], [2]],
    }
    for form, rows in wanted.items():
        metadata = MicPairMetadata(form)
        found = metadata(places)[0, : len(rows)]
        torch.testing.assert_close(found, torch.tensor(rows).float())
        assert found.shape[1] == metadata.num_entries == FORMS[form]
    turned = MicPairMetadata("difference", pairs=[(2, 0)])(places)
    torch.testing.assert_close(turned, torch.tensor([[[0.0, 0.0, 0.1]]]))


@quick
@given(st.permutations(range(4)), st.sampled_from(["sum", "mean"]), st.integers(1, 4))
def test_the_order_of_pairs_makes_no_difference(
    order: list[int], aggregate: Any, count: int
) -> None:
    encoder, x, told = small(aggregate), torch.randn(2, 4, 3, 5), torch.randn(2, 4, 6)
    torch.testing.assert_close(encoder(x[:, order], told[:, order]), encoder(x, told))
    fewer = encoder(x[:, :count], told[:, :count])
    assert fewer.shape == (2, 3, 3)
    each = torch.stack([encoder(x[:, k : k + 1], told[:, k : k + 1]) for k in range(count)])
    torch.testing.assert_close(fewer, each.sum(dim=0) / (count if aggregate == "mean" else 1))


@quick
@given(st.integers(1, 4))
def test_a_mean_does_not_grow_with_the_pairs(times: int) -> None:
    encoder, x, told = small("mean"), torch.randn(1, 2, 3, 5), torch.randn(1, 2, 6)
    many = encoder(x.repeat(1, times, 1, 1), told.repeat(1, times, 1))
    torch.testing.assert_close(many, encoder(x, told))


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(small(), torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6))
    assert_compiles_and_exports(MicPairMetadata("direction"), torch.randn(2, 4, 3))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"two different channels, counted from 0, got \(1, 1\)"):
        MicPairMetadata(pairs=[(1, 1)])
    with pytest.raises(ValueError, match="pairs must hold at least one pair of channels"):
        MicPairMetadata(pairs=[])
    with pytest.raises(ValueError, match="microphones must be at least 4 for these pairs, got 3"):
        MicPairMetadata(pairs=[(0, 3)])(torch.zeros(1, 3, 3))
    with pytest.raises(ValueError, match=r"microphones must be \(batch, channel, axis=3\)"):
        MicPairMetadata()(torch.zeros(1, 3, 2))
    with pytest.raises(ValueError, match="form must be one of 'both', 'difference', 'direction'"):
        MicPairMetadata("near")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="x must have at least one pair, got shape"):
        small()(torch.zeros(1, 0, 3, 5), torch.zeros(1, 0, 6))
    with pytest.raises(ValueError, match=r"metadata must be \(batch=1, pair=2, entry\)"):
        small()(torch.zeros(1, 2, 3, 5), torch.zeros(1, 3, 6))


@pytest.mark.messages
def test_a_pair_has_two_channels() -> None:
    for make in (MicPairMetadata, lambda pairs: OverPairs(nn.Identity(), 3, pairs=pairs)):
        with pytest.raises(
            ValueError, match=r"two different channels, counted from 0, got \(0, 1, 2"
        ):
            make(pairs=[(0, 1, 2)])
