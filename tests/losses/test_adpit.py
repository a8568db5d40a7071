"""ADPIT is the best of all arrangements, and the published loss, for any number of tracks."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from references.adpit import every_arrangement_loss, flat, padded_adpit_loss, six_rows
from seldkit.losses import ADPITLoss, adpit_loss, arrange_sources

quick = settings(max_examples=25)

SEEDS = st.integers(0, 2**32 - 1)
TRACKS = st.integers(1, 5)
ACTIVE = st.sampled_from([0.05, 0.5, 1.0])  # few cells are selected, many searched at once
TERMS = ["mse2023", "mse2024", "l2025audio", "l2025av", "mse2023_zero", "mse2023_emptytgt"]


def random_pair(
    seed: int, tracks: int, *, active: float = 0.5, axis: int = 3, onscreen: bool = False
) -> tuple[Tensor, Tensor]:
    """Return a prediction and a target whose sources stand on any tracks, both in float64."""
    generator = torch.Generator().manual_seed(seed)
    size = 2, 3, tracks, 4
    preds = torch.randn(*size, axis, generator=generator, dtype=torch.float64)
    target = torch.randn(*size, axis, generator=generator, dtype=torch.float64)
    if onscreen:
        target[..., -1] = (target[..., -1] > 0).double()
    return preds, target * (torch.rand(*size, 1, generator=generator) < active)


def from_rows(label: Tensor, entries: int) -> Tensor:
    """Return the published six-row label as `(batch, time, track, cls, axis)`."""
    rows = (label[:, :, :, :1] * label[:, :, :, 1 : 1 + entries]).transpose(3, 4)
    second = rows[:, :, 2] + rows[:, :, 4]
    return torch.stack((rows[:, :, 0] + rows[:, :, 1] + rows[:, :, 3], second, rows[:, :, 5]), 2)


def from_flat(output: Tensor, classes: int) -> Tensor:
    """Return the published output as `(batch, time, track, cls, axis)`."""
    return output.view(*output.shape[:2], 3, -1, classes).transpose(3, 4)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("number", range(4))
def test_is_the_published_loss(golden: Callable[[str], Path], number: int, name: str) -> None:
    saved = np.load(golden("dcase/adpit.npz"))

    def read(key: str) -> Tensor:
        return torch.from_numpy(saved[f"s{number}_{key}"])

    classes = int(read("TC")[1])
    output, onscreen = read(f"{name}_out").requires_grad_(), name == "l2025av"
    preds = from_flat(output, classes)
    if onscreen:  # published as a probability
        preds = torch.cat((preds[..., :-1], preds[..., -1:].logit()), dim=-1)
    year = "2025" if "2025" in name else name[3:7]
    target = from_rows(read(f"target_adpit{year}"), preds.shape[-1])
    if name.endswith("emptytgt"):
        target = torch.zeros_like(target)
    loss = adpit_loss(preds, target, onscreen=onscreen)
    (gradient,) = torch.autograd.grad(loss, output)
    wanted = read(f"{name}_grad")
    if name.endswith("zero"):  # candidates tie within rounding, and any may count
        gradient, wanted = (x.unflatten(2, (3, -1)).norm(dim=3).sum() for x in (gradient, wanted))
    torch.testing.assert_close(loss, read(f"{name}_loss"), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(gradient, wanted, rtol=1e-9, atol=1e-12)


def test_is_the_loss_of_pseldnets(golden: Callable[[str], Path]) -> None:
    saved = np.load(golden("einv2/loss_adpit_accdoa_pseldnets.npz"))
    output = torch.from_numpy(saved["pred_multi_accdoa"]).requires_grad_()
    target = from_rows(torch.from_numpy(saved["adpit_label"]), 3)
    loss = adpit_loss(from_flat(output, 5), target)
    (gradient,) = torch.autograd.grad(loss, output)
    assert loss.item() == pytest.approx(saved["adpit_mse"], rel=1e-6)
    torch.testing.assert_close(gradient, torch.from_numpy(saved["adpit_grad"]))


@quick
@given(SEEDS, ACTIVE)
def test_is_the_best_of_thirteen_padded_candidates(seed: int, active: float) -> None:
    preds, target = random_pair(seed, 3, active=active)
    preds.requires_grad_()
    loss, wanted = adpit_loss(preds, target), padded_adpit_loss(flat(preds), six_rows(target))
    torch.testing.assert_close(loss, wanted)
    gradients = [torch.autograd.grad(x, preds)[0] for x in (loss, wanted)]
    torch.testing.assert_close(*gradients)


@quick
@given(SEEDS, TRACKS, ACTIVE, st.booleans(), st.booleans())
def test_is_the_best_of_all_arrangements(
    seed: int, tracks: int, active: float, onscreen: bool, weighted: bool
) -> None:
    tracks = min(tracks, 4) if active == 1 else tracks
    preds, target = random_pair(seed, tracks, active=active, axis=4, onscreen=onscreen)
    entries = (1.0, 0.0, 2.0) if onscreen else (1.0, 1.0, 0.0, 0.1)
    options: dict[str, Any] = {"onscreen": onscreen, "axis_weights": entries if weighted else None}
    wanted = every_arrangement_loss(preds, target, **options)
    torch.testing.assert_close(adpit_loss(preds, target, **options), wanted)


@quick
@given(SEEDS, st.integers(2, 5), ACTIVE, st.randoms(use_true_random=False))
def test_the_order_of_tracks_does_not_matter(
    seed: int, tracks: int, active: float, random: Any
) -> None:
    preds, target = random_pair(seed, tracks, active=active, axis=4, onscreen=True)
    order = torch.tensor(random.sample(range(tracks), tracks))
    loss = adpit_loss(preds, target, onscreen=True)
    for pair in ((preds[:, :, order], target), (preds, target[:, :, order])):
        torch.testing.assert_close(adpit_loss(*pair, onscreen=True), loss)


@quick
@given(SEEDS, TRACKS, st.randoms(use_true_random=False))
def test_no_arrangement_costs_less(seed: int, tracks: int, random: Any) -> None:
    preds, target = random_pair(seed, tracks, active=1.0)
    order = torch.tensor(random.sample(range(tracks), tracks))
    assert adpit_loss(preds, target) <= functional.mse_loss(preds, target[:, :, order]) + 1e-12


@quick
@given(SEEDS, ACTIVE)
def test_one_track_is_plain_accdoa(seed: int, active: float) -> None:
    preds, target = random_pair(seed, 1, active=active)
    torch.testing.assert_close(adpit_loss(preds, target), functional.mse_loss(preds, target))


@pytest.mark.parametrize("tracks", [3, 4])
def test_every_arrangement_of_two_sources_is_free(tracks: int) -> None:
    sources = torch.eye(3)[:2]
    target = torch.zeros(1, 1, tracks, 1, 3)
    target[0, 0, -2:, 0] = sources  # on the last tracks
    for chosen in product((0, 1), repeat=tracks):
        preds = sources[list(chosen)].reshape(1, 1, tracks, 1, 3)
        used = set(chosen) == {0, 1}
        # One source on all tracks: the cheapest change is to a single track, 1² + 1² off.
        assert adpit_loss(preds, target) == pytest.approx(0 if used else 2 / (3 * tracks))


@pytest.mark.parametrize("frames", [1, 9])
def test_exact_ties_go_to_the_first_arrangement(frames: int) -> None:
    # A prediction of zeros is as far from all arrangements of unit vectors.
    target = torch.zeros(1, frames, 3, 3, 3)
    target[0, 0] = torch.eye(3).unsqueeze(1)
    target[0, 0, 2, 0] = target[0, 0, 0, 1] = 0  # class 0: A, B, -; class 1: -, A, B
    preds = torch.zeros_like(target).requires_grad_()
    (gradient,) = torch.autograd.grad(adpit_loss(preds, target), preds)
    arranged = -gradient[0, 0] * preds.numel() / 2
    x, y, z = torch.eye(3)
    torch.testing.assert_close(arranged[:, 0], torch.stack((x, x, y)))
    torch.testing.assert_close(arranged[:, 1], torch.stack((y, y, z)))
    torch.testing.assert_close(arranged[:, 2], torch.stack((x, y, z)))


def test_the_on_screen_entry_has_no_say() -> None:
    # The logits would prefer the other arrangement, and a source may be off screen.
    target = torch.tensor([[1.0, 0, 1], [0, 1, 0]]).reshape(1, 1, 2, 1, 3)
    preds = torch.tensor([[1.0, 0, -30], [0, 1, 30]]).reshape(1, 1, 2, 1, 3)
    assert adpit_loss(preds, target, onscreen=True) == pytest.approx(30)
    assert adpit_loss(preds[..., :2], target[..., :2]) == 0
    silent = adpit_loss(0 * preds + 2, 0 * target, onscreen=True)  # of silent classes too
    assert silent == pytest.approx(4 + np.log1p(np.exp(2)))


def test_weights_scale_the_squared_errors() -> None:
    preds, target = random_pair(1, 3, active=0.2, axis=4)
    single = target * (torch.arange(3) == 0).reshape(3, 1, 1)
    loss = adpit_loss(preds, single, axis_weights=(1, 1, 1, 0.01))
    errors = (preds - single.sum(dim=2, keepdim=True)).square().mean(dim=(0, 1, 2, 3))
    torch.testing.assert_close(loss, (errors @ errors.new_tensor([1, 1, 1, 0.01])) / 4)


@pytest.mark.parametrize("active", [0.1, 0.9])
@pytest.mark.parametrize("onscreen", [False, True])
def test_gradients_are_those_of_the_loss(active: float, onscreen: bool) -> None:
    pair = random_pair(11, 3, active=active, axis=4, onscreen=onscreen)
    preds, target = (x[:1, :2] for x in pair)
    weights = (1.0, 2.0, 0.5) if onscreen else None

    def loss(x: Tensor) -> Tensor:
        return adpit_loss(x, target, onscreen=onscreen, axis_weights=weights)

    assert torch.autograd.gradcheck(loss, preds.requires_grad_())


def test_half_precision_is_added_up_in_float32() -> None:
    preds, target = (x.float() for x in random_pair(5, 3, axis=4, onscreen=True))
    half = preds.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = adpit_loss(half, target.bfloat16(), onscreen=True)
    same = adpit_loss(half.float(), target.bfloat16().float(), onscreen=True)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, same)
    loss.backward()
    assert half.grad is not None
    assert half.grad.isfinite().all()


def test_nan_stays_nan() -> None:
    preds, target = random_pair(5, 3)
    preds[0, 0, 0, 0, 0] = torch.nan
    assert adpit_loss(preds, target).isnan()


@quick
@given(SEEDS, TRACKS)
def test_few_cells_are_arranged_as_many(seed: int, tracks: int) -> None:
    # Beside a crowd the same cells are searched in another way.
    preds, target = random_pair(seed, tracks, active=0.2)
    crowd = torch.ones_like(target).repeat(1, 3, 1, 1, 1)
    together = [torch.cat((x, crowd), dim=1) for x in (preds, target)]
    torch.testing.assert_close(arrange_sources(*together)[:, :3], arrange_sources(preds, target))


def test_tensors_need_not_be_contiguous() -> None:
    for active in (0.2, 0.9):
        preds, target = random_pair(3, 3, active=active)
        views = (
            x.permute(4, 2, 0, 3, 1).contiguous().permute(2, 4, 1, 3, 0) for x in (preds, target)
        )
        torch.testing.assert_close(adpit_loss(*views), adpit_loss(preds, target))


def test_no_clips_and_no_frames_are_no_error() -> None:
    preds = torch.zeros(1, 2, 3, 4, 3)
    assert adpit_loss(preds[:0], preds[:0]).isnan()
    assert adpit_loss(preds[:, :0], preds[:, :0]).isnan()


def test_six_tracks_are_fast_and_nine_work() -> None:
    generator = torch.Generator().manual_seed(0)
    preds, target = torch.randn(2, 8, 20, 6, 13, 3, generator=generator)
    start = process_time()
    loss = adpit_loss(preds, target)
    assert process_time() - start < 2
    assert loss < functional.mse_loss(preds, target)
    order = torch.randperm(9, generator=generator)
    target = torch.randn(1, 2, 9, 3, 3, generator=generator)
    assert adpit_loss(target[:, :, order], target) == 0


@pytest.mark.transforms
def test_compiles_whole() -> None:
    module = ADPITLoss(onscreen=True, axis_weights=(1.0, 1.0, 0.5))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for active in (0.1, 0.9):  # few cells, which are selected, and many
        preds, target = random_pair(7, 3, active=active, axis=4, onscreen=True)
        found = []
        for function in (compiled, module):
            preds = preds.clone().requires_grad_()
            loss = function(preds, target)
            found.append([loss, *torch.autograd.grad(loss, preds)])
        torch.testing.assert_close(*found)


@pytest.mark.transforms
def test_exports_for_any_number_of_clips() -> None:
    preds, target = random_pair(7, 3)
    clips = {0: torch.export.Dim("clips")}
    program = torch.export.export(ADPITLoss(), (preds, target), dynamic_shapes=(clips, clips))
    torch.testing.assert_close(
        program.module()(preds[:1], target[:1]), adpit_loss(preds[:1], target[:1])
    )


def test_the_module_is_the_function() -> None:
    preds, target = random_pair(1, 3, axis=4, onscreen=True)
    module = ADPITLoss(onscreen=True, axis_weights=[1, 1, 0.1])
    wanted = adpit_loss(preds, target, onscreen=True, axis_weights=(1, 1, 0.1))
    assert module(preds, target) == wanted
    settings = "onscreen=True, axis_weights=(1, 1, 0.1), relative_distance=False"
    assert repr(module) == f"ADPITLoss({settings})"


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    preds, target = random_pair(0, 3)
    with pytest.raises(
        ValueError, match=r"preds must be \(batch, time, track, cls, axis\), got sha"
    ):
        adpit_loss(preds[0], target[0])
    with pytest.raises(ValueError, match="preds and target must have the same shape, got preds"):
        adpit_loss(preds, target[:, :, :2])
    with pytest.raises(ValueError, match="preds must hold a vector before onscreen, got shape"):
        adpit_loss(preds[..., :1], target[..., :1], onscreen=True)
    with pytest.raises(ValueError, match="one factor for each entry of the axis, got 3 for 2"):
        adpit_loss(preds, target, onscreen=True, axis_weights=(1, 1, 1))
    for factor in (-1.0, torch.inf, torch.nan):
        with pytest.raises(ValueError, match=r"axis_weights must be finite and from 0 up, got \(1"):
            ADPITLoss(axis_weights=(1, 1, factor))


@quick
@given(SEEDS, st.integers(1, 3), ACTIVE, st.booleans(), st.booleans())
def test_relative_distances_are_the_best_of_all_arrangements(
    seed: int, tracks: int, active: float, weighted: bool, onscreen: bool
) -> None:
    preds, target = random_pair(seed, tracks, active=active, axis=4 + onscreen, onscreen=onscreen)
    target[..., 3] = target[..., 3].abs() * 3
    weights = (1.0, 1.0, 0.5, 0.2) if weighted else None
    options: dict[str, Any] = {"axis_weights": weights, "onscreen": onscreen}
    wanted = every_arrangement_loss(preds, target, **options, relative_distance=True)
    loss = adpit_loss(preds, target, **options, relative_distance=True)
    torch.testing.assert_close(loss, wanted)


def test_relative_distance_by_hand() -> None:
    target = torch.tensor([1.0, 0.0, 0.0, 4.0]).expand(1, 1, 3, 1, 4).clone()
    target[:, :, 1:] = 0
    preds = torch.tensor([1.0, 0.0, 0.0, 2.0]).expand(1, 1, 3, 1, 4)
    loss = adpit_loss(preds, target, relative_distance=True)
    assert loss.item() == pytest.approx(4 / 4.001 / 4)
    far, near = (torch.tensor([0.0, 1.0, 0.0, d]) for d in (8.0, 1.0))
    target = torch.stack((far, near)).reshape(1, 1, 2, 1, 4)
    preds = torch.stack((near, far)).reshape(1, 1, 2, 1, 4)
    moved = arrange_sources(preds, target, relative_distance=True)
    assert torch.equal(moved, preds)
    silent = torch.zeros(1, 1, 2, 1, 4)
    plain = adpit_loss(preds, silent)
    assert torch.equal(adpit_loss(preds, silent, relative_distance=True), plain)


@pytest.mark.messages
def test_relative_distance_needs_a_distance() -> None:
    short = torch.zeros(1, 1, 2, 1, 2)
    for loss in (adpit_loss, arrange_sources):
        with pytest.raises(ValueError, match="relative_distance needs a vector and a distance"):
            loss(short, short, relative_distance=True)
