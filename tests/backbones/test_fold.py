"""Time is folded into images and comes back as it was."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.backbones import TimeFold
from transforms import assert_compiles_and_exports


@given(
    batch=st.integers(1, 3),
    frames=st.integers(1, 50),
    bins=st.integers(1, 4),
    rows=st.integers(1, 4),
)
def test_unfolding_gives_back_what_was_folded(
    batch: int, frames: int, bins: int, rows: int
) -> None:
    x = torch.randn(batch, 2, frames, bins)
    fold = TimeFold(bins, size=bins * rows, frames_per_step=1)
    images = fold(x)
    windows = -(-frames // (bins * rows * rows))
    assert images.shape == (batch * windows, 2, bins * rows, bins * rows)
    back = fold.unfold(images, batch=batch)
    assert torch.equal(back[:, :, :frames], x)
    assert (back[:, :, frames:] == 0).all()


def test_strips_of_time_lie_below_each_other() -> None:
    frame, bin = torch.meshgrid(torch.arange(16.0), torch.arange(2.0), indexing="ij")
    image = TimeFold(2, size=4, frames_per_step=1)((10 * frame + bin)[None, None])
    assert image.shape == (2, 1, 4, 4)
    assert image[1, 0].tolist() == [
        [80, 90, 100, 110],
        [81, 91, 101, 111],
        [120, 130, 140, 150],
        [121, 131, 141, 151],
    ]


def test_the_published_length() -> None:
    fold = TimeFold(64, size=256, frames_per_step=32)
    assert (fold.rows, fold.out_bins) == (4, 2)
    assert fold(torch.zeros(1, 7, 1001, 64)).shape == (1, 7, 256, 256)
    assert fold.unfold(torch.zeros(1, 768, 8, 8), batch=1).shape == (1, 768, 32, 2)
    assert "64, size=256, frames_per_step=32" in repr(fold)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(TimeFold(2, size=4, frames_per_step=1), torch.randn(1, 2, 9, 2))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="size must be a multiple of num_bins=64, got 100"):
        TimeFold(64, size=100, frames_per_step=32)
    with pytest.raises(ValueError, match="num_bins must be a multiple of 24, got 64"):
        TimeFold(64, size=256, frames_per_step=24)
    with pytest.raises(ValueError, match="frames_per_step must be at least 1, got 0"):
        TimeFold(64, size=256, frames_per_step=0)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel, time, freq=2\), got shape"):
        TimeFold(2, size=4, frames_per_step=1)(torch.zeros(1, 1, 4, 3))
