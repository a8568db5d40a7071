"""Vectors of tracks under every assignment, tried one by one."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references.tracks import plain_sliding_pit_loss
from seldkit import SELDOutput
from seldkit.losses import VectorPITLoss, trackwise_pit_loss, vector_pit_loss

SEEDS = st.integers(0, 2**32 - 1)
SPANS: list[dict[str, Any]] = [
    {},
    {"per": "chunk"},
    {"per": "stretch"},
    {"per": "clip"},
    {"per": "window", "window": 3},
]
quick = settings(max_examples=20)


def random_vectors(seed: int, time: int, tracks: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    preds, target = torch.randn(2, 2, time, tracks, 3, generator=generator, dtype=torch.float64)
    return preds, target * (target[..., :1] > -0.5)


@quick
@given(SEEDS, st.integers(1, 6), st.integers(1, 3), st.sampled_from([1, 3, 5, 99]))
def test_a_window_tries_every_order_around_a_frame(
    seed: int, time: int, tracks: int, window: int
) -> None:
    preds, target = random_vectors(seed, time, tracks)
    found = vector_pit_loss(preds, target, per="window", window=window)
    torch.testing.assert_close(found, plain_sliding_pit_loss(preds, target, window=window))


@quick
@given(SEEDS, st.integers(1, 6), st.integers(1, 3))
def test_windows_lie_between_frame_and_clip(seed: int, time: int, tracks: int) -> None:
    preds, target = random_vectors(seed, time, tracks)
    frame, clip = vector_pit_loss(preds, target), vector_pit_loss(preds, target, per="clip")
    for window, same in ((1, frame), (2 * time - 1, clip), (10**6 + 1, clip)):
        found = vector_pit_loss(preds, target, per="window", window=window)
        torch.testing.assert_close(found, same)
    assert frame <= vector_pit_loss(preds, target, per="window", window=3) + 1e-12
    assert frame <= clip + 1e-12


@quick
@given(SEEDS, st.integers(1, 6), st.integers(1, 4), st.sampled_from(SPANS))
def test_the_order_of_tracks_does_not_matter(
    seed: int, time: int, tracks: int, span: dict[str, Any]
) -> None:
    preds, target = random_vectors(seed, time, tracks)
    wanted = vector_pit_loss(preds, target, **span)
    order = torch.randperm(tracks)
    torch.testing.assert_close(vector_pit_loss(preds[:, :, order], target, **span), wanted)
    torch.testing.assert_close(vector_pit_loss(preds, target[:, :, order], **span), wanted)
    assert vector_pit_loss(target[:, :, order], target, **span) == 0


@quick
@given(SEEDS, st.integers(1, 6), st.integers(1, 3), st.sampled_from(SPANS))
@pytest.mark.parametrize("error", ["mse", "l1"])
def test_it_is_the_track_wise_loss_of_directions_alone(
    error: Any, seed: int, time: int, tracks: int, span: dict[str, Any]
) -> None:
    preds, target = random_vectors(seed, time, tracks)
    active = (target != 0).any(dim=-1, keepdim=True).double()
    sides = [SELDOutput(x, y) for x, y in ((0 * active, preds), (active, target))]
    options = {"selection": (0.0, 1.0), "direction": error, **span}
    both = trackwise_pit_loss(sides[0], sides[1], **options)
    torch.testing.assert_close(vector_pit_loss(preds, target, error=error, **span), both.doa)


def test_given_chunks_share_an_assignment() -> None:
    preds, target = random_vectors(1, 6, 2)
    one = torch.zeros(2, 6, dtype=torch.int64)
    clip = vector_pit_loss(preds, target, per="clip")
    torch.testing.assert_close(vector_pit_loss(preds, target, per="chunk", chunk=one), clip)
    each = torch.arange(6).expand(2, 6)
    frame = vector_pit_loss(preds, target)
    torch.testing.assert_close(vector_pit_loss(preds, target, per="chunk", chunk=each), frame)


def test_the_module_says_how_it_was_made() -> None:
    module = VectorPITLoss(per="window", window=5, error="l1")
    assert repr(module) == "VectorPITLoss(per='window', window=5, error='l1')"
    preds, target = random_vectors(2, 7, 2)
    wanted = vector_pit_loss(preds, target, per="window", window=5, error="l1")
    torch.testing.assert_close(module(preds, target), wanted)


@pytest.mark.messages
def test_messages() -> None:
    x = torch.zeros(2, 5, 3, 3)
    wrong: Any = "rmse"
    with pytest.raises(ValueError, match="error must be one of 'mse', 'l1', got 'rmse'"):
        vector_pit_loss(x, x, error=wrong)
    with pytest.raises(ValueError, match="window must be an odd number of frames"):
        VectorPITLoss(per="window", window=4)
    with pytest.raises(ValueError, match=r"preds must be \(batch, time, track, axis\), got shape"):
        vector_pit_loss(x[0], x[0])
    with pytest.raises(ValueError, match="preds and target must have the same shape"):
        vector_pit_loss(x, x[:, 1:])
    chunk = torch.zeros(2, 5)
    with pytest.raises(TypeError, match=r"chunk must hold integers, got torch\.float32"):
        vector_pit_loss(x, x, per="chunk", chunk=chunk)
    with pytest.raises(ValueError, match="chunk needs per='chunk', got per='frame'"):
        vector_pit_loss(x, x, chunk=chunk.long())
