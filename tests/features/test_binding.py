"""Sampling rate and FFT length are said once, and never guessed."""

import copy
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.features import (
    GCCPHAT,
    SALSA,
    STFT,
    FeatureExtractor,
    FeatureStream,
    IntensityVector,
    LevelDifference,
    LogMagnitude,
    LogMel,
    MelFilterBank,
    Part,
    PhaseDifference,
    SALSALite,
)

PARTS: dict[str, Callable[..., Any]] = {
    "LogMel": lambda **said: LogMel(MelFilterBank(8, fmin=50.0, **said)),
    "IntensityVector": lambda **said: IntensityVector(MelFilterBank(8, fmax=1999.0, **said)),
    "PhaseDifference mel": lambda **said: PhaseDifference(
        "cosine_sine", mel=MelFilterBank(8, mel_scale="htk", **said)
    ),
    "LevelDifference": lambda **said: LevelDifference(MelFilterBank(8, slope="mel", **said)),
    "PhaseDifference": lambda **said: PhaseDifference("path", bins=(1, 9), **said),
    "SALSA": lambda **said: SALSA("mic", fmax_doa=1000.0, **said),
    "SALSA foa": lambda **said: SALSA(fmax_doa=1500.0, noise_ratio=None, **said),
    "SALSALite": lambda **said: SALSALite(fmax=1999.0, fmax_doa=500.0, **said),
}
each_part = pytest.mark.parametrize("name", list(PARTS))


@each_part
@pytest.mark.parametrize(("n_fft", "sample_rate"), [(64, 4000), (128, 16000), (192, 44100)])
def test_parts_take_both_from_the_transform(name: str, n_fft: int, sample_rate: int) -> None:
    said: dict[str, Any] = {"n_fft": n_fft, "sample_rate": sample_rate}
    stft, waveform = STFT(hop_length=32, **said), torch.randn(1, 4, 640)
    expected = FeatureExtractor(stft, [PARTS[name](**said)])
    for some in ({}, {"n_fft": n_fft}, {"sample_rate": sample_rate}):
        extractor = FeatureExtractor(stft, [PARTS[name](**some)])
        assert torch.equal(extractor(waveform), expected(waveform))
        assert extractor.num_bins == expected.num_bins
        assert torch.equal(copy.deepcopy(extractor)(waveform), expected(waveform))


@each_part
def test_the_transform_takes_the_rate_from_the_parts(name: str) -> None:
    stft = STFT(n_fft=64, hop_length=32)
    part = PARTS[name](sample_rate=4000)
    extractor = FeatureExtractor(stft, [part])
    assert (extractor.sample_rate, extractor.frame_rate, stft.sample_rate) == (4000, 125.0, 4000)


@each_part
@pytest.mark.parametrize("wrong", [{"sample_rate": 8000}, {"n_fft": 128}])
def test_others_are_an_error(name: str, wrong: dict[str, int]) -> None:
    stft = STFT(n_fft=64, hop_length=32, sample_rate=4000)
    part = PARTS[name](**({"n_fft": 64, "sample_rate": 4000} | wrong))
    word, value = next(iter(wrong.items()))
    own = {"sample_rate": 4000, "n_fft": 64}[word]
    message = rf"{word} must be one .* got {own} of STFT\(.* and {value} of"
    with pytest.raises(ValueError, match=message):
        FeatureExtractor(stft, [part])
    with pytest.raises(ValueError, match=f"{word} must be one in the transform and all parts"):
        FeatureStream(stft, [part], in_channels=4)


@each_part
def test_a_part_belongs_to_one_rate(name: str) -> None:
    part = PARTS[name]()
    slow, fast = (STFT(n_fft=64, hop_length=32, sample_rate=rate) for rate in (4000, 8000))
    FeatureExtractor(slow, [part])
    with pytest.raises(ValueError, match="sample_rate must be one"):
        FeatureExtractor(fast, [part])


@each_part
def test_no_part_guesses_a_rate(name: str) -> None:
    stft = STFT(n_fft=64, hop_length=32)
    with pytest.raises(ValueError, match="sample_rate must be said by the STFT or a part for"):
        FeatureExtractor(stft, [PARTS[name]()])
    with pytest.raises(RuntimeError, match="sample_rate, or be part of a FeatureExtractor, before"):
        PARTS[name]()(torch.zeros(1, 4, 3, 33, dtype=torch.complex64))


def test_what_needs_no_rate_needs_none() -> None:
    stft = STFT(n_fft=63, hop_length=32)
    parts: list[Part] = [LogMagnitude(), IntensityVector()]
    extractor = FeatureExtractor(stft, parts)
    assert extractor(torch.randn(1, 4, 640)).shape == (1, 7, 20, 32)
    with pytest.raises(ValueError, match="sample_rate must be said to the STFT or to a part"):
        _ = extractor.sample_rate
    with pytest.raises(ValueError, match="STFT must be given its sample_rate to have a frame rate"):
        _ = extractor.frame_rate


@given(lag=st.integers(-7, 7), n_fft=st.integers(32, 65))
def test_an_odd_fft_has_its_own_lags(lag: int, n_fft: int) -> None:
    extractor = FeatureExtractor(STFT(n_fft=n_fft, hop_length=8), [GCCPHAT(15)], in_channels=2)
    sound = torch.randn(1, 1, 400, dtype=torch.float64)
    waveform = torch.cat((sound, sound.roll(lag, dims=2)), dim=1)[..., 50:350]
    found = extractor(waveform)[0, 0].mean(dim=0)
    assert int(found.argmax()) - 7 == lag


def test_a_tone_lands_in_its_band() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000).reshape(1, 1, -1)
    stft = STFT(n_fft=512, hop_length=160, sample_rate=16000)
    extractor = FeatureExtractor(stft, [LogMel(MelFilterBank(64))], in_channels=1)
    assert int(extractor(tone)[0, 0].mean(dim=0).argmax()) == 21
    with pytest.raises(ValueError, match="sample_rate must be one"):
        FeatureExtractor(stft, [LogMel(MelFilterBank(64, n_fft=512, sample_rate=32000))])


class Bands(Part):
    """A part of a user's own with filters in it, and one with a rate of its own."""

    num_bins = 8

    def __init__(self, sample_rate: int | None = None) -> None:
        super().__init__()
        self.filters = nn.ModuleList([MelFilterBank(8)])
        self.sample_rate = sample_rate
        self.bound: list[tuple[int, int | None]] = []

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Note what is said."""
        self.bound.append((n_fft, sample_rate))

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return sums of magnitudes."""
        bands: Tensor = self.filters[0](spectrum.abs())
        return bands


def test_parts_of_ones_own() -> None:
    part = Bands()
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32, sample_rate=16000), [part])
    assert extractor(torch.randn(1, 4, 640)).shape == (1, 4, 21, 8)
    assert part.bound == [(64, 16000)]
    with pytest.raises(
        ValueError, match=r"16000 of STFT\(.*\) and 8000 of Bands\(sample_rate=8000\)"
    ):
        FeatureExtractor(STFT(n_fft=64, hop_length=32, sample_rate=16000), [Bands(8000)])


def test_limits_are_held_against_the_real_rate() -> None:
    def extractor(part: Any, rate: int = 16000) -> FeatureExtractor:
        return FeatureExtractor(STFT(n_fft=64, hop_length=32, sample_rate=rate), [part])

    with pytest.raises(ValueError, match="0 <= fmin < fmax <= 8000 must hold, got 0 and 8001"):
        extractor(LogMel(MelFilterBank(8, fmax=8001.0)))
    with pytest.raises(ValueError, match="0 <= fmin < fmax <= 8000 must hold, got 8000 and 8000"):
        extractor(LogMel(MelFilterBank(8, fmin=8000.0)))
    with pytest.raises(ValueError, match="fmax_doa <= fmax <= 8000 must hold"):
        extractor(SALSALite())
    with pytest.raises(ValueError, match="0 <= fmin_doa < fmax_doa <= 6000 must hold"):
        extractor(SALSA())
    with pytest.raises(ValueError, match=r"bins must end by 33, .* n_fft=64, got \(0, 34\)"):
        extractor(LogMagnitude((0, 34)))
    with pytest.raises(ValueError, match=r"bins must end by 33, .* n_fft=64, got \(1, 34\)"):
        extractor(PhaseDifference(bins=(1, 34)))
    with pytest.raises(ValueError, match="num_lags must be at most 64, those of a frame, got 65"):
        extractor(GCCPHAT(65))
    with pytest.raises(ValueError, match="n_fft must be a multiple of 64, got 48"):
        FeatureExtractor(STFT(n_fft=48, hop_length=24, sample_rate=24000), [SALSA()])
    with pytest.raises(ValueError, match="fmin and fmax must hold a bin of n_fft=64"):
        extractor(SALSALite(fmin=1.0, fmax=300.0, fmax_doa=200.0))


@pytest.mark.parametrize("rate", [22050, 44100, 11025])
def test_half_the_rate_but_for_rounding_is_a_limit(rate: int) -> None:
    above = float(np.nextafter(rate / 2, np.inf))
    plain = MelFilterBank(8, n_fft=64, sample_rate=rate)
    rounded = MelFilterBank(8, n_fft=64, sample_rate=rate, fmax=above)
    torch.testing.assert_close(rounded.weight, plain.weight)
    with pytest.raises(ValueError, match="must hold"):
        MelFilterBank(8, n_fft=64, sample_rate=rate, fmax=rate / 2 + 0.01)
    limit = float(np.nextafter(rate * 3 / 8, np.inf))
    assert SALSA(n_fft=64, sample_rate=rate, fmax_doa=limit).doa_bins[1] == 24


@pytest.mark.messages
def test_numbers_of_numpy_are_numbers() -> None:
    eight: Any = np.int64(8)
    sizes: dict[str, Any] = {
        "n_fft": np.int64(64),
        "hop_length": np.int32(32),
        "sample_rate": np.int64(16000),
    }
    stft, fmin, four = STFT(**sizes), cast(float, np.float32(50.0)), cast(int, np.int64(4))
    parts: list[Part] = [GCCPHAT(eight), LogMel(MelFilterBank(eight, fmin=fmin))]
    extractor = FeatureExtractor(stft, parts, in_channels=four)
    assert extractor(torch.randn(1, 4, 640)).shape == (1, 10, 21, 8)
    said = (extractor.sample_rate, extractor.num_bins, stft.n_fft, stft.hop_length)
    assert said == (16000, 8, 64, 32)
    assert {type(number) for number in said} == {int}


@pytest.mark.messages
@pytest.mark.parametrize("wrong", [True, 2.5, "64", None])
def test_what_is_no_count_is_refused(wrong: Any) -> None:
    good: dict[str, Any] = {"n_fft": 64, "hop_length": 32, "sample_rate": 16000}
    for name in ("n_fft", "hop_length", *(() if wrong is None else ("sample_rate", "win_length"))):
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            STFT(**(good | {name: wrong}))
    make: Any
    for make in (MelFilterBank, GCCPHAT):
        with pytest.raises(TypeError, match="must be an integer"):
            make(wrong)
    with pytest.raises(TypeError, match="in_channels must be an integer"):
        FeatureExtractor(STFT(**good), [LogMagnitude()], in_channels=wrong)
    if wrong is not None:
        for make in (MelFilterBank, SALSA, SALSALite, PhaseDifference, GCCPHAT):
            first = (8,) if make is MelFilterBank else ()
            with pytest.raises(TypeError, match="n_fft must be an integer"):
                make(*first, n_fft=wrong)
        with pytest.raises(TypeError, match="bins must be an integer"):
            LogMagnitude((0, wrong))
        with pytest.raises(TypeError, match="channels must be an integer"):
            LogMagnitude(channels=[wrong])
        with pytest.raises(TypeError, match="pairs must be an integer"):
            GCCPHAT(pairs=[(0, wrong)])


@pytest.mark.messages
def test_what_is_no_number_is_refused() -> None:
    for make in (
        lambda x: MelFilterBank(8, fmin=x),
        lambda x: MelFilterBank(8, fmax=x),
        lambda x: STFT(n_fft=8, hop_length=4, offset=x),
        lambda x: GCCPHAT(8, exponent=x),
        lambda x: SALSA(fmin_doa=x),
        lambda x: SALSA(fmax_doa=x),
        lambda x: SALSA(condition=x),
        lambda x: SALSALite(fmin=x),
        lambda x: IntensityVector(eps=x),
        lambda x: LogMel(MelFilterBank(8), offset=x),
    ):
        for wrong in (True, "1"):
            with pytest.raises(TypeError, match=f"must be a number, got {wrong!r}"):
                make(wrong)


@pytest.mark.messages
def test_pairs_have_two_entries() -> None:
    for part in (LogMagnitude, PhaseDifference):
        with pytest.raises(ValueError, match=r"bins must be a first and a stop, got \(\)"):
            part(bins=())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"patch must be frames of a patch and .*, got \(1,\)"):
        STFT(n_fft=8, hop_length=4, patch=(1,), centered=False, pad_mode="constant")  # type: ignore[arg-type]
