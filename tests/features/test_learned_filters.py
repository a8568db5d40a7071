"""Filters that learn: sums, beams, shifts, phases, and the published ones."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.arrays import ArrayGeometry
from seldkit.features import GaborFilterbank, MaxCorrFilterbank, PhaseDifference, SincFilterbank
from seldkit.geometry import unit_vector
from transforms import assert_compiles_and_exports

RATE = 24000
SIDE_BY_SIDE: dict[str, Any] = {"min_low_hz": 0.0, "min_band_hz": 0.0, "gain": "band"}


def max_corr(num_filters: int = 3, **settings: Any) -> MaxCorrFilterbank:
    """Return a short bank in float64."""
    sizes: dict[str, Any] = {"kernel_size": 101, "max_delay": 9.0, "fmin": 200.0}
    return MaxCorrFilterbank(num_filters, 4, sample_rate=RATE, **sizes | settings).double()


def delayed(signal: Tensor, delays: Tensor) -> Tensor:
    """Return copies of a periodic signal, each later by some samples."""
    turns = torch.fft.rfftfreq(len(signal), dtype=torch.float64)
    shift = torch.exp(-2j * math.pi * turns * delays.unsqueeze(-1))
    copies: Tensor = torch.fft.irfft(torch.fft.rfft(signal) * shift, n=len(signal))
    return copies


def test_filters_are_the_published_ones(golden: Callable[[str], Path]) -> None:
    published = np.load(golden("recent/sinc_filters.npz"))
    bank = SincFilterbank(32, sample_rate=RATE, kernel_size=479, fmin=30.0, fmax=11900.0)
    torch.testing.assert_close(bank.low_hz, torch.from_numpy(published["low"])[:, 0])
    torch.testing.assert_close(bank.band_hz, torch.from_numpy(published["band"])[:, 0])
    filters = torch.from_numpy(published["filters"])[:, 0]
    torch.testing.assert_close(bank.filters(), filters, rtol=0, atol=1e-5)


@settings(max_examples=10)
@given(st.integers(1, 12), st.floats(0, 3000), st.floats(4000, 12000))
def test_filters_side_by_side_sum_to_the_whole_band(count: int, low: float, high: float) -> None:
    limits: dict[str, Any] = {"fmin": low, "fmax": high, "sample_rate": RATE, "kernel_size": 61}
    bank, whole = (SincFilterbank(n, **limits, **SIDE_BY_SIDE).double() for n in (count, 1))
    torch.testing.assert_close(bank.filters().sum(dim=0), whole.filters()[0], rtol=0, atol=1e-4)


def test_all_bands_sum_to_the_waveform() -> None:
    bank = SincFilterbank(20, sample_rate=RATE, kernel_size=61, fmin=0.0, **SIDE_BY_SIDE).double()
    waveform = torch.randn(2, 3, 200, dtype=torch.float64)
    torch.testing.assert_close(bank(waveform).sum(dim=-1), waveform, rtol=0, atol=1e-3)


def test_a_band_passes_its_own_tones() -> None:
    bank = SincFilterbank(4, sample_rate=RATE, kernel_size=501, fmin=1000.0, **SIDE_BY_SIDE)
    low, high = bank.edges_hz()
    assert (high[:-1] - low[1:]).abs().max() < 1e-2
    tone = (2 * math.pi * (low + high)[2] / 2 / RATE * torch.arange(4000)).sin()
    heard = bank(tone.reshape(1, 1, -1))[0, 0, 500:-500].square().mean(dim=0)
    torch.testing.assert_close(heard, torch.tensor([0, 0, 0.5, 0]), rtol=0, atol=0.01)


@settings(max_examples=10)
@given(st.floats(-180, 180), st.floats(-90, 90), st.integers(0, 100))
def test_a_plane_wave_is_heard_best_by_the_filter_that_looks_there(
    azimuth_deg: float, elevation_deg: float, seed: int
) -> None:
    torch.manual_seed(seed)
    array = ArrayGeometry.tetrahedron(0.1)
    source = unit_vector(torch.tensor(azimuth_deg).double(), torch.tensor(elevation_deg).double())
    others = torch.nn.functional.normalize(torch.randn(8, 3, dtype=torch.float64), dim=1)
    bank = max_corr(9, gain="band")
    with torch.no_grad():  # one broad band for all
        bank.low_hz.fill_(200.0)
        bank.band_hz.fill_(9000.0)
    bank.steer(RATE * array.delays(torch.cat((source.unsqueeze(0), others))))
    microphones = delayed(torch.randn(1024).double(), RATE * array.delays(source))
    power = bank(microphones.unsqueeze(0))[0, 100:-100].square().sum(dim=0)
    near = (others @ source).max() > 0.98
    assert near or power.argmax() == 0
    assert (power <= power[0] * 1.01).all()


@settings(max_examples=10)
@given(st.lists(st.integers(-8, 8), min_size=4, max_size=4))
def test_to_shift_a_channel_is_to_shift_its_filter(shifts: list[int]) -> None:
    bank, waveform = max_corr(), torch.randn(1, 4, 400, dtype=torch.float64)
    bank.steer(torch.zeros(4))
    straight = bank(waveform)[:, 60:-60]
    later = torch.stack([x.roll(s) for x, s in zip(waveform[0], shifts, strict=True)])
    bank.steer(torch.tensor(shifts).double())
    torch.testing.assert_close(bank(later.unsqueeze(0))[:, 60:-60], straight)


def test_fractions_of_a_sample_are_exact() -> None:
    bank = max_corr(fmin=1000.0, fmax=8000.0)
    bank.steer(torch.tensor([0.0, 0.25, -3.6, 7.5]))
    (straight, *moved), delays = bank.filters()[1], bank.delays()[1]
    padded = torch.nn.functional.pad(straight, (200, 200))
    for one, delay in zip(moved, delays[1:], strict=True):
        wanted = delayed(padded, delay.detach())[200:-200]
        # Between samples the window's ends, 0.08 high, are cut elsewhere.
        assert (one - wanted).abs().max() < 0.01 * straight.abs().max()


def test_delays_are_bounded_and_learned() -> None:
    bank = max_corr(2)
    with torch.no_grad():
        bank.delay_share.fill_(1e6)
    assert (bank.delays() == 9).all()
    bank.reset_parameters()
    waveform = torch.randn(1, 4, 150, dtype=torch.float64)
    bank(waveform).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in bank.parameters())
    found = bank.delay_share.detach().clone().requires_grad_()

    def response(share: Tensor) -> Tensor:
        heard: Tensor = torch.func.functional_call(
            bank, {"delay_share": share}, (waveform[..., :20],)
        )
        return heard

    assert torch.autograd.gradcheck(response, (found,))


@pytest.mark.parametrize("stride", [1, 2, 7, 150])
def test_a_frame_is_centred_on_the_middle_of_its_stride(stride: int) -> None:
    bank = GaborFilterbank(2, sample_rate=RATE, kernel_size=31, stride=stride).double()
    dense = GaborFilterbank(2, sample_rate=RATE, kernel_size=31).double()
    waveform = torch.randn(1, 2, 311, dtype=torch.float64)
    frames = bank(waveform)
    assert frames.shape[2] == 311 // stride
    middle = torch.arange(311 // stride) * stride + stride // 2
    torch.testing.assert_close(frames, dense(waveform)[:, :, middle])


def test_a_tone_is_heard_in_its_band_and_its_phase_turns_as_in_a_spectrum() -> None:
    bank = GaborFilterbank(16, sample_rate=RATE, kernel_size=1025).double()
    frequency, _ = (x.detach() for x in bank.bands())
    time = torch.arange(3000, dtype=torch.float64)
    tone = torch.stack([(frequency[9] * (time - late)).cos() for late in (0, 1)])
    z = bank(tone.unsqueeze(0))[:, :, 1000:2000]
    assert z[0, 0].abs().mean(dim=0).argmax() == 9
    height = torch.full((1000,), 0.5, dtype=torch.float64)
    torch.testing.assert_close(z[0, 0, :, 9].abs(), height, atol=1e-6, rtol=0)
    turn = (z[0, 0, 1:, 9] * z[0, 0, :-1, 9].conj()).angle()
    torch.testing.assert_close(turn, frequency[9].expand(999), atol=1e-6, rtol=0)
    phase = PhaseDifference()(z)[0, 0, :, 9]  # the second channel hears a sample later
    torch.testing.assert_close(phase, -frequency[9].expand(1000), atol=1e-6, rtol=0)


def test_the_first_bands_are_as_wide_as_those_of_the_mel_triangles() -> None:
    bank = GaborFilterbank(40, sample_rate=RATE, kernel_size=1025, fmin=500.0).double()
    real, imag = bank.filters()
    response = torch.fft.fft(torch.complex(real, imag), n=1 << 16).abs()[20]
    width = (response >= response.max() / 2).sum() * RATE / (1 << 16)
    frequency = bank.frequency.detach() * RATE / (2 * math.pi)
    assert width.item() == pytest.approx(0.75 * (frequency[21] - frequency[19]).item(), rel=0.01)


def test_bounds_hold_whatever_is_learned() -> None:
    bank = GaborFilterbank(3, sample_rate=RATE, kernel_size=101)
    with torch.no_grad():
        bank.frequency.copy_(torch.tensor([-1.0, 9.0, 1.0]))
        bank.width.copy_(torch.tensor([0.0, 1e9, 20.0]))
    frequency, width = bank.bands()
    assert frequency.tolist() == pytest.approx([0, math.pi, 1])
    half = math.sqrt(2 * math.log(2)) / math.pi
    assert width.tolist() == pytest.approx([4 * half, 101 * half, 20])
    sinc = SincFilterbank(2, sample_rate=RATE, kernel_size=11)
    with torch.no_grad():
        sinc.low_hz.copy_(torch.tensor([1e6, -100.0]))
    low, high = sinc.edges_hz()
    assert torch.stack((low[0], high[0], low[1])).tolist() == [12000, 12000, 150]
    assert sinc.filters().isfinite().all()


def test_precision() -> None:
    waveform = torch.randn(1, 4, 400)
    for bank in (
        GaborFilterbank(4, sample_rate=RATE, kernel_size=51),
        SincFilterbank(4, sample_rate=RATE, kernel_size=51),
        MaxCorrFilterbank(4, 4, sample_rate=RATE, kernel_size=51),
    ):
        single, double = bank(waveform), bank.double()(waveform.double())
        torch.testing.assert_close(double, single.to(double.dtype), rtol=0, atol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            assert bank.float()(waveform).isfinite().all()


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    waveform = torch.randn(2, 4, 60)
    for bank in (
        GaborFilterbank(3, sample_rate=RATE, kernel_size=21, stride=10),
        MaxCorrFilterbank(3, 4, sample_rate=RATE, kernel_size=31, stride=10),
    ):
        assert_compiles_and_exports(bank, waveform)


def test_repr() -> None:
    wanted = "GaborFilterbank(3, sample_rate=24000, kernel_size=21, stride=1, fmin=0.0, "
    assert repr(GaborFilterbank(3, sample_rate=RATE, kernel_size=21)).startswith(wanted)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaborFilterbank(3, sample_rate=RATE, kernel_size=20), "kernel_size must be odd"),
        (lambda: GaborFilterbank(0, sample_rate=RATE), "num_filters must be at least 1, got 0"),
        (lambda: SincFilterbank(3, sample_rate=RATE, fmin=13e3), "<= 12000 must hold, got 13000"),
        (lambda: SincFilterbank(3, sample_rate=RATE, min_low_hz=-1.0), "min_low_hz must be at le"),
        (lambda: max_corr(max_delay=0.0), "max_delay must be positive"),
        (lambda: max_corr(kernel_size=19), "kernel_size must be over 20 for max_delay=9, got 19"),
        (lambda: max_corr().steer(torch.full((4,), 9.0)), "below max_delay=9 samples, got 9"),
        (lambda: max_corr()(torch.zeros(1, 3, 99)), "channel=4"),
        (
            lambda: SincFilterbank(3, sample_rate=RATE, stride=10)(torch.zeros(1, 1, 9)),
            "waveform must have at least 10 samples, one stride, got 9",
        ),
    ],
)
def test_messages(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.messages
@pytest.mark.parametrize("kind", [GaborFilterbank, SincFilterbank])
def test_samples_of_integers_are_told(kind: Any) -> None:
    bank = kind(3, sample_rate=RATE)
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        bank(torch.zeros(1, 4, 2400, dtype=torch.int16))
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        max_corr()(torch.zeros(1, 4, 2400, dtype=torch.int16))
