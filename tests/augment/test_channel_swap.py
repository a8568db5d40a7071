"""A swapped recording is a recording of the swapped scene."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.ambisonics import plane_wave
from seldkit.augment import channel_swaps, swap_channels, swap_directions
from seldkit.features import FeatureExtractor, presets
from seldkit.geometry import unit_vector

quick = settings(max_examples=30)

ALL = channel_swaps(48)


def as_set(swaps: Tensor) -> set[tuple[int, ...]]:
    return {tuple(swap.flatten().tolist()) for swap in swaps}


@pytest.mark.parametrize("count", [4, 8, 16, 48])
def test_a_set_holds_different_signed_permutations(count: int) -> None:
    swaps = channel_swaps(count)  # type: ignore[arg-type]
    assert swaps.shape == (count, 3, 3)
    assert torch.equal(swaps[0], torch.eye(3, dtype=torch.int64))
    assert len(as_set(swaps)) == count
    products = (swaps.unsqueeze(1) @ swaps.unsqueeze(0)).flatten(0, 1)
    assert as_set(products) == as_set(swaps), "one swap after another is a swap of the set"
    assert torch.equal(swaps @ swaps.mT, torch.eye(3, dtype=torch.int64).expand(count, 3, 3))


def test_smaller_sets_are_parts_of_larger_ones() -> None:
    four, eight, sixteen = (as_set(channel_swaps(count)) for count in (4, 8, 16))
    assert four < eight < sixteen < as_set(ALL)
    up = torch.tensor([0, 0, 1])
    assert all(torch.equal(swap @ up, up) for swap in channel_swaps(4))
    assert all(torch.equal((swap @ up).abs(), up) for swap in channel_swaps(16))
    diagonal = torch.eye(3, dtype=torch.int64)
    assert all(torch.equal(swap.abs(), diagonal) for swap in channel_swaps(8))


@pytest.mark.parametrize("count", [16, 48])
def test_is_the_published_rotation(golden: Callable[[str], Path], count: int) -> None:
    saved = {
        name: torch.from_numpy(array)
        for name, array in np.load(golden(f"einv2/foa_rotation_{count}.npz")).items()
    }
    swaps = channel_swaps(count)  # type: ignore[arg-type]
    axes = torch.eye(3, dtype=torch.int64)[saved["perm"]]
    published = saved["sign"].unsqueeze(2) * axes
    assert as_set(published) == as_set(swaps)
    wave = swap_channels(saved["wave_in"].expand(count, 4, 200), published)
    direction = swap_directions(saved["doa_in"].expand(count, 10, 3, 3), published)
    torch.testing.assert_close(wave, saved["wave_out"], rtol=0, atol=0)
    torch.testing.assert_close(direction, saved["doa_out"], rtol=0, atol=0)


def test_is_the_closed_form_of_sixteen_patterns(golden: Callable[[str], Path]) -> None:
    saved = {
        name: torch.from_numpy(array)
        for name, array in np.load(golden("at2seld/foa16.npz")).items()
    }
    exchange, *signs, azimuth, elevation = saved["pattern_swap_sx_sy_sz_az_el"].T
    orders = torch.tensor([[0, 1, 2], [1, 0, 2]])[exchange.long()]
    patterns = torch.stack(signs, dim=1).long().unsqueeze(2) * torch.eye(3).long()[orders]
    assert as_set(patterns) == as_set(channel_swaps(16))
    wave = swap_channels(saved["foa_in_WYZX"].expand(16, 4, 64), patterns)
    torch.testing.assert_close(wave, saved["foa_out_WYZX"], rtol=0, atol=0)
    direction = unit_vector(*saved["doa_in_deg"]).expand(16, 3)
    wanted = unit_vector(azimuth, elevation)
    torch.testing.assert_close(swap_directions(direction, patterns), wanted)


@quick
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 47))
def test_a_plane_wave_comes_from_the_swapped_direction(
    azimuth_deg: float, elevation_deg: float, index: int
) -> None:
    direction = unit_vector(torch.tensor(azimuth_deg), torch.tensor(elevation_deg))
    swap, signal = ALL[index : index + 1], torch.randn(16)
    swapped = swap_directions(direction.unsqueeze(0), swap)[0]
    found = swap_channels(plane_wave(signal, direction).unsqueeze(0), swap)[0]
    torch.testing.assert_close(found, plane_wave(signal, swapped), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "extractor",
    [
        presets.ein_seld(num_mels=16),
        presets.at2seld(phase="cosine_sine"),
        presets.at2seld(phase="cosine_sine", bins="mel"),
    ],
    ids=["intensity", "phases", "phases of bands"],
)
def test_features_of_swapped_audio_are_swapped_features(
    extractor: FeatureExtractor,
) -> None:
    waveform = torch.randn(1, 4, 3000, dtype=torch.float64)
    maps = extractor(waveform)
    found = extractor(swap_channels(waveform.expand(48, 4, 3000), ALL))
    wanted = swap_channels(maps.expand(48, *maps.shape[1:]), ALL)
    torch.testing.assert_close(found, wanted)


def test_each_item_has_its_own_swap() -> None:
    x, swaps = torch.randn(3, 4, 10), ALL[[5, 17, 40]]
    together = swap_channels(x, swaps)
    for i in range(3):
        alone = swap_channels(x[i : i + 1], swaps[i : i + 1])
        assert torch.equal(together[i : i + 1], alone)


@pytest.mark.parametrize("shape", [(48, 3), (48, 5, 3), (48, 5, 2, 3), (48, 5, 2, 4, 3)])
def test_directions_of_any_format_are_turned_and_zeros_stay(shape: tuple[int, ...]) -> None:
    direction = torch.randn(shape) * (torch.rand(shape[:-1]) > 0.5).unsqueeze(-1)
    turned = swap_directions(direction, ALL)
    assert turned.shape == direction.shape
    assert torch.equal(turned.norm(dim=-1) == 0, direction.norm(dim=-1) == 0)
    inverse = swap_directions(turned, ALL.mT)
    assert torch.equal(inverse, direction)
    assert turned.data_ptr() != direction.data_ptr()


def test_left_and_right_are_exchanged() -> None:
    swap = torch.tensor([[[1, 0, 0], [0, -1, 0], [0, 0, 1]]])
    left = torch.tensor([[0.0, 1.0, 0.0]])
    assert swap_directions(left, swap).tolist() == [[0, -1, 0]]
    levels = torch.tensor([1.0, 2, 3, 4, 0.1, 0.2, 0.3]).reshape(1, 7, 1, 1)
    wanted = torch.tensor([1.0, 2, 3, 4, -0.1, 0.2, 0.3])
    assert torch.equal(swap_channels(levels, swap).flatten(), wanted)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="count must be one of 4, 8, 16, 48, got 24"):
        channel_swaps(24)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"x must have 4, 7 or 13 channels, got shape \(48, 5, 9\)"
    ):
        swap_channels(torch.zeros(48, 5, 9), ALL)
    with pytest.raises(ValueError, match=r"matrix must be \(batch=2, axis=3, axis=3\)"):
        swap_channels(torch.zeros(2, 4, 9), ALL)
    with pytest.raises(ValueError, match=r"matrix must be \(batch=2, axis=3, axis=3\)"):
        swap_directions(torch.zeros(2, 3), ALL)
    with pytest.raises(ValueError, match=r"direction must be \(\.\.\., axis=3\)"):
        swap_directions(torch.zeros(48, 4), ALL)
