"""Standardisation measures what numpy measures, however the data comes in."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.features import Standardize
from seldkit.features.standardize import StandardizePer

quick = settings(max_examples=40)
STEP = 2.0**-22  # two sums that differ by rounding may be neighbours in float32


@quick
@given(
    frames=st.lists(st.integers(0, 7), min_size=1, max_size=6).filter(any),
    offset=st.sampled_from((0.0, -50.0, 1e5)),
    scale=st.sampled_from((1e-3, 1.0, 30.0)),
    double=st.booleans(),
)
def test_it_equals_numpy_for_every_split(
    frames: list[int], offset: float, scale: float, double: bool
) -> None:
    # A deviation below a millionth of the mean is rounding, so large offsets need large scales.
    scale = scale if offset < 1e5 else 30.0
    dtype = torch.float64 if double else torch.float32
    batches = [(offset + scale * torch.randn(2, 3, n, 4)).to(dtype) for n in frames]
    standardize = Standardize(3, 4).fit(batches)
    data = torch.cat(batches, dim=2).double().numpy()
    mean, std = data.mean(axis=(0, 2)), data.std(axis=(0, 2))
    np.testing.assert_allclose(standardize.mean[:, 0], mean, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(standardize.std[:, 0], std, rtol=1e-6)
    assert int(standardize.num_frames) == 2 * sum(frames)


def test_what_was_fitted_has_mean_zero_and_deviation_one() -> None:
    features = 40 * torch.randn(4, 2, 50, 3, dtype=torch.float64) - 60
    result = Standardize(2, 3).fit([features])(features)
    assert result.dtype == torch.float64
    torch.testing.assert_close(
        result.mean(dim=(0, 2)), torch.zeros(2, 3).double(), atol=1e-6, rtol=0
    )
    deviation = result.std(dim=(0, 2), correction=0)
    torch.testing.assert_close(deviation, torch.ones(2, 3).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("value", [0.0, -100.0, 0.1])
def test_constant_bins_are_only_centred(value: float) -> None:
    features = torch.randn(1, 1, 100, 2)
    features[..., 1] = value
    standardize = Standardize(1, 2).fit(features.split(7, dim=2))
    assert standardize.std[0, 0, 1] < 1e-9
    torch.testing.assert_close(standardize(features)[..., 1], torch.zeros(1, 1, 100))


def test_it_travels_in_the_state_dict() -> None:
    features = torch.randn(2, 2, 9, 3)
    fitted = Standardize(2, 3).fit([features])
    loaded = Standardize(2, 3)
    assert not loaded.fitted
    loaded.load_state_dict(fitted.state_dict())
    assert loaded.fitted
    assert torch.equal(loaded(features), fitted(features))
    assert torch.equal(copy.deepcopy(fitted)(features), fitted(features))
    loaded.load_state_dict(Standardize(2, 3).state_dict())
    assert not loaded.fitted
    assert sorted(fitted.state_dict()) == ["mean", "num_frames", "std"]
    assert "2, 3, per='channel_bin', channels=None, fitted=True" in repr(fitted)


def test_what_varies_by_rounding_alone_is_constant() -> None:
    # Float32 near 1e5 goes in steps of 1/128: noise of one step is rounding, of thirty is signal.
    steps = torch.randint(-1, 2, (1, 1, 1000, 2)) * torch.tensor([1.0, 30.0]) / 128
    features = 1e5 + steps
    result = Standardize(1, 2).fit([features])(features)
    assert result[..., 0].abs().max() < 0.02
    torch.testing.assert_close(result[..., 1].std(), torch.tensor(1.0), rtol=0.01, atol=0)


@quick
@given(
    shares=st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=4),
    offset=st.sampled_from((0.0, -1e4)),
    per=st.sampled_from(("channel_bin", "channel")),
)
def test_merging_workers_equals_one_pass(
    shares: list[list[int]], offset: float, per: StandardizePer
) -> None:
    data = [[offset + torch.randn(2, 3, n, 4) for n in share] for share in shares]
    workers = []
    for share in data:
        worker = Standardize(3, 4, per=per)
        for batch in share:
            worker.update(batch)
        workers.append(pickle.loads(pickle.dumps(worker)))  # as from another process
    merged = Standardize(3, 4, per=per)
    for worker in workers:
        merged.merge(worker)
    batches = [batch for share in data for batch in share]
    assert merged.fitted == any(batch.numel() for batch in batches)
    if merged.fitted:
        whole = Standardize(3, 4, per=per).fit(batches)
        torch.testing.assert_close(merged.mean, whole.mean, rtol=STEP, atol=1e-9)
        torch.testing.assert_close(merged.std, whole.std, rtol=STEP, atol=1e-9)
        assert int(merged.num_frames) == int(whole.num_frames)


def test_measuring_goes_on_after_loading() -> None:
    first, second = torch.randn(2, 2, 50, 3) - 60, 5 * torch.randn(1, 2, 70, 3)
    first[..., 1] = -100
    each: list[dict[str, Any]] = [{}, {"per": "channel"}, {"channels": [1]}]
    for arguments in each:
        loaded = Standardize(2, 3, **arguments)
        loaded.load_state_dict(Standardize(2, 3, **arguments).fit([first]).state_dict())
        whole = Standardize(2, 3, **arguments).fit([first, second])
        torch.testing.assert_close(loaded.update(second).mean, whole.mean)
        torch.testing.assert_close(loaded.std, whole.std)
        assert torch.equal(loaded.num_frames, whole.num_frames)


def test_a_channel_as_a_whole_keeps_its_shape() -> None:
    features = torch.randn(3, 2, 40, 5, dtype=torch.float64) * torch.arange(1, 6) - 30
    standardize = Standardize(2, 5, per="channel").fit(features.split(1))
    expected = features - features.mean(dim=(0, 2, 3), keepdim=True)
    expected /= expected.square().mean(dim=(0, 2, 3), keepdim=True).sqrt()
    torch.testing.assert_close(standardize(features), expected, rtol=1e-6, atol=1e-6)
    plain = Standardize(2, 5)
    plain.load_state_dict(standardize.state_dict())  # the state says all that is needed
    assert torch.equal(plain(features), standardize(features))


def test_other_channels_pass() -> None:
    features = 5 + torch.randn(2, 4, 30, 3)
    standardize = Standardize(4, 3, channels=[0, 2]).fit([features])
    result = standardize(features)
    assert torch.equal(result[:, 1::2], features[:, 1::2])
    torch.testing.assert_close(result[:, ::2], Standardize(4, 3).fit([features])(features)[:, ::2])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_standardised_in_single(dtype: torch.dtype) -> None:
    features = (torch.randn(2, 2, 30, 3) - 60).to(dtype)
    standardize = Standardize(2, 3).fit([features])
    result = standardize(features)
    assert result.dtype == dtype
    assert torch.equal(result, standardize(features.float()).to(dtype))


def test_a_failed_fit_leaves_the_old_one() -> None:
    features = torch.randn(1, 1, 9, 2)
    standardize = Standardize(1, 2).fit([features])
    before = standardize(features)
    with pytest.raises(ValueError, match="features must be finite, got nan or infinity in 1 of 18"):
        standardize.fit([features, features.index_fill(2, torch.tensor([3]), 0), broken(features)])
    assert torch.equal(standardize(features), before)


def broken(features: torch.Tensor) -> torch.Tensor:
    """Return the features with one nan."""
    features = features.clone()
    features[0, 0, 4, 1] = torch.nan
    return features


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    features = torch.randn(2, 2, 9, 3)
    standardize = Standardize(2, 3).fit([features])
    compiled = torch.compile(standardize, fullgraph=True, backend="eager")
    before = compiled(features)
    torch.testing.assert_close(before, standardize(features))
    other = 3 + 2 * torch.randn(2, 2, 9, 3)
    standardize.load_state_dict(Standardize(2, 3).fit([other]).state_dict())
    torch.testing.assert_close(compiled(features), standardize(features))
    assert not torch.equal(before, standardize(features))
    exported = torch.export.export(standardize, (features,))
    torch.testing.assert_close(exported.module()(features), standardize(features))


@pytest.mark.transforms
def test_a_compiled_one_works_once_its_state_is_loaded() -> None:
    features = torch.randn(2, 2, 9, 3)
    fitted = Standardize(2, 3).fit([features])
    standardize = Standardize(2, 3)
    compiled = torch.compile(standardize, fullgraph=True, backend="eager")
    with pytest.raises(RuntimeError, match="must be fitted on training data"):
        compiled(features)
    standardize.load_state_dict(fitted.state_dict())
    torch.testing.assert_close(compiled(features), fitted(features))


def test_its_one_state_is_the_buffers() -> None:
    features, more = torch.randn(3, 2, 9, 3), 4 + torch.randn(1, 2, 5, 3)
    fitted, other = Standardize(2, 3).fit([features]), Standardize(2, 3)
    for mine, theirs in zip(other.buffers(), fitted.buffers(), strict=True):
        mine.copy_(theirs)  # as the first process of several sends them to the others
    assert other.fitted
    assert torch.equal(other(features), fitted(features))
    assert "fitted=True" in repr(other)
    whole = Standardize(2, 3).fit([features, more])
    torch.testing.assert_close(other.update(more).mean, whole.mean)
    torch.testing.assert_close(other.std, whole.std)
    assert int(other.num_frames) == 32
    for buffer, value in zip(fitted.buffers(), Standardize(2, 3).buffers(), strict=True):
        buffer.copy_(value)
    assert not fitted.fitted
    with pytest.raises(RuntimeError, match="must be fitted"):
        fitted(features)
    torch.testing.assert_close(fitted.update(features).mean, Standardize(2, 3).fit([features]).mean)


def test_parts_measured_one_by_one_keep_the_digits_of_float64() -> None:
    batches = [1e3 + torch.randn(1, 1, 7, 2, dtype=torch.float64) for _ in range(200)]
    standardize = Standardize(1, 2).double()
    for batch in batches:
        standardize.update(batch)
    data = torch.cat(batches, dim=2)
    torch.testing.assert_close(standardize.mean[:, 0], data.mean(dim=(0, 2)), rtol=1e-14, atol=0)
    deviation = data.std(dim=(0, 2), correction=0)
    torch.testing.assert_close(standardize.std[:, 0], deviation, rtol=1e-11, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_casts_change_the_result_alone(dtype: torch.dtype) -> None:
    features = (-70 + 1e-3 * torch.randn(4, 2, 9, 3, dtype=torch.float64)).to(torch.float32)
    fitted = Standardize(2, 3).fit([features])
    expected = fitted(features)
    cast = copy.deepcopy(fitted).to(dtype)
    assert torch.equal(cast(features), expected)
    assert (cast.mean.dtype, cast.std.dtype) == (torch.float32, torch.float32)
    assert cast(features.to(dtype)).dtype == dtype
    assert torch.equal(cast(features.to(dtype)), fitted(features.to(dtype).float()).to(dtype))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(fitted(features), expected)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="per must be one of 'channel_bin', 'channel', got 'bin'"):
        Standardize(1, 3, per="bin")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"channels must lie in 0 to 3, got \[4\]"):
        Standardize(4, 3, channels=[0, 4])
    message = r"other must be Standardize\(2, 3, .*\), got \(2, 3, per='channel', .*\)"
    with pytest.raises(ValueError, match=message):
        Standardize(2, 3).merge(Standardize(2, 3, per="channel"))
    with pytest.raises(ValueError, match="num_channels must be at least 1, got 0"):
        Standardize(0, 3)
    with pytest.raises(ValueError, match="num_bins must be at least 1, got -1"):
        Standardize(1, -1)
    with pytest.raises(RuntimeError, match="must be fitted on training data before it is used"):
        Standardize(2, 3)(torch.zeros(1, 2, 5, 3))
    with pytest.raises(ValueError, match="batches must hold at least one frame, got none"):
        Standardize(2, 3).fit([])
    with pytest.raises(ValueError, match="batches must hold at least one frame, got none"):
        Standardize(2, 3).fit([torch.zeros(1, 2, 0, 3)])
    message = r"features must be \(batch, channel=2, time, freq=3\), got shape \(1, 3, 5, 3\)"
    with pytest.raises(ValueError, match=message):
        Standardize(2, 3).fit([torch.zeros(1, 3, 5, 3)])
    with pytest.raises(ValueError, match=message):
        Standardize(2, 3)(torch.zeros(1, 3, 5, 3))
