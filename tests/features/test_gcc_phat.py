"""GCC-PHAT equals the published numbers and peaks at the delay between two microphones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references.plane_waves import array_recording, delayed
from seldkit.arrays import ArrayGeometry
from seldkit.features import (
    GCCPHAT,
    STFT,
    FeatureExtractor,
    LogMel,
    MelFilterBank,
    RealSpectrum,
)
from seldkit.geometry import unit_vector
from transforms import assert_compiles_and_exports

Golden = Callable[[str], Path]
FRAMES, SIGNALS = "others/gcc_frames.npz", "others/gcc_phat_pra.npz"
TETRAHEDRON = ArrayGeometry.tetrahedron()
SAMPLE_RATE = 24000
quick = settings(max_examples=40)
both_precisions = pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])


def noise(*shape: int) -> Tensor:
    """Return a random spectrum."""
    return torch.randn(*shape, dtype=torch.complex128)


def frame_of(waveform: Tensor) -> Tensor:
    """Return the spectrum of one frame without a window, `batch channel time freq`."""
    spectrum: Tensor = torch.fft.rfft(waveform)
    return spectrum[None, :, None]


def by_inverse_transform(spectrum: Tensor, num_lags: int, interpolation: int = 1) -> Tensor:
    """Return what the inverse Fourier transform of the pair (0, 1) gives at the lags kept."""
    cross = (spectrum[:, :1].conj() * spectrum[:, 1:2]).resolve_conj()
    cross = cross / cross.abs()
    n_fft = 2 * (cross.shape[-1] - 1)
    if interpolation > 1:
        cross[..., -1] /= 2  # the bin at half the sampling rate gets a mirror image
    lags: Tensor = interpolation * torch.fft.irfft(cross, n=n_fft * interpolation)
    return lags.roll(num_lags // 2, dims=-1)[..., :num_lags]


@both_precisions
def test_frames_of_published_trackers(golden: Golden, dtype: torch.dtype) -> None:
    arrays = np.load(golden(FRAMES))
    spectrum = torch.fft.rfft(torch.from_numpy(arrays["frames"])).transpose(0, 1)[None].to(dtype)
    for pair in TETRAHEDRON.pairs:
        n, m = pair  # they conjugate the second: R[n, m] is X_n conj(X_m)
        for name, num_lags, exponent in (
            ("gcc_phat_signed_centered_neuralsrp", 64, 1.0),
            ("gcc_phat_cross3d", 11, 1.0),
            ("gcc_plain_cross3d", 11, 0.0),
        ):
            part = GCCPHAT(num_lags, pairs=[pair], conjugate="second", exponent=exponent)
            found = part(spectrum)[0, 0].numpy()
            expected = arrays[name][:, n, m]
            if num_lags == 11:  # lags 0 to 5, then -5 to -1
                expected = np.roll(expected, 5, axis=-1)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("interpolation", [1, 4])
def test_whole_signals_of_pyroomacoustics(golden: Golden, interpolation: int) -> None:
    arrays = np.load(golden(SIGNALS))
    waveforms = torch.from_numpy(np.stack((arrays["x1"], arrays["x2"])))
    n_fft = 2 * waveforms.shape[2] - 1
    # Positive lags say that the first is later, so the second is conjugated.
    part = GCCPHAT(801, conjugate="second", interpolation=interpolation, n_fft=n_fft)
    # They leave interpolated correlations as small as zero padding makes them.
    found = part(torch.fft.rfft(waveforms, n=n_fft)[None])[0, 0] / interpolation
    expected = torch.from_numpy(arrays[f"corr_phat_interp{interpolation}"])
    zero = interpolation * (waveforms.shape[2] - 1)
    expected = expected[:, zero - 400 : zero + 401]
    # They add 1e-10 of the mean magnitude to each.
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)


def test_delays_of_pyroomacoustics(golden: Golden) -> None:
    arrays = np.load(golden(SIGNALS))
    waveforms = torch.from_numpy(np.stack((arrays["x1"], arrays["x2"])))
    spectrum = torch.fft.rfft(waveforms, n=2048)[None]
    for interpolation in (1, 8):
        part = GCCPHAT(321, conjugate="second", interpolation=interpolation)
        lags = torch.tensor(part.lags, dtype=torch.float64)
        peaks = lags[part(spectrum)[0, 0].abs().argmax(dim=1)]
        assert peaks.tolist() == arrays[f"tdoa_samples_interp{interpolation}"].tolist()
    true = torch.from_numpy(arrays["true_lag_x2_behind_x1"])
    torch.testing.assert_close(-peaks, true, rtol=0, atol=0.13)


@quick
@given(st.integers(2, 24), st.integers(1, 16), st.sampled_from((1, 2, 3)))
def test_it_is_the_inverse_transform(num_bins: int, num_lags: int, interpolation: int) -> None:
    spectrum = noise(2, 2, 3, num_bins)
    spectrum[..., [0, -1]] = spectrum[..., [0, -1]].real + 0j  # as in all audio
    num_lags = min(num_lags, 2 * (num_bins - 1))
    found = GCCPHAT(num_lags, interpolation=interpolation)(spectrum)
    expected = by_inverse_transform(spectrum, num_lags, interpolation)
    torch.testing.assert_close(found, expected)
    single = GCCPHAT(num_lags, interpolation=interpolation)(spectrum.to(torch.complex64))
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=3e-6)


@quick
@given(st.integers(-31, 31))
def test_a_delay_moves_the_peak_by_as_many_lags(delay: int) -> None:
    sound = torch.randn(256)
    spectrum = frame_of(torch.stack((sound, sound.roll(delay))))
    for conjugate, sign in (("first", 1), ("second", -1)):
        part = GCCPHAT(64, conjugate=conjugate)  # type: ignore[arg-type]
        correlation = part(spectrum).flatten()
        assert part.lags[int(correlation.argmax())] == sign * delay
        torch.testing.assert_close(correlation.max(), torch.tensor(1.0))


@quick
@given(st.floats(-7, 7))
def test_interpolated_lags_find_delays_between_samples(delay: float) -> None:
    sound = torch.randn(511, dtype=torch.float64)  # odd: no bin at half the sampling rate
    later = delayed(sound, torch.tensor([0.0, delay], dtype=torch.float64))
    part = GCCPHAT(256, interpolation=16, n_fft=511)
    correlation = part(frame_of(later)).flatten()
    assert abs(part.lags[int(correlation.argmax())] - delay) <= 0.5 / 16 + 1e-9


@quick
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 2**31))
def test_a_plane_wave_peaks_at_the_delays_of_its_direction(
    azimuth: float, elevation: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    sound = torch.randn(4096, generator=generator, dtype=torch.float64)
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation)
    waveform = array_recording(TETRAHEDRON, sound, direction, sample_rate=SAMPLE_RATE)
    reach = TETRAHEDRON.max_lag(SAMPLE_RATE)
    part = GCCPHAT(16 * reach + 1, interpolation=8, n_fft=1024)
    stft = STFT(n_fft=1024, hop_length=512, sample_rate=SAMPLE_RATE)
    correlation = FeatureExtractor(stft, [part])(waveform[None])[0, :, 1:-1].mean(dim=1)
    found = torch.tensor(part.lags, dtype=torch.float64)[correlation.argmax(dim=1)]
    delays = SAMPLE_RATE * TETRAHEDRON.delays(direction)
    expected = torch.stack([delays[n] - delays[m] for m, n in TETRAHEDRON.pairs])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.5 / 8 + 0.03)


def test_pairs_come_as_they_are_asked_for() -> None:
    spectrum = noise(2, 4, 3, 33)
    every = GCCPHAT(9)(spectrum)
    assert torch.equal(GCCPHAT(9, pairs=TETRAHEDRON.pairs)(spectrum), every)
    assert torch.equal(GCCPHAT(9, pairs=[(2, 3), (0, 2)])(spectrum), every[:, [5, 1]])
    torch.testing.assert_close(GCCPHAT(9, pairs=[(3, 2)])(spectrum), every[:, 5:].flip(-1))
    torch.testing.assert_close(GCCPHAT(9, conjugate="second")(spectrum), every.flip(-1))


@quick
@given(st.floats(-6, 6))
def test_loudness_does_not_matter(decades: float) -> None:
    spectrum = noise(1, 3, 2, 17)
    torch.testing.assert_close(GCCPHAT(8)(10**decades * spectrum), GCCPHAT(8)(spectrum))


def test_partial_whitening_lies_between() -> None:
    spectrum = noise(1, 2, 2, 17)
    weight = spectrum.abs().pow(0.5)
    half_white = GCCPHAT(8, exponent=0.0)(spectrum / weight)
    torch.testing.assert_close(GCCPHAT(8, exponent=0.5)(spectrum), half_white)


@both_precisions
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_silence_gives_zeros_and_finite_gradients(dtype: torch.dtype, exponent: float) -> None:
    spectrum = noise(1, 4, 6, 33).to(dtype)
    spectrum[:, :, 0] = 0  # silence, everywhere and in one channel
    spectrum[:, 1, 1] = 0
    spectrum[:, :, 2] *= 1e-9  # around the floor
    spectrum[:, :, 3] *= 1e-13  # rounding noise
    spectrum[:, :, 4] *= 1e-25
    spectrum.requires_grad_()
    correlation = GCCPHAT(8, exponent=exponent)(spectrum)
    assert (correlation[:, :, 0] == 0).all()
    assert (correlation[:, [0, 3, 4], 1] == 0).all()
    assert correlation[:, :, 3:5].abs().max() < 1e-3
    assert correlation.isfinite().all()
    correlation.sum().backward()
    assert spectrum.grad is not None
    assert spectrum.grad.isfinite().all()


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_gradients(exponent: float) -> None:
    spectrum = noise(1, 3, 2, 5).requires_grad_()
    part = GCCPHAT(4, interpolation=2, exponent=exponent, n_fft=8)
    assert torch.autograd.gradcheck(part, (spectrum,))


def test_the_module_is_the_function() -> None:
    spectrum = noise(2, 3, 4, 17)
    settings: Any = {"conjugate": "second", "interpolation": 2, "exponent": 0.8, "floor": 1e-6}
    expected = GCCPHAT(5, pairs=[(0, 2)], **settings)(spectrum)
    for n_fft in (None, 32):
        part = GCCPHAT(5, pairs=[(0, 2)], n_fft=n_fft, **settings)
        torch.testing.assert_close(part(spectrum), expected)
        assert part(spectrum.to(torch.complex64)).dtype == torch.float32
        assert not part.state_dict()
    assert "5, pairs=((0, 2),), conjugate='second', interpolation=2" in repr(part)
    assert (part.num_bins, part.num_channels(3), GCCPHAT().num_channels(4)) == (5, 1, 6)
    assert part.lags == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_it_stands_beside_mel_bands_and_streams() -> None:
    mel = MelFilterBank(16, n_fft=64, sample_rate=16000)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    extractor = FeatureExtractor(stft, [LogMel(mel), GCCPHAT(16)])
    waveform = torch.randn(1, 4, 800)
    features = extractor(waveform)
    assert features.shape == (1, 10, 26, 16)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform[0].split(70, dim=1)]
    streamed = torch.cat([*chunks, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, features[0], rtol=0, atol=1e-5)


def test_autocast_keeps_the_precision() -> None:
    spectrum = noise(1, 2, 3, 17).to(torch.complex64)
    part = GCCPHAT(8)
    expected = part(spectrum)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(part(spectrum), expected)


@pytest.mark.transforms
@pytest.mark.parametrize("n_fft", [None, 32])
def test_compiles_and_exports(n_fft: int | None) -> None:
    part, spectrum = GCCPHAT(8, n_fft=n_fft), noise(2, 4, 5, 17).to(torch.complex64)
    assert_compiles_and_exports(part, spectrum)
    real_valued: Any = RealSpectrum(spectrum.real, spectrum.imag)
    torch.testing.assert_close(part(real_valued), part(spectrum))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_lags": 0}, "num_lags must be at least 1, got 0"),
        ({"interpolation": 0}, "interpolation must be at least 1, got 0"),
        ({"conjugate": "both"}, "conjugate must be one of 'first', 'second', got 'both'"),
        ({"exponent": 1.5}, "exponent must lie between 0 and 1, got 1.5"),
        ({"floor": 0.0}, "floor must be positive, got 0"),
        ({"pairs": []}, "pairs must hold at least one pair of channels, got none"),
        ({"pairs": [(1, 1)]}, r"pairs must join two different channels, .* got \(1, 1\)"),
        ({"pairs": [(0, -1)]}, r"pairs must join two different channels, .* got \(0, -1\)"),
        ({"pairs": [(0, 4)]}, "pairs must join channels below 4, got 4"),
        ({"n_fft": 34}, "spectrum must have 18 bins for n_fft=34, got 17"),
        ({"num_lags": 33}, "num_lags must be at most 32, those of a frame, got 33"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GCCPHAT(**({"num_lags": 8} | settings))(noise(1, 4, 2, 17))


@pytest.mark.messages
def test_messages_of_channels() -> None:
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq\)"):
        GCCPHAT()(noise(4, 2, 17))
    with pytest.raises(ValueError, match="pairs need at least 2 channels, got 1"):
        GCCPHAT().num_channels(1)
    with pytest.raises(ValueError, match="pairs must join channels below 2, got 2"):
        GCCPHAT(pairs=[(0, 2)]).num_channels(2)
