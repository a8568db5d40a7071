"""Delays as classes: geometry, the best of all arrangements, frames that count."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.arrays import ArrayGeometry
from seldkit.losses import TDOALoss, delay_classes, tdoa_loss

quick = settings(max_examples=20)
SEEDS = st.integers(0, 2**32 - 1)
ARRAY = ArrayGeometry([[0.05, 0.0, 0.0], [0.0, 0.05, 0.0], [-0.05, 0.0, 0.02]])


def random_case(seed: int, tracks: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, classes and where sources are."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 5, tracks, 2, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 5, (2, 3, tracks, 2), generator=generator)
    return logits, target, torch.rand(2, 3, tracks, generator=generator) > 0.4


def plain_loss(logits: Tensor, target: Tensor, active: Tensor) -> Tensor:
    """Return the loss, from every arrangement in turn."""
    losses = []
    batch, time, _, tracks, pairs = logits.shape
    for b, t, pair in product(range(batch), range(time), range(pairs)):
        sources = target[b, t, active[b, t], pair]
        every = range(len(sources))
        chance = logits[b, t, :, :, pair].log_softmax(dim=0)
        costs = [
            -torch.stack([chance[sources[s], track] for track, s in enumerate(arrangement)]).mean()
            for arrangement in product(every, repeat=tracks)
            if set(arrangement) == set(every)
        ]
        losses += [torch.stack(costs).min()] if costs else []
    return torch.stack(losses).mean() if losses else logits.sum() * 0


@quick
@given(SEEDS, st.integers(1, 4))
def test_is_the_best_of_all_arrangements(seed: int, tracks: int) -> None:
    logits, target, active = random_case(seed, tracks)
    torch.testing.assert_close(
        tdoa_loss(logits, target, active), plain_loss(logits, target, active)
    )


@quick
@given(SEEDS, st.permutations(range(3)))
def test_the_order_of_sources_and_tracks_does_not_matter(seed: int, order: list[int]) -> None:
    logits, target, active = random_case(seed, 3)
    loss = tdoa_loss(logits, target, active)
    moved = tdoa_loss(logits, target[:, :, order], active[:, :, order])
    torch.testing.assert_close(moved, loss)
    torch.testing.assert_close(tdoa_loss(logits[:, :, :, order], target, active), loss)


def test_gradients_and_silence() -> None:
    logits, target, active = random_case(0, 2)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tdoa_loss(x, target, active), (logits,))
    (gradient,) = torch.autograd.grad(tdoa_loss(logits, target, active & False), logits)
    assert not gradient.any()


def test_a_mask_leaves_frames_out() -> None:
    logits, target, active = random_case(1, 3)
    mask = torch.tensor([[True, False, True], [False, False, True]])
    loss = tdoa_loss(logits, target, active, mask=mask)
    torch.testing.assert_close(loss, tdoa_loss(logits, target, active & mask[..., None]))
    assert torch.equal(TDOALoss()(logits, target, active, mask), loss)


def test_classes_are_the_lags_of_the_correlation() -> None:
    for azimuth in torch.linspace(0, 6.28, 9).tolist():
        angle = torch.tensor(azimuth)
        source = 100 * torch.stack((angle.cos(), angle.sin(), 0 * angle))
        delays = ARRAY.positions.float() @ source / 100  # how much earlier
        for k, (m, n) in enumerate([(0, 1), (0, 2), (1, 2)]):
            wanted = (delays[n] - delays[m]) * 24000 / 343
            found = delay_classes(source, ARRAY, max_lag=9)[k] - 9
            assert abs(found - wanted) < 0.52


def test_classes_of_many_places() -> None:
    places = torch.randn(2, 3, 4, 3)
    assert delay_classes(places, ARRAY).shape == (2, 3, 4, 3)
    assert delay_classes(100 * places, ARRAY, sample_rate=240000).amax() <= 12
    assert delay_classes(100 * places, ARRAY, sample_rate=240000).amin() >= 0


@pytest.mark.transforms
def test_compiles() -> None:
    logits, target, active = random_case(2, 3)
    compiled = torch.compile(tdoa_loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(logits, target, active), tdoa_loss(logits, target, active))


@pytest.mark.messages
def test_messages() -> None:
    logits, target, active = random_case(3, 2)
    with pytest.raises(ValueError, match=r"target must be in 0..4, got 0 to 5"):
        tdoa_loss(logits, target * 0 + 5 * active[..., None], active)
    with pytest.raises(TypeError, match="active must hold booleans"):
        tdoa_loss(logits, target, active.float())
    with pytest.raises(TypeError, match="target must hold integers"):
        tdoa_loss(logits, target.float(), active)
    with pytest.raises(ValueError, match=r"target must be \(batch=2, time=3, track=2, pair=2\)"):
        tdoa_loss(logits, target[:, :, :1], active)
    with pytest.raises(ValueError, match="max_lag must be at least 1, got 0"):
        delay_classes(torch.zeros(3), ARRAY, max_lag=0)
