"""The median filter is scipy's on every row, and leaves roots alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from seldkit.postprocess import median_filter

SEEDS = st.integers(0, 2**32 - 1)
ODD = st.sampled_from([1, 3, 5, 7, 11])
QUICK = settings(max_examples=20)


def test_the_golden_medians(golden: Callable[[str], Path]) -> None:
    with np.load(golden("at2seld/postproc_s35.npz")) as file:
        want = {name: torch.from_numpy(file[name]) for name in file.files}
    binary = want["scores"] >= 0.5
    assert torch.equal(binary.long(), want["binary05"])
    for x in (binary, binary.long(), binary.double()):
        assert torch.equal(median_filter(x, 3).long(), want["median3"])
        assert torch.equal(median_filter(x, 7).long(), want["median7"])
        assert torch.equal(median_filter(x, 7, edge="zero").long(), want["median7_zero"])
    assert torch.equal(median_filter(want["scores"], 5), want["median5_scores"])


@QUICK
@given(SEEDS, ODD, st.integers(1, 12), st.sampled_from(["nearest", "zero"]))
def test_every_row_is_filtered_as_scipy_does(
    seed: int, window: int, time: int, edge: Literal["nearest", "zero"]
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, time, 3, generator=generator)
    mode: Literal["constant", "nearest"] = "constant" if edge == "zero" else "nearest"
    want = ndimage.median_filter(x.numpy(), size=(1, window, 1), mode=mode)
    assert torch.equal(median_filter(x, window, dim=1, edge=edge), torch.from_numpy(want))
    assert torch.equal(median_filter(x, window, dim=-2, edge=edge), torch.from_numpy(want))
    decided = median_filter(x > 0, window, dim=1, edge=edge)
    assert decided.dtype == torch.bool
    assert torch.equal(decided, torch.from_numpy(want) > 0)


@QUICK
@given(SEEDS, ODD)
def test_decisions_with_long_runs_are_roots(seed: int, window: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(window // 2 + 1, window + 3, (6,), generator=generator)
    x = (torch.arange(6) % 2).bool().repeat_interleave(lengths)
    assert torch.equal(median_filter(x, window), x)


@QUICK
@given(SEEDS, ODD)
def test_filtering_again_and_again_ends_in_a_root(seed: int, window: int) -> None:
    x = torch.rand(30, generator=torch.Generator().manual_seed(seed)) > 0.5
    for _ in range(15):  # a root is reached after (frames - 2) / 2 passes
        x = median_filter(x, window)
    assert torch.equal(median_filter(x, window), x)


@QUICK
@given(SEEDS, ODD)
def test_time_may_run_backwards_and_silence_may_be_active(seed: int, window: int) -> None:
    x = torch.rand(20, generator=torch.Generator().manual_seed(seed)) > 0.5
    assert torch.equal(median_filter(x.flip(0), window), median_filter(x, window).flip(0))
    assert torch.equal(median_filter(~x, window), ~median_filter(x, window))


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float64, torch.bfloat16])
def test_types_stay_and_nothing_is_changed_in_place(dtype: torch.dtype) -> None:
    x = torch.tensor([0, 1, 0, 1, 1, 1, 0]).to(dtype)
    kept = x.clone()
    filtered = median_filter(x, 3)
    assert filtered.dtype == dtype
    assert filtered.tolist() == [0, 0, 1, 1, 1, 1, 0]
    assert torch.equal(x, kept)
    assert median_filter(x[:0], 3).shape == (0,)
    assert median_filter(x.expand(2, 7)[:, :0], 3, dim=1).shape == (2, 0)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("x", "settings", "message"),
    [
        (torch.zeros(9), {"window": 4}, "window must be odd and positive, got 4"),
        (torch.zeros(9), {"window": -1}, "window must be odd and positive, got -1"),
        (torch.zeros(9, 2), {}, "dim must say which axis of x is time unless it has one axis, got"),
        (torch.zeros(9, 2), {"dim": 2}, r"dim must be an axis of x \(9, 2\), got 2"),
        (torch.zeros(9), {"edge": "wrap"}, "edge must be one of 'nearest', 'zero', got 'wrap'"),
        (torch.full((9,), torch.nan), {}, "x must be finite"),
    ],
)
def test_what_is_wrong_with_a_filter_is_told(
    x: Tensor, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        median_filter(x, **{"window": 3, **settings})  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
@pytest.mark.parametrize("edge", ["nearest", "zero"])
def test_every_precision_is_kept_under_autocast(dtype: torch.dtype, edge: Any) -> None:
    x = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).mul(10).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = median_filter(x, 5, dim=0, edge=edge)
    assert found.dtype == dtype
    assert torch.equal(found.double(), median_filter(x.double(), 5, dim=0, edge=edge))


@pytest.mark.messages
def test_a_window_is_a_whole_number() -> None:
    for wrong in (3.0, True, "3"):
        with pytest.raises(TypeError, match="window must be an integer, got"):
            median_filter(torch.zeros(9), wrong)  # type: ignore[arg-type]
