"""A frame that does not count changes nothing: no loss, no gradient, no assignment."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from losses.every_loss import CASES, NAMES, Case
from seldkit import SELDOutput, losses
from seldkit.losses import trackwise_pit_loss

SEEDS = st.integers(0, 2**32 - 1)
JUNK = (0.0, 7.0, float("nan"), float("inf"), -float("inf"))


def padded(x: Tensor, before: int, after: int, value: float) -> Tensor:
    """Return `x (batch, time, ...)` with frames of one value before and after."""
    ends = [x.new_full((len(x), more, *x.shape[2:]), value) for more in (before, after)]
    return torch.cat((ends[0], x, ends[1]), dim=1)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@settings(max_examples=5)
@given(SEEDS, st.integers(1, 6), st.integers(0, 3), st.integers(0, 3), *[st.sampled_from(JUNK)] * 2)
def test_padding_counts_for_nothing(
    case: Case, seed: int, time: int, before: int, after: int, junk: float, wanted_junk: float
) -> None:
    preds, target = case.random(seed, 2, time)
    plain = [x.clone().requires_grad_() for x in preds]
    wanted = case.loss(plain, target)
    frame = torch.arange(before + time + after)
    mask = ((frame >= before) & (frame < before + time)).expand(2, -1)
    longer = [padded(x, before, after, junk).requires_grad_() for x in preds]
    found = case.loss(longer, [padded(x, before, after, wanted_junk) for x in target], mask)
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)
    gradients = torch.autograd.grad(found.sum(), longer)
    for gradient, alone in zip(gradients, torch.autograd.grad(wanted.sum(), plain), strict=True):
        torch.testing.assert_close(
            gradient, padded(alone, before, after, 0.0), rtol=1e-12, atol=1e-15
        )


MEANS = [
    case
    for case in CASES
    if case.name != "class_wise_loss"
    and not any(
        part in case.name
        for part in ("'sum'", "'none'", "'positives'", "weight=0", "distance", "active_dir", "dmot")
    )
]


@pytest.mark.parametrize("case", MEANS, ids=[case.name for case in MEANS])
def test_clips_of_several_lengths_are_one_batch(case: Case) -> None:
    lengths = torch.tensor([4, 1, 6])
    preds, target = case.random(3, 3, 6)
    found = case.loss(preds, target, torch.arange(6) < lengths.unsqueeze(1))
    alone = torch.stack(
        [
            case.loss([x[i : i + 1, :n] for x in preds], [x[i : i + 1, :n] for x in target])
            for i, n in enumerate(lengths)
        ]
    )
    by_clip = "presence_loss, per='clip'" in case.name
    weights = (torch.ones(3) / 3 if by_clip else lengths / lengths.sum()).double()
    torch.testing.assert_close(found, weights @ alone)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_mask_of_all_frames_is_none(case: Case) -> None:
    preds, target = case.random(1, 2, 5)
    mask = torch.ones(2, 5, dtype=torch.bool)
    torch.testing.assert_close(case.loss(preds, target, mask), case.loss(preds, target))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_no_frame_that_counts_is_a_differentiable_zero(case: Case) -> None:
    preds, target = case.random(2, 2, 5)
    inputs = [torch.full_like(x, torch.nan).requires_grad_() for x in preds]
    loss = case.loss(inputs, target, torch.zeros(2, 5, dtype=torch.bool))
    assert not loss.any()
    for gradient in torch.autograd.grad(loss.sum(), inputs):
        assert not gradient.any()


@pytest.mark.parametrize("per", ["frame", "chunk", "stretch", "clip"])
@settings(max_examples=30)
@given(SEEDS)
def test_frames_left_out_within_a_clip(per: Any, seed: int) -> None:
    # Whatever is heard on both sides goes on in between: as if the frames had never been.
    case = next(c for c in CASES if c.name == "trackwise_pit_loss, per='chunk'")
    preds, target = case.random(seed, 1, 9)
    mask = torch.rand(1, 9, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[0, 4] = True
    cut = [SELDOutput(*(x[mask].unsqueeze(0) for x in side)) for side in (preds, target)]
    wanted = trackwise_pit_loss(cut[0], cut[1], per=per)
    found = trackwise_pit_loss(SELDOutput(*preds), SELDOutput(*target), per=per, mask=mask)
    torch.testing.assert_close(found, wanted)


def test_a_window_keeps_its_place_in_time() -> None:
    # Frame 2 is left out: windows of three around its neighbours hold two frames, not three.
    left, right = torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, -1.0, 0.0])
    activity = torch.ones(1, 5, 2, 1)
    target = SELDOutput(activity, torch.stack((left, right)).expand(1, 5, 2, 3))
    swapped = torch.tensor([False, True, False, True, True])
    order = torch.where(swapped[:, None], torch.tensor([1, 0]), torch.tensor([0, 1]))
    preds = SELDOutput(20 * activity, target.direction.take_along_dim(order[None, :, :, None], 2))
    mask = torch.tensor([[True, True, False, True, True]])
    loss = trackwise_pit_loss(preds, target, per="window", window=3, mask=mask)
    assert float(loss.doa) == pytest.approx(4 / 3 / 4)  # frames 0 and 1 tie: the first order


OTHER_GRAPHS = (  # than that of the loss without options
    "accdoa_loss, onscreen=True",
    "class_wise_loss, direction='angular', inactive_weight=1, distance='mape'",
    "trackwise_pit_loss, per='chunk', inactive_weight=0.0, direction='angular'",
    "trackwise_pit_loss, per='stretch'",
    "trackwise_pit_loss, per='clip'",
    "trackwise_pit_loss, per='window', window=3",
    "trackwise_pit_loss, selection=(0.2, 0.8), gamma=2.0, alpha=0.25",
    "focal_loss, reduction='positives', gamma=0.5",
    "active_direction_loss, direction='cosine', inactive_weight=0.0",
    "presence_loss, per='clip', gamma=2.0",
)
FIRST = {case.name.partition(",")[0]: case for case in reversed(CASES)}
COMPILED = [*FIRST.values(), *(case for case in CASES if case.name in OTHER_GRAPHS)]


@pytest.mark.transforms
@pytest.mark.parametrize("case", COMPILED, ids=[case.name for case in COMPILED])
def test_compiles_whole_under_a_mask(case: Case) -> None:
    torch.compiler.reset()
    preds, target = case.random(5, 2, 4)
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    results = []
    for function in (torch.compile(case.loss, fullgraph=True, backend="aot_eager"), case.loss):
        inputs = [x.clone().requires_grad_() for x in preds]
        loss = function(inputs, target, mask)
        results.append([loss, *torch.autograd.grad(loss.sum(), inputs)])
    torch.testing.assert_close(*results)


def modules() -> dict[nn.Module, tuple[Any, ...]]:
    """Return the module form of each loss, with what it takes."""
    found: dict[nn.Module, tuple[Any, ...]] = {}
    for module, name in (
        (losses.ACCDOALoss(), "accdoa_loss"),
        (losses.ADPITLoss(), "adpit_loss"),
        (losses.ClassWiseLoss(distance="mae"), "class_wise_loss"),
        (losses.TrackwisePITLoss(per="chunk", distance="mse"), "trackwise_pit_loss"),
        (losses.AggregatedPITLoss(), "aggregated_pit_loss"),
        (losses.AggregatedSumLoss(), "aggregated_sum_loss"),
        (losses.AggregatedMixtureLoss(), "aggregated_mixture_loss"),
        (losses.FocalLoss(), "focal_loss"),
        (losses.ActiveDirectionLoss(), "active_direction_loss"),
        (losses.PresenceLoss(), "presence_loss"),
        (losses.AssociationLoss(), "association_loss"),
        (losses.DMOTLoss(), "dmot_loss"),
        (losses.VectorPITLoss(), "vector_pit_loss"),
    ):
        case = [c for c in CASES if c.name.startswith(name)]
        if getattr(module, "distance", None):
            case = [c for c in case if len(c.target) == 3]
        preds, target = case[0].random(4, 2, 5)
        if "SELDOutput" in str(module.forward.__annotations__):
            found[module] = SELDOutput(*preds), SELDOutput(*target)
        else:
            found[module] = (*preds, *target)
    return found


@pytest.mark.parametrize("module", modules(), ids=lambda module: type(module).__name__)
def test_modules_take_a_mask(module: nn.Module) -> None:
    inputs = next(v for k, v in modules().items() if repr(k) == repr(module))
    mask = torch.arange(5) < torch.tensor([[5], [2]])
    cut = [
        SELDOutput(*(y[:1] for y in x if y is not None)) if isinstance(x, SELDOutput) else x[:1]
        for x in inputs
    ]
    mask[1] = False
    torch.testing.assert_close(module(*inputs, mask=mask), module(*cut))


def test_balancers_go_on_with_masked_losses() -> None:
    case = next(c for c in CASES if "trackwise" in c.name and len(c.target) == 3)
    preds, target = case.random(0, 2, 5)
    inputs = [x.requires_grad_() for x in preds]
    names = ("sed", "doa", "distance")
    for balancer in (
        losses.FixedWeights(distance=0.5),
        losses.LossScaleBalancer(tasks=names),
        losses.UncertaintyWeights(names),
        losses.DynamicWeightAverage(names),
        losses.RandomWeights(names),
    ):
        for kept in (5, 3, 0, 2):
            mask = (torch.arange(5) < kept).expand(2, -1)
            parts = trackwise_pit_loss(
                SELDOutput(*inputs), SELDOutput(*target), distance="mse", mask=mask
            )
            total = balancer(parts)
            gradients = torch.autograd.grad(total, inputs)
            assert all(x.isfinite().all() for x in (total, *gradients))


@pytest.mark.messages
@pytest.mark.parametrize("case", CASES[::3], ids=NAMES[::3])
def test_wrong_masks_are_named(case: Case) -> None:
    preds, target = case.random(0, 2, 5)
    with pytest.raises(ValueError, match=r"mask must be \(batch=2, time=5\), got shape \(2, 4\)"):
        case.loss(preds, target, torch.ones(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"mask must be \(batch=2, time=5\), got shape \(5,\)"):
        case.loss(preds, target, torch.ones(5, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"mask must be a tensor of booleans .* got torch.float32"):
        case.loss(preds, target, torch.ones(2, 5))
    wrong: Any = [[True] * 5] * 2
    with pytest.raises(TypeError, match=r"mask must be a tensor of booleans .* got a list"):
        case.loss(preds, target, wrong)
    meta = torch.ones(2, 5, dtype=torch.bool, device="meta")
    with pytest.raises(ValueError, match=r"mask must be on the device of preds, cpu, got meta"):
        case.loss(preds, target, meta)


@pytest.mark.messages
def test_a_mask_needs_batch_and_time() -> None:
    mask = torch.ones(2, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"mask needs axes batch and time, got shape \(5,\)"):
        losses.focal_loss(torch.zeros(5), torch.zeros(5), mask=mask)
