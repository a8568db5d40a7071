"""Noise lies as far below each clip as is drawn."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.augment import add_noise

LABELS = torch.zeros(2, 10, 3)


def ratio_db(clean: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """Return the signal-to-noise ratio of each clip."""
    powers = [x.square().mean(dim=(1, 2)) for x in (clean, noisy - clean)]
    return 10 * (powers[0] / powers[1]).log10()


@given(st.floats(-10, 40), st.floats(1e-3, 1e3))
def test_the_ratio_is_as_asked_at_any_level(snr_db: float, level: float) -> None:
    clean = level * torch.randn(2, 4, 6000, dtype=torch.float64)
    noisy, _ = add_noise(clean, LABELS, snr_db=(snr_db, snr_db))
    torch.testing.assert_close(
        ratio_db(clean, noisy), torch.full((2,), snr_db).double(), rtol=0, atol=0.3
    )


def test_each_clip_has_a_ratio_of_its_own_in_the_range() -> None:
    clean = torch.randn(200, 1, 2000)
    ratios = ratio_db(clean, add_noise(clean, LABELS, snr_db=(10.0, 30.0))[0])
    assert 9.5 < ratios.min() < 12
    assert 28 < ratios.max() < 30.5
    assert abs(ratios.mean() - 20) < 1.5


def test_channels_get_noise_of_their_own_and_one_power() -> None:
    clean = torch.zeros(1, 2, 20000)
    clean[:, 0] = 1.0
    noise = (add_noise(clean, LABELS, snr_db=(10.0, 10.0))[0] - clean)[0]
    torch.testing.assert_close(
        noise.square().mean(dim=1), torch.full((2,), 0.05), rtol=0.05, atol=0
    )
    assert torch.corrcoef(noise)[0, 1].abs() < 0.03


def test_silence_stays_and_the_input_too() -> None:
    clean = torch.zeros(2, 4, 10)
    found, labels = add_noise(clean, LABELS)
    assert torch.equal(found, clean)
    assert labels is LABELS
    waveform = torch.randn(2, 4, 10)
    kept = waveform.clone()
    assert not torch.equal(add_noise(waveform, LABELS)[0], waveform)
    assert torch.equal(waveform, kept)


def test_some_clips_stay_as_they_are() -> None:
    waveform = torch.randn(400, 4, 10)
    stays = (add_noise(waveform, LABELS, p=0.3)[0] == waveform).flatten(1)
    assert torch.equal(stays.all(dim=1), stays.any(dim=1))
    assert 0.6 < stays.all(dim=1).float().mean() < 0.8


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("level", [1.0, 1e-2, 1e-4])
def test_quiet_sound_in_half_precision_gets_its_noise(dtype: torch.dtype, level: float) -> None:
    clean = (level * torch.randn(1, 4, 4000)).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        noisy, _ = add_noise(clean, LABELS, snr_db=(6.0, 6.0))
    assert noisy.dtype == dtype
    torch.testing.assert_close(
        ratio_db(clean.double(), noisy.double()), torch.tensor([6.0]).double(), rtol=0, atol=0.3
    )


@pytest.mark.messages
def test_integer_audio_is_told() -> None:
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        add_noise(torch.ones(1, 4, 10, dtype=torch.int16), LABELS)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel, sample\), got shape"):
        add_noise(torch.zeros(4, 10), LABELS)
    with pytest.raises(ValueError, match=r"snr_db must be low and high, got \(\)"):
        add_noise(torch.zeros(1, 4, 10), LABELS, snr_db=())  # type: ignore[arg-type]
    for wrong in ((30.0, 10.0), (0.0, torch.inf), (torch.nan, 1.0)):
        with pytest.raises(ValueError, match="snr_db must be low and high, finite, got"):
            add_noise(torch.zeros(1, 4, 10), LABELS, snr_db=wrong)
