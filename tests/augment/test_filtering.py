"""Random filters change levels alike in all channels and leave intensity alone."""

import pytest
import torch

from seldkit.augment import filter_bands


def test_level_differences_between_channels_and_frames_stay() -> None:
    features = torch.randn(3, 7, 11, 64)
    filtered = filter_bands(features)
    torch.testing.assert_close(
        filtered[:, :4].diff(dim=1), features[:, :4].diff(dim=1), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        filtered[:, :4].diff(dim=2), features[:, :4].diff(dim=2), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(filtered[:, 4:], features[:, 4:])


def test_each_clip_has_a_curve_of_its_own_with_the_stated_spread() -> None:
    curve = filter_bands(torch.zeros(4000, 1, 1, 8), tilt_db=3.0, gain_db=4.0, num_levels=1)
    torch.testing.assert_close(curve.std(dim=0), torch.full((1, 1, 8), 5.0), atol=0.3, rtol=0)


def test_the_generator_decides() -> None:
    features = torch.zeros(2, 7, 3, 16)
    first, second = (
        filter_bands(features, generator=torch.Generator().manual_seed(5)) for _ in range(2)
    )
    assert torch.equal(first, second)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="num_nodes must be at least 2, got 1"):
        filter_bands(torch.zeros(1, 7, 3, 16), num_nodes=1)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\)"):
        filter_bands(torch.zeros(7, 3, 16))
