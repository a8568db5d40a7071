"""Casting and autocast change the result's precision, never how features are computed."""

import copy

import pytest
import torch
from torch import Tensor, nn

from hard.sounds_table import streamable
from seldkit.features import (
    GCCPHAT,
    STFT,
    FeatureExtractor,
    LogMel,
    MelFilterBank,
    Part,
    Standardize,
    presets,
)

every_name = pytest.mark.parametrize("name", presets.__all__)
HALVES = [torch.float16, torch.bfloat16]
each_half = pytest.mark.parametrize("dtype", HALVES)


def audio(extractor: FeatureExtractor) -> Tensor:
    """Return sounds that half precision holds exactly."""
    samples = torch.randn(1, extractor.in_channels, 4800)
    return (0.1 * samples).to(torch.float16).to(torch.bfloat16).float()


def in_one_step(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    """Compare with float32 features, within half a step of the result and their rounding."""
    wanted = expected.double()
    step = torch.finfo(dtype).eps * wanted.abs() / 2 + torch.finfo(dtype).smallest_normal
    far = ((found.double() - wanted).abs() > step + 1e-6 * (1 + wanted.abs())).double().mean()
    assert found.dtype == dtype
    assert far == 0


@every_name
@each_half
def test_half_precision_is_a_rounding_of_the_result(name: str, dtype: torch.dtype) -> None:
    extractor = streamable(name)
    waveform = audio(extractor)
    expected = extractor(waveform)
    cast = copy.deepcopy(extractor).half() if dtype == torch.float16 else extractor.bfloat16()
    for given in (waveform, waveform.to(dtype), waveform.double()):
        in_one_step(cast(given), extractor_of(cast)(given), dtype)
    in_one_step(cast(waveform), expected, dtype)
    stream = cast.stream()
    streamed = [stream.push(chunk) for chunk in waveform[0].split(700, dim=1)]
    assert torch.cat([*streamed, stream.flush()], dim=1).dtype == dtype
    half = dtype == torch.float16
    again = (extractor if not half else cast).to(torch.float32)
    assert torch.equal(again(waveform), expected)


def extractor_of(cast: FeatureExtractor) -> FeatureExtractor:
    """Return the same extractor as it was made."""
    plain = copy.deepcopy(cast)
    plain.dtype = None
    return plain


@every_name
def test_half_precision_against_double(name: str) -> None:
    extractor = streamable(name)
    waveform = audio(extractor)
    exact = extractor(waveform.double())
    for dtype in HALVES:
        found = extractor_of(extractor).to(dtype)(waveform).double()
        step = torch.finfo(dtype).eps * exact.abs() / 2 + 2e-3
        # What float32 leaves uncertain is more: the quietest bins, angles that wrap, a test of
        # SALSA that a last bit decides.
        assert ((found - exact).abs() > step).double().mean() < 1e-2


@every_name
def test_other_casts(name: str) -> None:
    extractor = streamable(name)
    waveform = audio(extractor)
    single, double = extractor(waveform), extractor(waveform.double())
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert extractor(waveform.half()).dtype == torch.float32
    assert torch.equal(copy.deepcopy(extractor).double()(waveform), double)
    assert torch.equal(copy.deepcopy(extractor).half().float().double()(waveform), double)
    as_single = copy.deepcopy(extractor).to(torch.float32)
    assert torch.equal(as_single(waveform), single)
    assert as_single(waveform.double()).dtype == torch.float32
    assert torch.equal(copy.deepcopy(extractor).to("cpu")(waveform), single)
    network = nn.ModuleDict({"features": copy.deepcopy(extractor), "head": nn.Linear(2, 2)})
    assert network.half()["features"](waveform).dtype == torch.float16


class Grows(Part):
    """A part of a user's own that multiplies matrices, with a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(33, 33))

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return mixed magnitudes."""
        return spectrum.abs() @ self.weight


@every_name
def test_autocast_changes_nothing(name: str) -> None:
    extractor = streamable(name)
    waveform = audio(extractor)
    expected, stream = extractor(waveform), extractor.stream()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(waveform), expected)
        streamed = torch.cat((stream.push(waveform[0]), stream.flush()), dim=1)
    other = extractor.stream()
    assert torch.equal(streamed, torch.cat((other.push(waveform[0]), other.flush()), dim=1))


def test_nor_does_it_in_parts_of_ones_own() -> None:
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32), [Grows()])
    waveform = audio(extractor)
    expected = extractor(waveform)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(waveform), expected)
    in_one_step(extractor.half()(waveform), expected, torch.float16)


@pytest.mark.transforms
@each_half
def test_export_keeps_the_precision(dtype: torch.dtype) -> None:
    extractor = presets.ein_seld()
    waveform = audio(extractor)
    expected = extractor(waveform)
    exported = extractor.to(dtype).for_export()
    assert exported.stft.basis.dtype == torch.float32
    found = exported(waveform)
    assert found.dtype == dtype
    step = torch.finfo(dtype).eps * expected.abs() + 5e-3
    assert ((found.float() - expected).abs() <= step).all()


def test_parts_alone_keep_their_tables() -> None:
    bank, gcc = MelFilterBank(8, n_fft=64, sample_rate=16000), GCCPHAT(8, n_fft=64)
    stft, level = STFT(n_fft=64, hop_length=32), LogMel(bank)
    spectrum = stft(torch.randn(1, 2, 640))
    expected = [level(spectrum), gcc(spectrum)]
    for module in (bank, gcc, stft, level):
        module.half()
    assert {bank.weight.dtype, stft.window.dtype} == {torch.float64}
    assert all(
        torch.equal(a, b) for a, b in zip(expected, (level(spectrum), gcc(spectrum)), strict=True)
    )
    silence = torch.zeros(1, 1, 3, 33, dtype=torch.float16)
    assert (level.of_power(silence) == -100).all()
    power = torch.full((1, 1, 1, 33), 200.0, dtype=torch.float16)
    in_one_step(bank(power), bank(power.float()), torch.float16)


def test_meta_tensors_pass() -> None:
    stft = STFT(n_fft=64, hop_length=32).to("meta")
    gcc = GCCPHAT(8, n_fft=64).to("meta")
    assert gcc(stft(torch.zeros(1, 2, 640, device="meta"))).shape == (1, 1, 21, 8)
    standardize, features = Standardize(2, 3).to("meta"), torch.zeros(1, 2, 5, 3, device="meta")
    assert standardize(features).shape == (1, 2, 5, 3)
    assert "fitted=False" in repr(standardize)


@pytest.mark.messages
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.uint8, torch.bool])
def test_integers_are_refused(dtype: torch.dtype) -> None:
    samples = torch.zeros(1, 4, 4800).to(dtype)
    for name in ("ein_seld", "salsa_lite"):
        extractor = getattr(presets, name)()
        for made in (extractor, extractor.half(), extractor.for_export()):
            with pytest.raises(TypeError, match="waveform must hold floats, got torch"):
                made(samples)
            with pytest.raises(TypeError, match="chunk must hold floats, got torch"):
                made.stream().push(samples[0])
    with pytest.raises(TypeError, match="features must hold floats"):
        Standardize(1, 3).fit([torch.zeros(1, 1, 2, 3).to(dtype)])
    with pytest.raises(TypeError, match="bins must hold floats"):
        MelFilterBank(8, n_fft=64, sample_rate=16000)(torch.zeros(33).to(dtype))


@pytest.mark.transforms
def test_a_cast_extractor_compiles() -> None:
    extractor, waveform = presets.dcase2023_foa().bfloat16(), torch.randn(1, 4, 4800)
    compiled = torch.compile(extractor, fullgraph=True, backend="eager")
    expected = extractor(waveform)
    torch.testing.assert_close(compiled(waveform), expected)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(compiled(waveform), expected)
