"""Directions are averaged as vectors, within a sound, and stay of length one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import normalize

from references.runs_in_loops import runs
from seldkit.geometry import unit_norm, unit_vector
from seldkit.postprocess import smooth_tracks

SEEDS = st.integers(0, 2**32 - 1)
ODD = st.sampled_from([1, 3, 5, 9])
QUICK = settings(max_examples=15)


def tracks(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    """Return directions of any length, and where something sounds."""
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(*shape, 3, generator=generator, dtype=torch.float64)
    return direction, torch.rand(shape, generator=generator) < 0.7


def smooth_in_a_loop(direction: Tensor, active: Tensor, window: int) -> Tensor:
    half, out = window // 2, torch.zeros_like(direction)
    for value, start, stop in runs(active):
        for t in range(start, stop) if value else ():
            around = direction[max(start, t - half) : min(stop, t + half + 1)]
            out[t] = normalize(normalize(around, dim=-1).sum(dim=0), dim=0)
    return out


@QUICK
@given(SEEDS, ODD, st.sampled_from([0, 1, 2]))
def test_every_track_is_smoothed_as_alone(seed: int, window: int, dim: int) -> None:
    direction, active = tracks(seed, 2, 3, 12)
    direction, active = direction.movedim(2, dim), active.movedim(2, dim)
    for axis in (dim, dim - 3):
        smooth = smooth_tracks(direction, active, window, dim=axis).movedim(dim, 2)
        for i in range(2):
            for j in range(3):
                want = smooth_in_a_loop(
                    direction.movedim(dim, 2)[i, j], active.movedim(dim, 2)[i, j], window
                )
                torch.testing.assert_close(smooth[i, j], want)


@QUICK
@given(SEEDS, st.integers(1, 9))
def test_causal_tracks_never_read_what_comes(seed: int, window: int) -> None:
    direction, active = tracks(seed, 20)
    smooth = smooth_tracks(direction, active, window, causal=True)
    torch.testing.assert_close(
        smooth[:12], smooth_tracks(direction[:12], active[:12], window, causal=True)
    )
    # From a window of both sides it differs by where it stands alone.
    around = smooth_tracks(direction, torch.ones(20).bool(), 2 * window - 1)
    causal = smooth_tracks(direction, torch.ones(20).bool(), window, causal=True)
    torch.testing.assert_close(causal[-1], around[-1])
    for t in active.nonzero().flatten().tolist():
        start = max(t - window + 1, 0, 1 + max((~active[:t]).nonzero().flatten(), default=-1))
        mean = normalize(normalize(direction[start : t + 1], dim=-1).sum(dim=0), dim=0)
        torch.testing.assert_close(smooth[t], mean)


@QUICK
@given(SEEDS, ODD)
def test_turning_the_world_turns_the_tracks(seed: int, window: int) -> None:
    direction, active = tracks(seed, 15)
    turn = torch.linalg.qr(tracks(seed + 1, 3)[0])[0]
    turned = smooth_tracks(direction @ turn, active, window)
    torch.testing.assert_close(turned, smooth_tracks(direction, active, window) @ turn)


@QUICK
@given(SEEDS, ODD)
def test_active_directions_get_length_one_and_silence_zero(seed: int, window: int) -> None:
    direction, active = tracks(seed, 20, 2)
    smooth = smooth_tracks(direction, active, window, dim=0)
    torch.testing.assert_close(smooth.norm(dim=-1), active.double())
    one = smooth_tracks(direction, active, 1, dim=0)
    torch.testing.assert_close(one, unit_norm(direction) * active.unsqueeze(-1))
    louder = direction * torch.rand(20, 2, 1, dtype=torch.float64).add(0.1)
    torch.testing.assert_close(smooth_tracks(louder, active, window, dim=0), smooth)


def test_a_steady_source_stays_and_noise_shrinks() -> None:
    true = unit_vector(torch.full((200,), 179.0, dtype=torch.float64), 20.0)
    noisy = true + 0.2 * torch.randn(200, 3, dtype=torch.float64)
    active = torch.ones(200).bool()
    torch.testing.assert_close(smooth_tracks(true, active, 7), true)
    before = (unit_norm(noisy) * true).sum(dim=-1).acos().mean()
    after = (smooth_tracks(noisy, active, 7) * true).sum(dim=-1).acos().mean()
    assert after < before / 2


def test_the_next_sound_has_no_say() -> None:
    front, left = torch.eye(3)[:2]
    direction = torch.stack((front, front, left, left, left))
    active = torch.tensor([True, True, False, True, True])
    smooth = smooth_tracks(direction, active, 5)
    assert torch.equal(smooth, torch.stack((front, front, 0 * left, left, left)))


def test_directions_that_cancel_stay() -> None:
    front = torch.tensor([1.0, 0.0, 0.0])
    up = torch.tensor([0.0, 0.0, 1.0])
    direction = torch.stack((front, -front, front, up, 0 * up, -up))
    active = torch.tensor([True, True, False, True, True, True])
    smooth = smooth_tracks(direction, active, 3)
    assert torch.equal(smooth[:2], direction[:2])
    assert torch.equal(smooth[3:], torch.stack((up, 0 * up, -up)))


def test_gradients_are_finite_everywhere() -> None:
    direction = torch.zeros(4, 3).index_fill_(0, torch.tensor([1, 2]), 1.0).requires_grad_()
    smooth_tracks(direction, torch.tensor([True, True, True, False]), 3).sum().backward()
    assert direction.grad is not None
    assert direction.grad.isfinite().all()


def test_no_frames_stay_none() -> None:
    empty = smooth_tracks(torch.zeros(0, 2, 3), torch.zeros(0, 2).bool(), 3, dim=0)
    assert empty.shape == (0, 2, 3)


@pytest.mark.messages
def test_what_is_wrong_with_tracks_is_told() -> None:
    direction, active = torch.zeros(9, 2, 3), torch.ones(9, 2).bool()
    with pytest.raises(ValueError, match="window must be odd and positive, got 2"):
        smooth_tracks(direction, active, 2, dim=0)
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        smooth_tracks(direction, active, 0, causal=True, dim=0)
    with pytest.raises(ValueError, match=r"direction must be \(\.\.\., axis=3\), got shape"):
        smooth_tracks(direction[..., :2], active, 3, dim=0)
    with pytest.raises(TypeError, match="activity must be bool"):
        smooth_tracks(direction, active.float(), 3, dim=0)
    with pytest.raises(ValueError, match=r"activity must be direction without its last axis, \(9"):
        smooth_tracks(direction, active[:, :1], 3, dim=0)
    with pytest.raises(ValueError, match="dim must say which axis of activity is time"):
        smooth_tracks(direction, active, 3)
    with pytest.raises(ValueError, match="direction must be finite"):
        smooth_tracks(direction / 0, active, 3, dim=0)


@pytest.mark.messages
def test_directions_of_integers_are_told() -> None:
    whole = torch.tensor([[1, 0, 0], [0, 1, 0]])
    with pytest.raises(TypeError, match=r"direction must hold floats, got torch\.int64"):
        smooth_tracks(whole, torch.ones(2).bool(), 3)
    with pytest.raises(TypeError, match=r"direction must hold floats, got torch\.int64"):
        unit_norm(whole)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_precision_is_kept_and_rounded_once(dtype: torch.dtype) -> None:
    direction, active = tracks(11, 40, 3)
    direction = direction.to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        smooth = smooth_tracks(direction, active, 7, dim=0)
        unit = unit_norm(direction)
    assert smooth.dtype == unit.dtype == dtype
    eps = torch.finfo(dtype).eps
    wanted = smooth_tracks(direction.double(), active, 7, dim=0)
    torch.testing.assert_close(smooth, wanted.to(dtype), rtol=eps, atol=1e-6)
    torch.testing.assert_close(unit, unit_norm(direction.double()).to(dtype), rtol=eps, atol=1e-6)
