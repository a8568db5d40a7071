"""Mel bands lie where the published scales put them."""

import copy
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.features import LogMel, MelFilterBank

quick = settings(max_examples=25)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize("size", [(64, 1024, 24000, 20.0, None), (40, 512, 16000, 0.0, 7000.0)])
def test_the_bank_equals_librosa(scale: Any, norm: Any, size: Any) -> None:
    filters = pytest.importorskip("librosa.filters")
    num_mels, n_fft, sample_rate, fmin, fmax = size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty filters are wanted here
        expected = filters.mel(
            sr=sample_rate,
            n_fft=n_fft,
            n_mels=num_mels,
            fmin=fmin,
            fmax=fmax,
            htk=scale == "htk",
            norm=norm,
            dtype="float64",
        )
    bank = MelFilterBank(
        num_mels,
        n_fft=n_fft,
        sample_rate=sample_rate,
        fmin=fmin,
        fmax=fmax,
        mel_scale=scale,
        norm=norm,
    )
    torch.testing.assert_close(bank.weight, torch.from_numpy(expected).T, rtol=1e-9, atol=1e-12)


@quick
@given(st.integers(4, 60), st.floats(0, 500), st.floats(6000, 12000), st.sampled_from((0, 1)))
def test_filters_without_norm_sum_to_one_between_the_outer_peaks(
    num_mels: int, fmin: float, fmax: float, htk: int
) -> None:
    scales: Any = ("slaney", "htk")
    bank = MelFilterBank(
        num_mels,
        n_fft=1024,
        sample_rate=24000,
        fmin=fmin,
        fmax=fmax,
        mel_scale=scales[htk],
        norm=None,
    )
    assert ((bank.weight >= 0) & (bank.weight <= 1)).all()
    total = bank.weight.sum(dim=1)
    frequency = torch.arange(513) * 24000 / 1024
    assert (total[(frequency < fmin) | (frequency > fmax)] == 0).all()
    inner = total[bank.weight[:, 0].argmax() + 1 : bank.weight[:, -1].argmax()]
    torch.testing.assert_close(inner, torch.ones_like(inner))


def test_slaney_norm_gives_every_filter_the_same_area() -> None:
    bank = MelFilterBank(8, n_fft=8192, sample_rate=16000)
    area = bank.weight.sum(dim=0) * 16000 / 8192
    torch.testing.assert_close(area, torch.ones(8, dtype=torch.float64), rtol=1e-3, atol=0)


@quick
@given(
    num_mels=st.integers(1, 70),
    n_fft=st.sampled_from((64, 513, 1024)),
    fmax=st.floats(200, 12000),
    double=st.booleans(),
    frames=st.integers(0, 5),
)
def test_groups_of_bands_sum_what_the_whole_table_sums(
    num_mels: int, n_fft: int, fmax: float, double: bool, frames: int
) -> None:
    bank = MelFilterBank(num_mels, n_fft=n_fft, sample_rate=24000, fmax=fmax)
    dtype = torch.float64 if double else torch.float32
    bins = torch.rand(2, frames, n_fft // 2 + 1, dtype=dtype)
    bands = bank(bins)
    assert bands.dtype == dtype
    assert bands.shape == (2, frames, num_mels)
    torch.testing.assert_close(bands, bins @ bank.weight.to(dtype))
    torch.testing.assert_close(bank(bins.requires_grad_()), bands)  # the way of gradients


def test_a_bank_moved_to_another_precision_still_takes_both() -> None:
    bins = torch.rand(3, 33, dtype=torch.float64)
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000)
    expected = bank(bins)
    for moved in (copy.deepcopy(bank).float(), copy.deepcopy(bank).double()):
        torch.testing.assert_close(moved(bins), expected, rtol=1e-6, atol=1e-12)
        torch.testing.assert_close(moved(bins.float()).double(), expected, rtol=1e-5, atol=1e-9)


def test_a_tone_of_known_power_has_its_level() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000, norm=None)
    spectrum = torch.zeros(1, 1, 1, 33, dtype=torch.complex128)
    spectrum[..., 9] = torch.tensor(3 + 4j)
    level = LogMel(bank)(spectrum)
    expected = 10 * torch.log10((25 * bank.weight[9]).clamp(min=1e-10))
    torch.testing.assert_close(level[0, 0, 0], expected)
    level = LogMel(bank, exponent=1)(spectrum)
    torch.testing.assert_close(level[0, 0, 0], 20 * torch.log10((5 * bank.weight[9]).clamp(1e-10)))
    level = LogMel(bank, exponent=1, offset=0.001, log="natural")(spectrum)
    torch.testing.assert_close(level[0, 0, 0], (5 * bank.weight[9] + 0.001).log())


def test_the_floor_is_the_level_of_silence() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000)
    silence = torch.zeros(1, 2, 3, 33, dtype=torch.complex64)
    assert (LogMel(bank)(silence) == -100).all()
    assert (LogMel(bank, floor=1e-6)(silence) == -60).all()


def test_top_db_holds_for_each_clip_and_channel_alone() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000)
    gain = 10.0 ** torch.arange(-8, 0).reshape(2, 2, 2, 1)
    spectrum = gain * torch.randn(2, 2, 2, 33, dtype=torch.complex64)
    plain, raised = LogMel(bank)(spectrum), LogMel(bank, top_db=15)(spectrum)
    for clip in range(2):
        for channel in range(2):
            least = plain[clip, channel].max() - 15
            assert torch.equal(raised[clip, channel], plain[clip, channel].clamp(min=least))
    assert not torch.equal(plain, raised)
    raised = LogMel(bank, top_db=15, top_db_per="clip")(spectrum)
    for clip in range(2):
        assert torch.equal(raised[clip], plain[clip].clamp(min=plain[clip].max() - 15))


def test_only_top_db_needs_the_whole_clip() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000)
    spectrum = torch.randn(2, 3, 4, 33, dtype=torch.complex64)
    level = LogMel(bank, top_db=15)
    assert (level.whole_clip, LogMel(bank).whole_clip) == (True, False)
    assert torch.equal(level(spectrum), level.per_clip(level.per_frame(spectrum)))
    assert torch.equal(LogMel(bank)(spectrum), level.per_frame(spectrum))


def test_gradients_of_levels() -> None:
    bank = MelFilterBank(3, n_fft=8, sample_rate=8000)
    spectrum = torch.randn(1, 1, 2, 5, dtype=torch.complex128, requires_grad=True)
    levels = (
        LogMel(bank),
        LogMel(bank, top_db=3.0),
        LogMel(bank, exponent=1),
        LogMel(bank, offset=0.1, log="natural"),
    )
    for level in levels:
        assert torch.autograd.gradcheck(level, (spectrum,))
        silence = torch.zeros(1, 1, 2, 5, dtype=torch.complex64, requires_grad=True)
        level(silence).sum().backward()
        assert silence.grad is not None
        assert (silence.grad == 0).all()


@pytest.mark.parametrize("value", [1e4, 1e-22])
def test_very_loud_and_very_soft_sounds_have_finite_levels_and_gradients(value: float) -> None:
    bank = MelFilterBank(3, n_fft=8, sample_rate=8000)
    for level in (LogMel(bank), LogMel(bank, exponent=1), LogMel(bank, top_db=80.0)):
        spectrum = torch.full((1, 1, 2, 5), value, dtype=torch.complex64, requires_grad=True)
        features = level(spectrum)
        assert features.isfinite().all()
        features.sum().backward()
        assert spectrum.grad is not None
        assert spectrum.grad.isfinite().all()


def test_state_and_repr() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000, mel_scale="htk")
    assert not LogMel(bank).state_dict()
    assert "mel_scale='htk'" in repr(bank)
    assert "top_db=80" in repr(LogMel(bank, top_db=80.0))
    assert "exponent=1, offset=0.1, log='natural'" in repr(
        LogMel(bank, exponent=1, offset=0.1, log="natural")
    )


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_mels": 0}, "num_mels must be at least 1, got 0"),
        ({"n_fft": 0}, "n_fft must be at least 1, got 0"),
        ({"sample_rate": -1}, "sample_rate must be at least 1, got -1"),
        ({"fmin": -1.0}, "0 <= fmin < fmax <= 8000 must hold, got -1 and 8000"),
        ({"fmin": 300.0, "fmax": 300.0}, "must hold, got 300 and 300"),
        ({"fmax": 9000.0}, "must hold, got 0 and 9000"),
        ({"mel_scale": "bark"}, "mel_scale must be one of 'slaney', 'htk', got 'bark'"),
        ({"norm": "l2"}, "norm must be one of 'slaney', None, got 'l2'"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MelFilterBank(**({"num_mels": 8, "n_fft": 64, "sample_rate": 16000} | arguments))


@pytest.mark.messages
def test_messages_of_wrong_inputs() -> None:
    bank = MelFilterBank(8, n_fft=64, sample_rate=16000)
    with pytest.raises(ValueError, match=r"bins must be \(\.\.\., freq=33\), got shape \(2, 32\)"):
        bank(torch.zeros(2, 32))
    with pytest.raises(ValueError, match=r"spectrum must be \(batch, channel, time, freq\)"):
        LogMel(bank)(torch.zeros(4, 3, 33, dtype=torch.complex64))
    with pytest.raises(ValueError, match="floor must be positive, got 0"):
        LogMel(bank, floor=0)
    with pytest.raises(ValueError, match="top_db must be positive, got -1"):
        LogMel(bank, top_db=-1)
    with pytest.raises(ValueError, match="top_db needs log='db', got 'natural'"):
        LogMel(bank, top_db=80.0, log="natural")
    with pytest.raises(ValueError, match="offset must not be negative, got -1"):
        LogMel(bank, offset=-1)
    with pytest.raises(ValueError, match="exponent must be 1 for log='half_db', got 2"):
        LogMel(bank, log="half_db")
    with pytest.raises(ValueError, match="exponent must be one of 1, 2, got 3"):
        LogMel(bank, exponent=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="log must be one of 'db', 'half_db', 'natural'"):
        LogMel(bank, log="log2")  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="top_db_per must be one of 'channel', 'clip', got 'frame'"
    ):
        LogMel(bank, top_db_per="frame")  # type: ignore[arg-type]
