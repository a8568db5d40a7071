"""Sound and labels move together, whole frames at a time, and nothing is lost."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seldkit.augment import shift_time
from seldkit.outputs import SELDOutput


def clips(batch: int, frames: int, ratio: int) -> tuple[Tensor, Tensor]:
    """Return features in which every value is the number of its label frame, and the numbers."""
    numbers = torch.arange(float(frames)).expand(batch, frames)
    features = numbers.repeat_interleave(ratio, dim=1)[:, None, :, None].expand(-1, 2, -1, 3)
    return features, numbers


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_a_frame_keeps_its_sound(batch: int, frames: int, ratio: int, waveform: bool) -> None:
    features, numbers = clips(batch, frames, ratio)
    x = features[..., 0] if waveform else features
    target = SELDOutput(numbers[:, :, None, None], numbers[:, :, None], numbers)
    moved, labels = shift_time(x, target, ratio=ratio)
    assert moved.shape == x.shape
    assert labels.distance is not None
    assert torch.equal(labels.activity.flatten(1), labels.distance)
    assert torch.equal(labels.direction.flatten(1), labels.distance)
    first = moved[:, 1] if waveform else moved[:, 1, :, 2]
    assert torch.equal(first, labels.distance.repeat_interleave(ratio, dim=1))
    assert torch.equal(labels.distance.sort(dim=1).values, numbers)
    steps = labels.distance.diff(dim=1, prepend=labels.distance[:, -1:]) % frames
    assert (steps == 1 % frames).all()


def test_each_clip_has_a_shift_of_its_own_and_all_occur() -> None:
    x, numbers = clips(400, 5, 2)
    _, moved = shift_time(x, numbers, ratio=2)
    assert isinstance(moved, Tensor)
    assert (moved[:, 0].long().bincount(minlength=5) > 50).all()


def test_targets_without_distance_and_of_any_format() -> None:
    x, numbers = clips(3, 6, 1)
    _, target = shift_time(x, SELDOutput(numbers[..., None], numbers[..., None]), ratio=1)
    assert target.distance is None
    _, vectors = shift_time(x, torch.zeros(3, 6, 2, 5, 3), ratio=1)
    assert vectors.shape == (3, 6, 2, 5, 3)


def test_the_generator_decides() -> None:
    x, numbers = clips(8, 50, 2)
    first, second = (
        shift_time(x, numbers, ratio=2, generator=torch.Generator().manual_seed(5))
        for _ in range(2)
    )
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    x, numbers = clips(2, 5, 4)
    with pytest.raises(
        ValueError, match=r"x must be \(batch, channel, time=15, ...\) for 5 frames"
    ):
        shift_time(x, numbers, ratio=3)
    with pytest.raises(ValueError, match="ratio must be at least 1, got 0"):
        shift_time(x, numbers, ratio=0)
    with pytest.raises(TypeError, match="target must be a tensor or a SELDOutput, got tuple"):
        shift_time(x, (numbers, numbers), ratio=4)  # type: ignore[type-var]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_under_autocast(dtype: torch.dtype) -> None:
    x, numbers = (part.to(dtype) for part in clips(3, 5, 4))
    with torch.autocast("cpu", torch.bfloat16):
        moved, labels = shift_time(x, numbers, ratio=4)
    assert moved.dtype == labels.dtype == dtype
    assert torch.equal(moved[:, 0, ::4, 0], labels)
