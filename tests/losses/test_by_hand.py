"""What is worked out by hand is its formula: value, slopes and second derivatives."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from losses.test_plain_gradients import random_pair
from seldkit.losses._by_hand import ByHand
from seldkit.losses.activity import _MANY_ENTROPIES, MANY, activity_loss
from seldkit.losses.adpit import _SQUARES
from seldkit.losses.aggregated import _PAIRS, _SUMS

Tensors = tuple[Tensor, ...]
SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=15)


class Form(NamedTuple):
    """A loss worked out by hand, and what it takes of logits and directions of tracks."""

    name: str
    form: ByHand
    take: Callable[[Tensors], Tensors]

    def loss(self, preds: Tensors, target: Tensors) -> Tensor:
        """Return the loss over seven places, as worked out."""
        return self.form(preds, target, 7)

    def formula(self, preds: Tensors, target: Tensors) -> Tensor:
        """Return the same by the formula."""
        return self.form.formula(*preds, *target) / 7


def vectors(x: Tensors) -> Tensors:
    return ((x[0].unsqueeze(-1) * x[1].unsqueeze(3)).contiguous(),)


FORMS = [
    Form("cross-entropies", _MANY_ENTROPIES, lambda x: x[:1]),
    Form("AGG1", _PAIRS, lambda x: x[:2]),
    Form("AGG2", _SUMS, lambda x: x[:2]),
    Form("ADPIT", _SQUARES, vectors),
]
each_form = pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])


Sizes = tuple[int, int, int, int]
SMALL = 1, 2, 2, 3


def inputs(form: Form, seed: int, sizes: Sizes = SMALL) -> tuple[Tensors, Tensors]:
    """Return predictions and targets in float64, `sizes` being batch, time, tracks, classes."""
    preds, target = random_pair(seed, *sizes, torch.float64)
    pair = form.take(preds[:2]), form.take(target[:2])
    return tuple(x.detach().requires_grad_() for x in pair[0]), pair[1]


@each_form
@quick
@given(
    seed=SEEDS,
    sizes=st.sampled_from(
        [(2, 3, 2, 4), (1, 40, 3, 70), (4, 90, 2, 13), (3, 1, 1, 1), (1, 2, 4, 3)]
    ),
    length=st.sampled_from([1.0, 0.02]),
)
def test_it_is_the_formula(form: Form, seed: int, sizes: Sizes, length: float) -> None:
    preds, target = inputs(form, seed, sizes)
    preds = tuple((x * length if k else x).detach().requires_grad_() for k, x in enumerate(preds))
    found, wanted = form.loss(preds, target), form.formula(preds, target)
    torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-12)
    slopes = (torch.autograd.grad(3 * loss, preds) for loss in (found, wanted))
    torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-10)


@each_form
def test_second_derivatives_are_those_of_the_formula(form: Form) -> None:
    preds, target = inputs(form, 0)
    second = []
    for loss in (form.loss(preds, target), form.formula(preds, target)):
        slopes = torch.autograd.grad(loss, preds, create_graph=True)
        total = torch.stack([x.square().sum() for x in slopes]).sum()
        second.append(torch.autograd.grad(total, preds))
    torch.testing.assert_close(*second)


@each_form
def test_one_prediction_may_be_fixed(form: Form) -> None:
    preds, target = inputs(form, 1)
    for k, learned in enumerate(preds):
        some = tuple(x if j == k else x.detach() for j, x in enumerate(preds))
        found, wanted = form.loss(some, target), form.formula(some, target)
        for create in (False, True):
            slopes = (
                torch.autograd.grad(x, learned, retain_graph=True, create_graph=create)
                for x in (found, wanted)
            )
            torch.testing.assert_close(*slopes)


@each_form
def test_the_graph_may_be_walked_again(form: Form) -> None:
    preds, target = inputs(form, 2)
    loss = form.loss(preds, target)
    first = torch.autograd.grad(loss, preds, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, preds), first, rtol=0, atol=0)


@each_form
def test_autocast_leaves_the_slopes_alone(form: Form) -> None:
    preds, target = inputs(form, 2)
    preds = tuple(x.detach().float().requires_grad_() for x in preds)
    loss = form.loss(preds, tuple(x.float() for x in target))
    wanted = torch.autograd.grad(loss, preds, retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(torch.autograd.grad(loss, preds), wanted, rtol=0, atol=0)


@each_form
def test_targets_have_gradients_too(form: Form) -> None:
    preds, target = inputs(form, 3)
    target = tuple(x.clone().requires_grad_() for x in target)
    found, wanted = form.loss(preds, target), form.formula(preds, target)
    slopes = (torch.autograd.grad(x, target) for x in (found, wanted))
    torch.testing.assert_close(*slopes)


@pytest.mark.transforms
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@each_form
def test_transforms_of_functions_go_through_the_formula(form: Form) -> None:
    preds, target = inputs(form, 4)

    def loss(*preds: Tensor) -> Tensor:
        return form.loss(preds, target)

    plain = tuple(x.detach() for x in preds)
    wanted = torch.autograd.grad(loss(*preds), preds)
    places = tuple(range(len(preds)))
    torch.testing.assert_close(torch.func.grad(loss, places)(*plain), wanted)
    slope = torch.func.jvp(loss, plain, plain)[1]
    along = torch.stack([(x * y).sum() for x, y in zip(plain, wanted, strict=True)]).sum()
    torch.testing.assert_close(slope, along)
    with forward_ad.dual_level():
        dual = loss(*(forward_ad.make_dual(x, x) for x in plain))
        torch.testing.assert_close(forward_ad.unpack_dual(dual).tangent, along)


@each_form
def test_what_is_undefined_shows_in_the_loss(form: Form) -> None:
    for frames in (2, 5000):
        preds, target = inputs(form, 5, (1, frames, 3, 3))
        preds[0].detach()[0, 1] = torch.nan
        assert form.loss(preds, target).isnan()


@pytest.mark.parametrize("extreme", [1.0, 30.0, 1e4])
def test_many_cross_entropies_are_added_up_as_few(extreme: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = extreme * torch.randn(MANY + 3, generator=generator)
    target = (torch.rand(MANY + 3, generator=generator) < 0.3).float()
    exact = functional.binary_cross_entropy_with_logits(logits.double(), target.double())
    found = activity_loss(logits.requires_grad_(), target, None)
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(found, logits)
    torch.testing.assert_close(slope, (logits.sigmoid() - target) / len(logits))


def test_well_predicted_places_lose_nearly_nothing() -> None:
    target = (torch.arange(MANY) % 7 == 0).float()
    for logit in (5.0, 12.0, 20.0, 100.0):
        loss = activity_loss(logit * (2 * target - 1), target, None)
        wanted = torch.tensor(logit, dtype=torch.float64).neg().exp().log1p()
        assert loss >= 0
        torch.testing.assert_close(loss.double(), wanted, rtol=1e-3, atol=6e-8)
