"""Shapes are checked in the run that is said to check them, on every worker, and in no other."""

import pytest
import torch
from jaxtyping import TypeCheckError

from seldkit import losses


@pytest.mark.parametrize("target", [torch.zeros(2, 5, 3, 1), torch.zeros(2, 4, 3, 2)])
def test_shapes_that_do_not_fit_are_found_where_they_are_checked(
    target: torch.Tensor, pytestconfig: pytest.Config
) -> None:
    with pytest.raises((TypeCheckError, ValueError)) as error:
        losses.accdoa_loss(torch.zeros(2, 5, 3, 2), target)
    checked = pytestconfig.getoption("jaxtyping_packages") is not None
    assert isinstance(error.value, TypeCheckError) == checked
