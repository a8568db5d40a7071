"""Differentiable tracking scores, against loops over frames and the published code's numbers."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from references.tracks import plain_dmot_loss
from seldkit import SELDOutput
from seldkit.assignment import exact_assignment, sinkhorn_assignment
from seldkit.layers import HungarianNet
from seldkit.losses import DMOTLoss, FixedWeights, dmot_loss

SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=20)
smooth = partial(sinkhorn_assignment, temperature=0.2, iterations=20, limit=4.0)
PUBLISHED = {"sed": None, "doa": None, "motp": 50.0, "mota": 1.0, "activity": 10.0}


def random_pair(
    seed: int, batch: int = 2, time: int = 4, tracks: int = 2
) -> tuple[SELDOutput, SELDOutput]:
    """Return predictions, and tracks that come and go."""
    generator = torch.Generator().manual_seed(seed)

    def normal(axes: int) -> Tensor:
        shape = batch, time, tracks, axes
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    active = (normal(1) > -0.5).double()
    target = SELDOutput(active, functional.normalize(normal(3), dim=-1) * active)
    return SELDOutput(normal(1), functional.normalize(normal(3), dim=-1)), target


def fixed_table(seed: int, distance: Tensor) -> Tensor:
    """Return a table that does not look at the distances."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(distance.shape, generator=generator, dtype=distance.dtype)


def in_loops(
    preds: SELDOutput, target: SELDOutput, table: Tensor, mask: Tensor
) -> tuple[float, float, Tensor]:
    """Return motp and mota, and which tracks are wanted active, one pair after the other."""
    far = weight = wrong = present = 0.0
    wanted = torch.zeros_like(preds.activity)
    tracks = range(table.shape[2])
    for clip in range(len(table)):
        last = None
        for frame in mask[clip].nonzero().flatten().tolist():
            there = [bool(target.activity[clip, frame, j] > 0) for j in tracks]
            now = [[float(w) if w > 0.5 else 0.0 for w in row] for row in table[clip, frame]]
            for i in tracks:
                for j in tracks:
                    if there[j]:
                        gap = preds.direction[clip, frame, i] - target.direction[clip, frame, j]
                        far += float(gap.norm()) * now[i][j]
                        weight += now[i][j]
                        wanted[clip, frame, i] = max(float(wanted[clip, frame, i]), now[i][j] > 0)
                        if last is not None:
                            others = sum(last[k][j] for k in tracks if k != i)
                            wrong += 0.7 * now[i][j] * others
            found = sum(max(row) for row in now)
            wrong += max(found - sum(there), 0) + max(sum(there) - found, 0)
            present += sum(there)
            last = [[now[i][j] * there[j] for j in tracks] for i in tracks]
    return far / max(weight, 1e-9), wrong / max(present, 1e-9), wanted


@settings(max_examples=10)
@given(SEEDS, st.integers(1, 3), st.booleans())
def test_it_is_what_loops_over_pairs_say(seed: int, tracks: int, masked: bool) -> None:
    preds, target = random_pair(seed, tracks=tracks)
    table = fixed_table(seed, torch.empty(2, 4, tracks, tracks, dtype=torch.float64))
    mask = fixed_table(seed + 1, torch.empty(2, 4)) > (0.3 if masked else -1)
    found = dmot_loss(preds, target, assign=lambda _: table, switch_weight=0.7, mask=mask)
    motp, mota, wanted = in_loops(preds, target, table, mask)
    assert float(found.motp) == pytest.approx(motp, abs=1e-12)
    assert float(found.mota) == pytest.approx(mota, abs=1e-12)
    each = functional.binary_cross_entropy_with_logits(preds.activity, wanted, reduction="none")
    if mask.any():
        torch.testing.assert_close(found.activity, each[mask].mean())


@quick
@given(SEEDS, st.integers(1, 4))
def test_it_is_what_the_hungarian_method_says_of_each_frame(seed: int, tracks: int) -> None:
    pairs = [random_pair(seed, tracks=tracks) for _ in range(2)]
    found, wanted = (
        loss(preds._replace(direction=preds.direction.requires_grad_()), target)
        for loss, (preds, target) in zip((dmot_loss, plain_dmot_loss), pairs, strict=True)
    )
    torch.testing.assert_close(tuple(found), wanted)
    slopes = [
        torch.autograd.grad(losses[0], preds.direction)
        for losses, (preds, _) in zip((found, wanted), pairs, strict=True)
    ]
    torch.testing.assert_close(*slopes)


def test_the_published_form_has_the_published_numbers(golden: Callable[[str], Path]) -> None:
    with np.load(golden("others/dmot_loss.npz")) as stored:
        x = {name: torch.from_numpy(stored[name]) for name in stored.files}
    there = (torch.arange(2) < x["n_gt"][:, None]).float().unsqueeze(2)
    assert torch.equal(x["target"] == 10, (there == 0).expand(60, 2, 3))
    table = x["assoc_logits"].sigmoid()
    scale = torch.rand(60, 2, 1) + 0.5  # of any length
    for clips in (1, 4):  # which the published code joins
        logits, *others = (
            y.unflatten(0, (clips, 60 // clips))
            for y in (x["activity_logits"].unsqueeze(2), scale * x["pred"], there, x["target"])
        )
        losses = dmot_loss(
            SELDOutput(logits, others[0]),
            SELDOutput(others[1], others[1] * others[2]),
            assign=lambda distance: table.reshape(distance.shape),
            form="published",
        )
        total = FixedWeights(**PUBLISHED)(losses)
        found = torch.stack((50 * losses.motp, losses.mota, losses.activity, total)).double()
        names = ("dMOTP_loss", "dMOTA_loss", "activity_loss", "loss")
        torch.testing.assert_close(found, torch.stack([x[name] for name in names]))


@quick
@given(SEEDS, st.integers(1, 3), st.sampled_from(["mended", "published"]))
def test_the_order_of_tracks_and_the_turn_of_the_field_do_not_matter(
    seed: int, tracks: int, form: Any
) -> None:
    preds, target = random_pair(seed, tracks=tracks)
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    for assign in (exact_assignment, smooth):
        limited: Any = partial(assign, limit=4.0)
        wanted = dmot_loss(preds, target, assign=limited, form=form)
        for shuffled in (0, 1):
            order = torch.randperm(tracks, generator=generator)
            pair = [preds, target]
            pair[shuffled] = SELDOutput(*(x[:, :, order] for x in pair[shuffled][:2]))
            found = dmot_loss(*pair, assign=limited, form=form)
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    sides = [x._replace(direction=x.direction @ turn.T) for x in (preds, target)]
    exact = partial(exact_assignment, limit=4.0)  # smooth tables see where absent tracks are
    found = dmot_loss(*sides, assign=exact, form=form)
    torch.testing.assert_close(found, dmot_loss(preds, target, form=form))


def test_what_is_right_costs_nothing() -> None:
    _, target = random_pair(0, tracks=3)
    there = target.activity
    order = torch.tensor([2, 0, 1])
    preds = SELDOutput(60 * there - 30, target.direction).map(lambda x: x[:, :, order])
    for loss in dmot_loss(preds, target):
        assert float(loss) == pytest.approx(0, abs=1e-9)


def exchanges(first: list[int], second: list[int], **options: Any) -> float:
    """Return the mota of two clips whose tracks of the target are predicted on these tracks."""
    both = torch.eye(3)[:2]
    target = SELDOutput(torch.ones(2, 3, 2, 1), both.expand(2, 3, 2, 3))
    order = torch.tensor([first, second])
    index = torch.stack((order, 1 - order), dim=2)
    preds = SELDOutput(torch.ones(2, 3, 2, 1), both[index])
    return float(dmot_loss(preds, target, **options).mota)


def test_exchanges_are_counted_within_clips_alone() -> None:
    assert exchanges([0, 0, 0], [1, 1, 1]) == 0
    assert exchanges([0, 0, 0], [1, 1, 1], form="published") == pytest.approx(2 / 12)
    assert exchanges([0, 1, 1], [1, 0, 1]) == pytest.approx(6 / 12)
    assert exchanges([0, 1, 1], [1, 0, 1], switch_weight=0.5) == pytest.approx(3 / 12)


def test_to_begin_is_no_exchange() -> None:
    activity = torch.tensor([0.0, 0.0, 1.0, 1.0]).reshape(1, 4, 1, 1)
    front = torch.tensor([1.0, 0.0, 0.0])
    target = SELDOutput(activity, activity * front)
    preds = SELDOutput(activity, front.expand(1, 4, 1, 3))
    assert dmot_loss(preds, target).mota == 0
    assert dmot_loss(preds, target, form="published").mota == 0.5


def test_missed_and_false_tracks_by_hand() -> None:
    # One of two tracks is there. Weights: 0.8 to it, 0.6 to the absent one, in one frame of two.
    target = SELDOutput(
        torch.tensor([[[[1.0], [0.0]], [[1.0], [0.0]]]]),
        torch.tensor([[[[1.0, 0, 0], [0, 0, 0]], [[1.0, 0, 0], [0, 0, 0]]]]),
    )
    preds = SELDOutput(torch.zeros(1, 2, 2, 1), torch.eye(3)[:2].expand(1, 2, 2, 3))
    table = torch.tensor([[[[0.8, 0.0], [0.0, 0.6]], [[0.3, 0.0], [0.0, 0.0]]]])
    motp, mota, activity = dmot_loss(preds, target, assign=lambda _: table)
    assert float(motp) == 0, "what is absent has no distance"
    assert float(mota) == pytest.approx((0.4 + 1) / 2)
    published = dmot_loss(preds, target, assign=lambda _: table, form="published")
    absent = (torch.tensor([0.0, 1.0, 0.0]) - 10).norm()
    torch.testing.assert_close(published.motp, 0.6 * absent)  # times the sum of weights, by it
    assert float(published.mota) == pytest.approx((0.4 + 1) / 1.4)
    for loss in (activity, published.activity):
        assert float(loss) == pytest.approx(np.log(2))
    assert dmot_loss(preds, target, assign=lambda _: table, gate=0.0).mota == pytest.approx(
        (0.4 + 0.7) / 2
    )


@pytest.mark.parametrize("form", ["mended", "published"])
@pytest.mark.parametrize("kind", ["exact", "sinkhorn", "network"])
def test_gradients_reach_the_predictions(kind: str, form: Any) -> None:
    network = HungarianNet(2, channels=8).requires_grad_(False).double()
    tables: dict[str, Any] = {"exact": {}, "sinkhorn": {"assign": smooth}}
    tables["network"] = {"assign": network.associate}
    preds, target = random_pair(3, time=8)
    direction = preds.direction.requires_grad_()
    losses = dmot_loss(preds, target, form=form, gate=0.3, **tables[kind])
    (gradient,) = torch.autograd.grad(losses.motp, direction, retain_graph=True)
    assert gradient.any()
    assert losses.mota.requires_grad is (kind != "exact"), "its tables are constants"
    if kind != "exact":
        (slope,) = torch.autograd.grad(losses.mota, direction)
        assert slope.any()


def test_following_the_gradient_finds_the_tracks() -> None:
    _, target = random_pair(5, batch=1, time=6)
    direction = torch.randn(1, 6, 2, 3, dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.Adam([direction], lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        preds = SELDOutput(torch.zeros(1, 6, 2, 1, dtype=torch.float64), direction)
        loss = dmot_loss(preds, target).motp
        loss.backward()
        optimizer.step()
    assert loss < 0.1


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_shows(value: float) -> None:
    preds, target = random_pair(6)
    direction = preds.direction.clone()
    direction[1, 2, 0, 1] = value
    for assign in (partial(exact_assignment, limit=4.0), smooth):
        assert dmot_loss(preds._replace(direction=direction), target, assign=assign).motp.isnan()
    mask = torch.ones(2, 4, dtype=torch.bool)
    mask[1, 2] = False
    losses = dmot_loss(preds._replace(direction=direction), target, mask=mask)
    assert all(loss.isfinite() for loss in losses)


def test_the_module_holds_no_weights_of_others() -> None:
    network = HungarianNet(2, channels=8)
    module = DMOTLoss(assign=network.associate, form="published", gate=0.25, switch_weight=2)
    assert list(module.parameters()) == []
    assert repr(module) == "DMOTLoss(form='published', gate=0.25, switch_weight=2)"
    pair = [x.map(torch.Tensor.float) for x in random_pair(1)]
    wanted = dmot_loss(
        *pair, assign=network.associate, form="published", gate=0.25, switch_weight=2
    )
    torch.testing.assert_close(module(*pair), wanted)


@pytest.mark.messages
def test_messages() -> None:
    preds, target = random_pair(0)
    wrong: Any = {"form": "official"}
    with pytest.raises(ValueError, match="form must be one of 'mended', 'published', got 'offic"):
        dmot_loss(preds, target, **wrong)
    with pytest.raises(ValueError, match=r"gate must be in \[0, 1\), got 1"):
        DMOTLoss(gate=1)
    with pytest.raises(ValueError, match="switch_weight must be finite and at least 0, got -1"):
        dmot_loss(preds, target, switch_weight=-1)
    with pytest.raises(TypeError, match="gate must be a number, got True"):
        dmot_loss(preds, target, gate=True)
    classes = SELDOutput(torch.zeros(2, 4, 2, 5), torch.zeros(2, 4, 2, 3))
    with pytest.raises(ValueError, match=r"preds\.activity must be \(batch, time, track, cls=1\)"):
        dmot_loss(classes, classes)
    with pytest.raises(ValueError, match=r"assign must return a table of shape \(2, 4, 2, 2\), go"):
        dmot_loss(preds, target, assign=lambda x: x[0])
