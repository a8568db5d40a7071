"""Distance errors are what they are called; where there is no distance there is no error."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.losses.distance import DISTANCE_ERRORS, DistanceError, distance_error

quick = settings(max_examples=30)

METRES = st.floats(0.1, 20)


@pytest.mark.parametrize(
    ("error", "wanted"), [("mse", 2.25), ("mae", 1.5), ("mspe", 0.5625), ("mape", 0.75)]
)
def test_half_a_metre_for_two(error: DistanceError, wanted: float) -> None:
    assert float(distance_error(torch.tensor(0.5), torch.tensor(2.0), error)) == wanted


@quick
@given(METRES, METRES, st.floats(0.5, 4))
def test_relative_errors_know_no_unit(pred: float, target: float, unit: float) -> None:
    a, b = torch.tensor([pred, target], dtype=torch.float64)
    powers: list[tuple[DistanceError, int]] = [("mse", 2), ("mae", 1), ("mspe", 0), ("mape", 0)]
    for error, power in powers:
        scaled = distance_error(unit * a, unit * b, error)
        torch.testing.assert_close(scaled, unit**power * distance_error(a, b, error))


@pytest.mark.parametrize("error", DISTANCE_ERRORS)
def test_every_pair_comes_from_broadcasting(error: DistanceError) -> None:
    preds, target = torch.rand(2, 4, 3) + 0.5
    pairs = distance_error(preds.unsqueeze(2), target.unsqueeze(1), error)
    torch.testing.assert_close(
        torch.diagonal(pairs, dim1=1, dim2=2), distance_error(preds, target, error)
    )


@pytest.mark.parametrize("error", ["mspe", "mape"])
def test_without_a_distance_there_is_no_relative_error(error: DistanceError) -> None:
    preds = torch.tensor([3.0, 3.0], requires_grad=True)
    errors = distance_error(preds, torch.tensor([0.0, 2.0]), error)
    (gradient,) = torch.autograd.grad(errors.sum(), preds)
    assert errors[0] == gradient[0] == 0
    assert errors[1] > 0
    assert gradient[1] > 0


@pytest.mark.parametrize("error", DISTANCE_ERRORS)
def test_gradients_are_those_of_the_error(error: DistanceError) -> None:
    preds, target = 1 + torch.rand(2, 6, dtype=torch.float64)
    target[0] = 0
    pair = (preds.requires_grad_(), target)
    assert torch.autograd.gradcheck(lambda a, b: distance_error(a, b, error), pair)


@pytest.mark.messages
def test_an_unknown_error_is_named() -> None:
    with pytest.raises(ValueError, match="error must be one of 'mse', 'mae', 'mspe', 'mape', got"):
        distance_error(torch.ones(1), torch.ones(1), "l1")  # type: ignore[arg-type]
