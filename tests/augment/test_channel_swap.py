"""A swapped recording is a recording of the swapped scene."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from formats.sounding import FRAMES, OVERLAPPING, Row, make_events
from seldkit.ambisonics import plane_wave
from seldkit.arrays import ArrayGeometry
from seldkit.augment import channel_swaps, swap_channels, swap_directions, swap_microphones
from seldkit.events import Events
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.geometry import unit_vector
from seldkit.outputs import SELDOutput, combine

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
    wave = torch.tensor([1.0, 2, 3, 4]).reshape(1, 4, 1)
    assert torch.equal(swap_channels(wave, swap).flatten(), torch.tensor([1.0, -2, 3, 4]))


TARGETS = [
    ACCDOA(3),
    ACCDOA(3, distance=True),
    ACCDOA(3, onscreen=True),
    ACCDOA(3, distance=True, onscreen=True),
    MultiACCDOA(3, distance=True, onscreen=True),
    ClassWise(3, distance=True),
    ClassWise(3, positions_m=10.0),
    TrackWise(3, 3),
    TrackWise(3, 3, distance=True, class_directions=True),
    TrackWise(3, 3, positions_m=10.0),
]
PLANAR = [
    ACCDOA(3, planar=True),
    ACCDOA(3, planar=True, distance=True),
    ACCDOA(3, planar=True, onscreen=True),
    MultiACCDOA(3, planar=True, distance=True, onscreen=True),
]


def turned(events: Events, matrix: Tensor) -> Events:
    return replace(events, direction=events.direction @ matrix.double().mT)


@quick
@given(OVERLAPPING, st.sampled_from(TARGETS + PLANAR), st.integers(0, 47), st.booleans())
def test_a_turned_target_is_the_target_of_turned_events(
    rows: list[Row], format_: Any, index: int, tetrahedron: bool
) -> None:
    planar = getattr(format_, "planar", False)
    matrix = channel_swaps(16)[index % 16] if planar else ALL[index]
    if tetrahedron:
        matrix = ArrayGeometry.tetrahedron().swaps()[index % 8].matrix
    if planar:  # where the elevation is 0, which a planar target takes it for
        rows = [(frame, label, azimuth, 0, n) for frame, label, azimuth, _, n in rows]
    events, _ = format_.fit(make_events(rows), FRAMES)
    more = {"planar": True} if planar else {}
    batch = combine(torch.stack, [format_.encode(events, FRAMES)])
    found = swap_directions(batch, matrix, **more)
    wanted = combine(torch.stack, [format_.encode(turned(events, matrix), FRAMES)])
    pairs = [(found, wanted)] if isinstance(found, Tensor) else zip(found, wanted, strict=True)
    for a, b in pairs:
        assert (a is None) == (b is None)
        if a is not None:
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@quick
@given(st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]))
def test_swaps_are_exact_in_every_precision_and_under_autocast(dtype: torch.dtype) -> None:
    wave = torch.randn(48, 4, 20, dtype=torch.float64).to(dtype)
    vectors = torch.randn(48, 5, 3, dtype=torch.float64).to(dtype)
    wanted = swap_channels(wave.double(), ALL), swap_directions(vectors.double(), ALL)
    for autocast in (False, True):
        for matrices in (ALL, ALL.to(dtype), ALL.double(), ALL.int()):
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                found = swap_channels(wave, matrices), swap_directions(vectors, matrices)
                with_distance = swap_directions(
                    torch.cat((vectors, vectors[..., :1]), dim=-1)
                    if not autocast or dtype != torch.float16
                    else functional.pad(vectors, (0, 1)),
                    matrices,
                )
            for a, b in zip(found, wanted, strict=True):
                assert a.dtype == dtype
                assert torch.equal(a.double(), b)
            assert torch.equal(with_distance[..., :3].double(), wanted[1])
    microphones = torch.randn(2, 4, 9).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found_ = swap_microphones(microphones, torch.tensor([2, 0, 3, 1]))
    assert torch.equal(found_, microphones[:, [2, 0, 3, 1]])


@pytest.mark.parametrize("bad", [torch.inf, -torch.inf, torch.nan])
def test_what_is_not_finite_stays_in_its_channel(bad: float) -> None:
    wave, vectors = torch.randn(48, 4, 5), torch.randn(48, 3)
    clean, straight = swap_channels(wave, ALL), swap_directions(vectors, ALL)
    wave[:, 1, 2], vectors[:, 0] = bad, bad
    found, turned_ = swap_channels(wave, ALL), swap_directions(vectors, ALL)
    assert ((~found.isfinite()).sum(dim=(1, 2)) == 1).all()
    assert torch.equal(found[found.isfinite()], clean[found.isfinite()])
    assert ((~turned_.isfinite()).sum(dim=1) == 1).all()
    assert torch.equal(turned_[turned_.isfinite()], straight[turned_.isfinite()])


def test_one_swap_may_hold_for_all() -> None:
    wave, target = torch.randn(3, 4, 10), torch.randn(3, 5, 3)
    swap, order = ALL[17], torch.tensor([1, 0, 3, 2])
    assert torch.equal(swap_channels(wave, swap), swap_channels(wave, swap.expand(3, 3, 3)))
    assert torch.equal(swap_directions(target, swap), swap_directions(target, swap.expand(3, 3, 3)))
    assert torch.equal(swap_microphones(wave, order), swap_microphones(wave, order.expand(3, 4)))


@quick
@given(st.sampled_from(["tetrahedron", "hexagon"]), st.integers(0, 2**16))
def test_a_recording_of_microphones_is_one_of_the_turned_source(name: str, seed: int) -> None:
    hexagon = ArrayGeometry.circle(6, 0.1)
    array = ArrayGeometry.tetrahedron() if name == "tetrahedron" else hexagon
    generator = torch.Generator().manual_seed(seed)
    matrices, orders = map(torch.stack, zip(*array.swaps(), strict=True))
    pick = torch.randint(len(orders), (4,), generator=generator)
    direction = functional.normalize(torch.randn(4, 3, generator=generator).double(), dim=-1)
    time = torch.arange(30) / 24000

    def record(direction: Tensor) -> Tensor:
        late = array.delays(direction).unsqueeze(-1)
        return (2 * torch.pi * 700 * (time - late)).sin()

    found = swap_microphones(record(direction), orders[pick])
    wanted = record(swap_directions(direction, matrices[pick]))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="count must be one of 4, 8, 16, 48, got 24"):
        channel_swaps(24)  # type: ignore[arg-type]
    shape: tuple[int, ...]
    for shape in ((48, 5, 9), (48, 7, 5, 9), (48, 4, 5, 9), (48, 4)):
        with pytest.raises(ValueError, match=r"waveform must be \(batch, channel=4, sample\), got"):
            swap_channels(torch.zeros(shape), ALL)
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        swap_channels(torch.zeros(48, 4, 9, dtype=torch.int16), ALL)
    for wrong in (
        2 * ALL[:1],
        torch.ones(1, 3, 3),
        torch.full((1, 3, 3), torch.nan),
        0.0 * ALL[:1],
    ):
        with pytest.raises(ValueError, match="matrix must hold signed permutations, got"):
            swap_channels(torch.zeros(1, 4, 9), wrong)
        with pytest.raises(ValueError, match="matrix must be orthogonal, got"):
            swap_directions(torch.zeros(1, 3), wrong)
    with pytest.raises(ValueError, match=r"matrix must be \(batch=2, axis=3, axis=3\)"):
        swap_channels(torch.zeros(2, 4, 9), ALL)
    with pytest.raises(ValueError, match=r"matrix must be \(batch=2, axis=3, axis=3\)"):
        swap_directions(torch.zeros(2, 3), ALL)
    rule = (
        r"target must be \(batch, \.\.\., x, y, z\[, distance\]\[, onscreen\]\) with planar=False"
    )
    for shape in ((48, 2), (48, 6), (3,)):
        with pytest.raises(ValueError, match=rule):
            swap_directions(torch.zeros(shape), ALL)
    for shape in ((48, 1), (48, 5)):
        with pytest.raises(
            ValueError, match=r"x, y\[, distance\]\[, onscreen\]\) with planar=True"
        ):
            swap_directions(torch.zeros(shape), ALL, planar=True)
    with pytest.raises(ValueError, match="matrix must keep planar vectors in their plane, got"):
        swap_directions(torch.zeros(48, 2), ALL, planar=True)
    with pytest.raises(ValueError, match=r"direction must be \(\.\.\., axis=3\)"):
        swap_directions(SELDOutput(torch.zeros(48, 5, 2), torch.zeros(48, 5, 2)), ALL)
    with pytest.raises(
        TypeError, match="target must be a tensor, a SELDOutput or Events, got list"
    ):
        swap_directions([torch.zeros(48, 3)], ALL)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="permutation must hold integers, got"):
        swap_microphones(torch.zeros(2, 4, 9), torch.zeros(4))
    with pytest.raises(ValueError, match="permutation must hold every channel once, got"):
        swap_microphones(torch.zeros(2, 4, 9), torch.tensor([0, 1, 1, 2]))
    with pytest.raises(ValueError, match=r"permutation must be \(batch=2, channel=4\), got"):
        swap_microphones(torch.zeros(2, 4, 9), torch.zeros(3, 4).long())
    with pytest.raises(TypeError, match="waveform must hold floats"):
        swap_microphones(torch.zeros(2, 4, 9).short(), torch.arange(4))
