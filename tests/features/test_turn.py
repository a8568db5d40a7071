"""Turned features are the features of the turned sound field."""

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit.arrays import ArrayGeometry
from seldkit.features import (
    GCCPHAT,
    SALSA,
    STFT,
    ChannelSwap,
    FeatureExtractor,
    LevelDifference,
    LogMagnitude,
    LogMel,
    MelFilterBank,
    MidSideLevel,
    Part,
    PhaseDifference,
    presets,
)

MATRICES = torch.stack(
    [
        torch.diag(torch.tensor(signs))[list(order)]
        for order in permutations(range(3))
        for signs in product((1, -1), repeat=3)
    ]
)
TETRAHEDRON = ArrayGeometry.tetrahedron()
DIPOLE = [3, 1, 2]  # of x, y, z
FOA: dict[str, Callable[[], FeatureExtractor]] = {
    "ein_seld": presets.ein_seld,
    "dcase2022_task3": presets.dcase2022_task3,
    "l3das22_task2": presets.l3das22_task2,
    "pseldnets": presets.pseldnets,
    "dcase2020_foa": presets.dcase2020_foa,
    "dcase2021_foa": presets.dcase2021_foa,
    "dcase2023_foa": presets.dcase2023_foa,
    "salsa_foa": presets.salsa_foa,
    "salsa_foa all bins": lambda: presets.salsa_foa(tracking=False),
    "at2seld": lambda: presets.at2seld(phase="cosine_sine"),
    "at2seld mel": lambda: presets.at2seld(bins="mel", phase="cosine_sine"),
    "at2seld no phase": lambda: presets.at2seld(phase=None, norm=None),
}


def maps_the_tetrahedron(matrix: Tensor) -> bool:
    """Return whether a matrix maps the array onto itself."""
    try:
        TETRAHEDRON.permutation(matrix)
    except ValueError:
        return False
    return True


OF_TETRAHEDRON = [matrix for matrix in MATRICES if maps_the_tetrahedron(matrix)]


def recording(extractor: FeatureExtractor) -> Tensor:
    """Return noise in which channels share some of their sound."""
    shared = torch.randn(1, 1, 6000, dtype=torch.float64)
    return 0.1 * (shared + torch.randn(1, extractor.in_channels, 6000, dtype=torch.float64))


def turned_foa(waveform: Tensor, matrix: Tensor) -> Tensor:
    """Return FOA of the turned field, by a product."""
    turned = waveform.clone()
    turned[:, DIPOLE] = torch.einsum("ij,bjs->bis", matrix.to(waveform), waveform[:, DIPOLE])
    return turned


def close(found: Tensor, expected: Tensor, period: Tensor | None = None) -> None:
    """Compare features, angles but for whole turns."""
    difference = (found - expected).abs()
    if period is not None:
        difference = torch.minimum(difference, (period - difference).abs())
    # The constant that some presets add to the waveform is not turned with it.
    assert difference.max() < 1e-4


@pytest.mark.parametrize("name", list(FOA))
def test_foa(name: str) -> None:
    extractor = FOA[name]()
    waveform = recording(extractor)
    features = extractor(waveform)
    each = extractor.turn(features.expand(48, -1, -1, -1), MATRICES)
    for matrix, turned in zip(MATRICES, each, strict=True):
        close(turned[None], extractor(turned_foa(waveform, matrix)))
        assert torch.equal(extractor.turn(features, matrix)[0], turned)


def periods(extractor: FeatureExtractor) -> Tensor | None:
    """Return a whole turn of the angles of an extractor of microphones, in each bin."""
    silent, channels = torch.inf, extractor.num_channels
    period = torch.full((channels, 1, extractor.num_bins), silent, dtype=torch.float64)
    part: Any = extractor.parts[0]
    if isinstance(part, SALSA):
        first, stop = part.doa_bins
        period[4:, 0, first - 1 : stop - 1] = 2 * torch.pi * part.metres
    elif part.encoding == "ipd":
        period[4:] = 2
    else:
        hertz = torch.arange(part.level.bins[0], part.level.bins[1]) * 24000 / part.n_fft
        period[4:, 0] = 343.0 / hertz.double()
    return period


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize(
    "preset",
    [
        presets.salsa_lite,
        presets.salsa_ipd,
        presets.dcase2023_salsa_lite,
        lambda: presets.salsa_mic(tracking=False),
    ],
)
def test_phases_of_microphones(preset: Callable[[], FeatureExtractor], index: int) -> None:
    extractor, matrix = preset(), OF_TETRAHEDRON[index]
    waveform = recording(extractor)
    moved = waveform[:, TETRAHEDRON.permutation(matrix)]
    turned = extractor.turn(extractor(waveform), matrix, array=TETRAHEDRON)
    expected = extractor(moved)
    close(turned[:, :4], expected[:, :4])
    close(turned, expected, periods(extractor))


@pytest.mark.parametrize("index", range(8))
def test_correlations_of_microphones(index: int) -> None:
    matrix = OF_TETRAHEDRON[index]
    stft = STFT(n_fft=64, hop_length=32)
    odd = FeatureExtractor(stft, [GCCPHAT(11), GCCPHAT(11, conjugate="second")])
    waveform = recording(odd)
    moved = waveform[:, TETRAHEDRON.permutation(matrix)]
    close(odd.turn(odd(waveform), matrix, array=TETRAHEDRON), odd(moved))
    even = presets.dcase2023_mic()
    features, expected = even(waveform), even(moved)
    turned = even.turn(features, matrix, array=TETRAHEDRON, lost_lag="nearest")
    close(turned[:, :4], expected[:, :4])
    close(turned[:, 4:, :, 1:], expected[:, 4:, :, 1:])
    if not torch.equal(matrix, torch.eye(3, dtype=torch.int64)):
        with pytest.raises(ValueError, match="of 64 lags the first has no mirror image"):
            even.turn(features, matrix, array=TETRAHEDRON)


def test_correlations_without_sign_have_none_in_a_mirror() -> None:
    stft = STFT(n_fft=512, hop_length=256, sample_rate=24000)
    extractor = FeatureExtractor(stft, [GCCPHAT(33, absolute=True)])
    waveform = recording(extractor)
    for matrix in MATRICES:
        turned = extractor.turn(extractor(waveform), matrix, array="foa")
        close(turned, extractor(turned_foa(waveform, matrix)))


def test_the_tetrahedron_has_eight_turns() -> None:
    assert len(OF_TETRAHEDRON) == 8


def test_salsa_of_microphones_keeps_its_first_one() -> None:
    extractor = presets.salsa_mic()
    waveform = recording(extractor)
    stays = 0
    for matrix in OF_TETRAHEDRON:
        order = TETRAHEDRON.permutation(matrix)
        if order[0] == 0:
            turned = extractor.turn(extractor(waveform), matrix, array=TETRAHEDRON)
            close(turned, extractor(waveform[:, order]))
            stays += 1
            continue
        with pytest.raises(ValueError, match="noise floor is that of the first channel"):
            extractor.turn(extractor(waveform), matrix, array=TETRAHEDRON)
    assert stays == 2


def test_a_circle_turns_by_its_own_angles() -> None:
    array = ArrayGeometry.circle(8, 0.05)
    extractor = presets.overlapping_e2e(num_microphones=8)
    level = LogMagnitude((0, 256))
    parts: list[Part] = [level, PhaseDifference("cosine_sine", bins=(1, 257))]
    every = FeatureExtractor(extractor.stft, parts, in_channels=8)
    waveform = recording(every)
    half = 0.5**0.5
    eighth = torch.tensor([[half, -half, 0], [half, half, 0], [0, 0, 1.0]], dtype=torch.float64)
    order = array.permutation(eighth)
    assert order.tolist() == [7, 0, 1, 2, 3, 4, 5, 6]
    expected = every(waveform[:, order])
    close(every.turn(every(waveform), eighth, array=array), expected)
    with pytest.raises(ValueError, match=r"would need the channels \[7\]"):
        extractor.turn(extractor(waveform), eighth, array=array)


def test_stereo() -> None:
    mel = MelFilterBank(8)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    parts: list[Part] = [LogMel(mel), MidSideLevel(mel), LevelDifference(mel)]
    extractor = FeatureExtractor(stft, parts, in_channels=2)
    waveform, pair = recording(extractor), ArrayGeometry.line(2, 0.1)
    mirror = torch.diag(torch.tensor([1, -1, 1]))
    turned = extractor.turn(extractor(waveform), mirror, array=pair)
    close(turned, extractor(waveform.flip(1)))
    up = torch.diag(torch.tensor([-1, 1, -1]))
    assert torch.equal(extractor.turn(turned, up, array=pair), turned)
    with pytest.raises(ValueError, match="matrix must map the array onto itself"):
        extractor.turn(turned, MATRICES[10], array=pair)
    inverted = ChannelSwap((0, 1), (-1, 1))
    spectrum = torch.randn(1, 2, 3, 33, dtype=torch.complex128)
    signs = torch.tensor([-1.0, 1.0]).reshape(2, 1, 1)
    for part in parts:
        assert hasattr(part, "turn")
        close(part.turn(part(spectrum), inverted), part(spectrum * signs))


def test_differences_of_levels_of_all_microphones() -> None:
    stft = STFT(n_fft=64, hop_length=32)
    extractor = FeatureExtractor(stft, [LevelDifference(pairs=[(0, 1), (0, 2), (3, 0)])])
    waveform = recording(extractor)
    for matrix in OF_TETRAHEDRON:
        expected = extractor(waveform[:, TETRAHEDRON.permutation(matrix)])
        close(extractor.turn(extractor(waveform), matrix, array=TETRAHEDRON), expected)
    alone = FeatureExtractor(stft, [GCCPHAT(11, pairs=[(0, 1)])])
    moves = next(m for m in OF_TETRAHEDRON if TETRAHEDRON.permutation(m).tolist()[:2] == [2, 3])
    with pytest.raises(ValueError, match=r"would need the pair \(2, 3\), which does not follow"):
        alone.turn(alone(waveform), moves, array=TETRAHEDRON)


def test_one_channel_stays() -> None:
    for extractor in (presets.panns(), presets.yamnet()):
        features = extractor(torch.randn(1, 1, 16000))
        assert torch.equal(extractor.turn(features, MATRICES[7]), features)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_it_is_index_and_sign_alone(dtype: torch.dtype) -> None:
    extractor = presets.dcase2023_foa()
    features = extractor(torch.randn(1, 4, 4800)).to(dtype)
    features[0, 5, 3, 7] = torch.inf  # z
    with torch.autocast("cpu", torch.bfloat16):
        turned = extractor.turn(features, MATRICES[1])  # z is inverted
    assert turned.dtype == dtype
    assert torch.equal(turned[:, :5], features[:, :5])
    assert torch.equal(turned[:, 5], -features[:, 5])
    assert torch.equal(turned[:, 6], features[:, 6])


def test_each_item_has_its_matrix_and_gradients_pass() -> None:
    extractor = presets.ein_seld(num_mels=16)
    features = extractor(torch.randn(6, 4, 2400)).requires_grad_()
    chosen = MATRICES[[3, 0, 3, 40, 17, 0]]
    turned = extractor.turn(features, chosen)
    for item in range(6):
        alone = extractor.turn(features[item : item + 1], chosen[item].double())
        assert torch.equal(turned[item : item + 1], alone)
    turned.sum().backward()
    assert features.grad is not None
    assert (features.grad.abs() == 1).all()


def test_a_matrix_then_its_inverse_changes_nothing() -> None:
    extractor = presets.at2seld(phase="cosine_sine")
    features = extractor(torch.randn(1, 4, 4800))
    for matrix in MATRICES:
        there = extractor.turn(features, matrix)
        assert torch.equal(extractor.turn(there, matrix.mT), features)
