"""SALSA points to the source, and equals a decomposition of each bin."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.ambisonics import plane_wave
from seldkit.arrays import ArrayGeometry
from seldkit.features import SALSA, STFT, FeatureExtractor, presets
from seldkit.geometry import unit_vector

quick = settings(max_examples=20)
stft = STFT(n_fft=64, hop_length=32)
SMALL: dict[str, Any] = {"n_fft": 64, "sample_rate": 24000, "fmin_doa": 0.0}
"""25 bins, vectors in bins 1 to 23."""
PUBLISHED: dict[str, Any] = {"n_fft": 512, "sample_rate": 24000}


def noise(*shape: int) -> Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


def mixture(channels: int, frames: int = 12) -> Tensor:
    """Return one source in each of three clips and 33 bins, under noise of many levels."""
    source = noise(3, 1, frames, 33) * noise(3, channels, 1, 33)
    level = 10 ** torch.empty(3, 1, 1, 33, dtype=torch.float64).uniform_(-3, 1)
    return source + level * noise(3, channels, frames, 33)


def by_decomposition(spectrum: Tensor, wrap: bool) -> tuple[Tensor, Tensor]:
    """Return the principal eigenvectors `batch time freq channel` and two ratios of eigenvalues."""
    x = spectrum.numpy()
    frames = x.shape[2]
    vectors, ratios = [], []
    for frame in range(frames):
        window = [i % frames for i in range(frame - 3, frame + 4) if wrap or 0 <= i < frames]
        covariance = np.einsum("bctf,bdtf->bfcd", x[:, :, window], x[:, :, window].conj())
        u, s, _ = np.linalg.svd(covariance)
        vectors.append(torch.from_numpy(u[..., 0]))
        with np.errstate(divide="ignore"):  # one frame has one eigenvalue
            ratios.append(torch.from_numpy(s[..., 0] / s[..., 1]))
    return torch.stack(vectors, dim=1), torch.stack(ratios, dim=1)


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_plane_wave_is_found_where_it_comes_from(azimuth: float, elevation: float) -> None:
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    spectrum = stft(plane_wave(torch.randn(640).double(), direction).unsqueeze(0))
    vectors = SALSA(noise_ratio=None, **SMALL)(spectrum)[0, 4:, :, :23]
    torch.testing.assert_close(vectors, direction[[1, 2, 0]][:, None, None].expand_as(vectors))


@quick
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_a_far_source_gives_the_paths_to_the_microphones(azimuth: float, elevation: float) -> None:
    array = ArrayGeometry.tetrahedron()
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    frequency = torch.arange(33, dtype=torch.float64) * 4000 / 64
    turns = torch.outer(array.delays(direction), frequency)
    wave = torch.exp(-2j * math.pi * turns).unsqueeze(1)
    spectrum = (wave * noise(9, 33)).unsqueeze(0)
    salsa = SALSA("mic", fmax_doa=1500.0, noise_ratio=None, **(SMALL | {"sample_rate": 4000}))
    paths = salsa(spectrum)[0, 4:, :, :23]
    expected = (array.positions[1:] - array.positions[0]) @ direction
    torch.testing.assert_close(paths, expected[:, None, None].expand_as(paths))


@quick
@given(st.integers(0, 2**31))
def test_rotating_the_field_rotates_the_vectors(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    spectrum = mixture(4)
    dipoles = torch.einsum("ij,bjtf->bitf", rotation.to(spectrum.dtype), spectrum[:, 1:])
    rotated = torch.cat((spectrum[:, :1], dipoles), dim=1)
    salsa = SALSA(**SMALL)
    expected = torch.einsum("ij,bjtf->bitf", rotation, salsa(spectrum)[:, 4:])
    torch.testing.assert_close(salsa(rotated)[:, 4:], expected)


@quick
@given(
    st.integers(2, 5),
    st.sampled_from(("clip", "wrap")),
    st.sampled_from((1.5, 5.0, 20.0)),
    st.integers(1, 12),
)
def test_it_equals_a_decomposition_of_each_bin(
    channels: int, edges: Any, condition: float, frames: int
) -> None:
    spectrum = mixture(channels, frames)
    options = {"condition": condition, "noise_ratio": None, "edges": edges}
    phases = SALSA("mic", fmax_doa=9000.0, **options, **SMALL)(spectrum)[:, channels:]
    vectors, ratios = by_decomposition(spectrum[..., 1:24], edges == "wrap")
    coherent = ratios > condition
    assert torch.equal((phases[..., :23] != 0).all(dim=1), coherent)
    angle = (vectors[..., 1:] * vectors[..., :1].conj()).angle().movedim(-1, 1)
    metres = 343 / (2 * math.pi * torch.arange(1, 24, dtype=torch.float64) * 375)
    torch.testing.assert_close(phases[..., :23], angle * metres * coherent.unsqueeze(1))
    if channels == 4:
        found = SALSA(**options, **SMALL)(spectrum)[:, 4:, :, :23]
        expected = (vectors[..., 1:] / vectors[..., :1]).real
        expected = expected / expected.norm(dim=-1, keepdim=True) * coherent.unsqueeze(-1)
        torch.testing.assert_close(found, expected.movedim(-1, 1))


def test_single_precision_loses_no_more_than_its_digits() -> None:
    spectrum = mixture(4, 60)
    single = SALSA(noise_ratio=None, **SMALL)(spectrum.to(torch.complex64))[:, 4:].double()
    double = SALSA(noise_ratio=None, **SMALL)(spectrum)[:, 4:]
    both = ((single != 0) == (double != 0)).all(dim=1)
    assert (~both).double().mean() < 1e-3
    difference = (single - double).abs().amax(dim=1)[both]
    assert difference.max() < 1e-3  # where the first channel hardly hears the source
    assert difference.quantile(0.99) < 1e-5


def test_without_a_condition_every_bin_has_its_vector() -> None:
    spectrum = mixture(4)
    found = SALSA(noise_ratio=None, condition=None, **SMALL)(spectrum)[:, 4:, :, :23]
    vectors, ratios = by_decomposition(spectrum[..., 1:24], wrap=False)
    expected = (vectors[..., 1:] / vectors[..., :1]).real
    expected = (expected / expected.norm(dim=-1, keepdim=True)).movedim(-1, 1)
    clear = (ratios > 1.002).unsqueeze(1).expand_as(expected)
    torch.testing.assert_close(found[clear], expected[clear], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3, 12, 23).double())


def test_diffuse_noise_has_no_direction() -> None:
    vectors = SALSA(noise_ratio=None, **SMALL)(noise(1, 4, 200, 33))[:, 4:, :, :23]
    assert (vectors != 0).any(dim=1).double().mean() < 0.02


def test_steady_background_has_no_direction() -> None:
    wave = noise(1, 1, 400, 33).sgn() * noise(1, 4, 1, 1)
    wave[:, :, 300:304] *= 30
    passed = (SALSA(**SMALL)(wave)[0, 4:, :, :23] != 0).any(dim=(0, 2))
    assert not passed[200:300].any()
    assert passed[300:306].all()
    assert not passed[306:].any()
    assert (SALSA(noise_ratio=None, **SMALL)(wave)[:, 4:, :, :23] != 0).all()


def test_levels_by_hand() -> None:
    spectrum = torch.ones(1, 2, 9, 33, dtype=torch.complex128)
    spectrum[..., 24:32] *= 2j  # bin 24 stands alone, 25 to 31 are a group that lacks an eighth
    level = SALSA("mic", **SMALL)(spectrum)[0, 0, 0]
    expected = torch.zeros(25).double()
    expected[23], expected[24] = 10 * math.log10(4), 10 * math.log10(7 * 4 / 8)
    torch.testing.assert_close(level, expected)
    every_bin = SALSA("mic", compress=False, **SMALL)(spectrum)
    assert every_bin.shape == (1, 3, 9, 32)
    torch.testing.assert_close(every_bin[0, 0, 0, 23:31], expected[23].expand(8))


def test_silence_gives_zeros_and_finite_gradients() -> None:
    forms: list[Any] = ["foa", "mic"]
    for form in forms:
        for condition in (5.0, None):
            silence = torch.zeros(1, 4, 9, 33, dtype=torch.complex64, requires_grad=True)
            salsa = SALSA(form, condition=condition, **SMALL)
            features = salsa(silence)
            assert (features[:, :4] == -100).all()
            assert (features[:, 4:] == 0).all()
            features.sum().backward()
            assert silence.grad is not None
            assert silence.grad.isfinite().all()


@pytest.mark.parametrize("form", ["foa", "mic"])
@pytest.mark.parametrize("tests", [True, False])
def test_gradients(form: Any, tests: bool) -> None:
    options = {} if tests else {"noise_ratio": None, "condition": None}
    salsa = SALSA(form, **SMALL, **options)  # type: ignore[arg-type]
    spectrum = mixture(4, 4)[:1].requires_grad_()
    assert torch.autograd.gradcheck(salsa, (spectrum,), fast_mode=True)


def test_edges_matter_only_near_the_edges() -> None:
    waveform = torch.randn(1, 4, 12000)
    wrap = SALSA(condition=None, noise_ratio=None, edges="wrap", **PUBLISHED)
    clip = SALSA(condition=None, noise_ratio=None, **PUBLISHED)
    spectrum = STFT(n_fft=512, hop_length=300)(waveform)
    same = (wrap(spectrum) - clip(spectrum)).abs().amax(dim=(0, 1, 3)) < 1e-3
    assert same[3:-3].all()
    assert not same[:3].any()
    assert not same[-3:].any()


def test_batches_equal_their_items_in_blocks_of_any_size() -> None:
    salsa = SALSA("mic", fmax_doa=9000.0, **PUBLISHED)  # 344 frames a block
    spectrum = noise(2, 2, 700, 257) + 3 * noise(2, 1, 700, 257)
    batch = salsa(spectrum)
    items = torch.cat([salsa(item.unsqueeze(0)) for item in spectrum])
    assert torch.equal(batch, items)
    assert (batch[:, 2:, :, 1:191] != 0).any(dim=1).double().mean() > 0.1


@pytest.mark.parametrize("preset", [presets.salsa_foa, presets.salsa_mic])
def test_odd_sounds_are_finite_and_autocast_is_ignored(
    preset: Callable[[], FeatureExtractor],
) -> None:
    extractor = preset()
    clipped = torch.randn(4, 3000).mul(1e4).clamp(-1, 1)
    constant = torch.ones(4, 3000)
    loud = 1e6 * torch.randn(4, 3000)
    one_channel = torch.randn(4, 3000) * torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    faint = 1e-12 * torch.randn(4, 3000)
    waveform = torch.stack((clipped, constant, loud, one_channel, faint)).requires_grad_()
    features = extractor(waveform)
    assert features.isfinite().all()
    features.sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(waveform), features)


@pytest.mark.transforms
@pytest.mark.parametrize("preset", [presets.salsa_foa, presets.salsa_mic])
def test_compiles_and_exports(preset: Callable[[], FeatureExtractor]) -> None:
    extractor, waveform = preset(), torch.randn(2, 4, 3000)
    torch.compiler.reset()
    compiled = torch.compile(extractor, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(waveform), extractor(waveform))
    exported = torch.export.export(extractor, (waveform,))
    torch.testing.assert_close(exported.module()(waveform), extractor(waveform))


def test_settings_and_state() -> None:
    extractor = FeatureExtractor(
        STFT(n_fft=512, hop_length=300, sample_rate=24000),
        [SALSA("mic", fmax_doa=2000.0)],
        in_channels=2,
    )
    assert extractor(torch.randn(1, 2, 3000)).shape == (1, 3, 11, 200)
    assert not extractor.state_dict()
    assert "'mic', n_fft=512, sample_rate=24000, fmin_doa=50.0, fmax_doa=2000.0" in repr(extractor)
    assert (SALSA().lookahead, SALSA(noise_ratio=None).lookahead) == (4, 3)


@pytest.mark.parametrize("form", ["foa", "mic"])
@pytest.mark.parametrize("frame", [0, 20])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_undefined_is_nan_and_spoils_no_other_frame(
    form: Any, frame: int, value: float
) -> None:
    source = noise(1, 1, 40, 33)
    spectrum = 1e-3 * noise(1, 4, 40, 33) + source * (torch.arange(40) % 10 > 4).unsqueeze(1)
    salsa = SALSA(form, fmax_doa=9000.0, **SMALL)
    expected = salsa(spectrum)[:, 4:, :, :23]
    spectrum[:, 2, frame] = value
    found = salsa(spectrum)[:, 4:, :, :23]
    near = ((torch.arange(40) - frame).abs() <= 3).reshape(40, 1)
    assert found[:, :, near.flatten()].isnan().all()
    assert torch.equal(found.masked_fill(near, 0.0), expected.masked_fill(near, 0.0))
    spectrum[:, 0, frame] = value  # the noise floor is that of the first channel
    found = salsa(spectrum)[:, 4:, 30:, :23]
    assert found.isfinite().all()
    assert (found != 0).any()


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "stereo"}, "format must be one of 'foa', 'mic', got 'stereo'"),
        ({"edges": "zero"}, "edges must be one of 'clip', 'wrap', got 'zero'"),
        ({"n_fft": 500}, "n_fft must be a multiple of 64, got 500"),
        ({"noise_ratio": 0.0}, r"noise_ratio must be positive, got 0\.0"),
        ({"condition": 1.0}, r"condition must be above 1 and finite, or None, got 1\.0"),
        ({"condition": math.inf}, "condition must be above 1 and finite, or None, got inf"),
        ({"fmax_doa": 9001.0}, r"0 <= fmin_doa < fmax_doa <= 9000 must hold .*, got 50 and 9001"),
        ({"fmin_doa": -1.0}, r"0 <= fmin_doa < fmax_doa must hold, got -1 and 9000"),
        ({"speed_of_sound": 0.0}, r"speed_of_sound must be positive, got 0\.0"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SALSA(**(PUBLISHED | arguments))


@pytest.mark.messages
def test_messages_of_wrong_use() -> None:
    with pytest.raises(ValueError, match="SALSA needs the 4 channels of FOA, got 2"):
        SALSA(**SMALL)(noise(1, 2, 5, 33))
    with pytest.raises(ValueError, match="SALSA needs at least 2 microphones, got 1"):
        SALSA("mic").num_channels(1)
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq=257\)"):
        SALSA(**PUBLISHED)(noise(1, 4, 5, 33))
