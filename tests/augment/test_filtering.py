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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_and_rounded_once(dtype: torch.dtype) -> None:
    features = (10 * torch.randn(2, 7, 5, 16)).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = filter_bands(features, generator=torch.Generator().manual_seed(1))
    wanted = filter_bands(features.double(), generator=torch.Generator().manual_seed(1))
    assert found.dtype == dtype
    torch.testing.assert_close(found, wanted.to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-6)
    assert torch.equal(found[:, 4:], features[:, 4:])


@pytest.mark.messages
def test_levels_must_be_there() -> None:
    with pytest.raises(ValueError, match="num_levels must be at most the 3 channels of the feat"):
        filter_bands(torch.zeros(1, 3, 3, 16))
    assert filter_bands(torch.zeros(1, 4, 3, 16)).shape == (1, 4, 3, 16)
    with pytest.raises(TypeError, match="features must hold floats"):
        filter_bands(torch.zeros(1, 4, 3, 16).int())
    for wrong in ({"num_levels": 1.5}, {"num_levels": True}, {"num_nodes": 8.0}):
        with pytest.raises(TypeError, match="must be an integer, got"):
            filter_bands(torch.zeros(1, 4, 3, 16), **wrong)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="num_nodes must be at least 2, got 1"):
        filter_bands(torch.zeros(1, 7, 3, 16), num_nodes=1)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\)"):
        filter_bands(torch.zeros(7, 3, 16))
