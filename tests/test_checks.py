"""Every message names the argument, the rule and the value."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seldkit._checks import (
    check_choice,
    check_count,
    check_finite,
    check_floating,
    check_positive,
    check_same_shape,
    check_shape,
    check_vectors,
    integer,
    require,
)


@pytest.mark.parametrize("shape", [(2, 4), (2, 3, 8), (2, 4, 8, 1), ()])
def test_a_wrong_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel=4, sample\), got"):
        check_shape("waveform", torch.zeros(shape), "batch channel sample", channel=4)


def test_what_fits_passes() -> None:
    check_shape("waveform", torch.zeros(2, 4, 8), "batch channel sample", channel=4, batch=2)
    check_same_shape(a=torch.zeros(2), b=torch.ones(2))
    check_vectors(a=torch.zeros(3), b=torch.zeros(5, 3))
    check_finite("a", torch.zeros(0))
    check_positive(rate=1, step=0.5)
    check_choice("order", "acn", ("acn", "fuma"))


def test_different_shapes_are_listed() -> None:
    with pytest.raises(ValueError, match=r"a and b must have the same shape, got a \(2,\), b \(3"):
        check_same_shape(a=torch.zeros(2), b=torch.zeros(3))


@pytest.mark.parametrize("shape", [(), (2,), (3, 4)])
def test_vectors_have_three_coordinates(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"direction must be \(\.\.\., axis=3\), got shape"):
        check_vectors(direction=torch.zeros(shape))


def test_what_is_not_finite_is_counted() -> None:
    x = torch.tensor([math.nan, 1.0, math.inf, -math.inf])
    with pytest.raises(ValueError, match="x must be finite, got nan or infinity in 3 of 4"):
        check_finite("x", x)


@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan])
def test_what_is_not_positive_is_told(value: float) -> None:
    with pytest.raises(ValueError, match=f"hop must be positive, got {value}"):
        check_positive(rate=1, hop=value)


def test_a_wrong_choice_lists_the_right_ones() -> None:
    with pytest.raises(ValueError, match="average must be one of 'macro', 'micro', got 'mean'"):
        check_choice("average", "mean", ("macro", "micro"))


def test_a_missing_dependency_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require("json", "plot").dumps([]) == "[]"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match=r"matplotlib is needed.*'seldkit\[plot\]'"):
        require("matplotlib", "plot")


def test_what_is_imported_adds_no_place_to_import_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "places_of_its_own.py").write_text("import sys\nsys.path.append('/else')\n")
    monkeypatch.syspath_prepend(tmp_path)
    require("places_of_its_own", "onnx")
    assert "/else" not in sys.path


@pytest.mark.parametrize("value", [True, "3", None, np.array([1.0]), torch.tensor(1.0)])
def test_what_is_no_number_is_told(value: object) -> None:
    with pytest.raises(TypeError, match="rate must be a number, got"):
        check_positive(rate=value)


def test_numbers_of_numpy_are_numbers() -> None:
    check_positive(rate=np.float32(1.5), count=np.int64(2))
    check_count(num_classes=np.int32(13))
    assert integer("num_classes", np.int64(13)) == 13
    assert type(integer("num_classes", np.int64(13))) is int


@pytest.mark.parametrize("value", [True, 1.0, 1.5, math.nan, "1", None, np.float64(1), [1]])
def test_what_is_no_integer_is_told(value: object) -> None:
    with pytest.raises(TypeError, match="num_tracks must be an integer, got"):
        check_count(num_classes=1, num_tracks=value)


def test_counts_begin_with_one() -> None:
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        check_count(num_tracks=0)


@pytest.mark.parametrize("dtype", [torch.int16, torch.bool, torch.complex64])
def test_what_holds_no_floats_is_told(dtype: torch.dtype) -> None:
    check_floating(x=torch.zeros(2, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match=f"y must hold floats, got {dtype}"):
        check_floating(x=torch.zeros(2), y=torch.zeros(2, dtype=dtype))
