"""Ambient noise from recordings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seldkit.io import write_audio
from seldkit.synth import SceneSynthesizer
from seldkit.synth.recorded_noise import RecordedNoise

RATE = 8000


def write(folder: Path, seconds: float, channels: int = 4, name: str = "deep/a.wav") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = torch.randn(channels, round(seconds * RATE), generator=torch.Generator().manual_seed(0))
    write_audio(path, 0.01 * noise, RATE)
    return folder


def test_a_piece_is_one_of_the_recording(tmp_path: Path) -> None:
    noise = RecordedNoise(write(tmp_path, 3.0), 4).draw(np.random.default_rng(0), RATE, RATE)
    assert noise.shape == (4, RATE)
    assert np.square(noise[0]).mean() == pytest.approx(1, rel=1e-5)
    whole = torch.randn(4, 3 * RATE, generator=torch.Generator().manual_seed(0)).numpy()
    starts = [s for s in range(2 * RATE + 1) if abs(whole[1, s] / noise[1, 0] - 1) < 0.1]
    assert any(np.corrcoef(whole[2, s : s + RATE], noise[2])[0, 1] > 0.999 for s in starts)


def test_short_recordings_follow_one_another_at_constant_power(tmp_path: Path) -> None:
    write(tmp_path, 0.7)
    write(tmp_path, 0.6, name="b.flac")
    noise = RecordedNoise(tmp_path, 4).draw(np.random.default_rng(1), 3 * RATE, RATE)
    power = np.square(noise).reshape(4, 30, -1).mean(axis=(0, 2))
    np.testing.assert_allclose(power, 1, atol=0.2)


def test_a_scene_has_the_noise_at_the_stated_level(tmp_path: Path) -> None:
    settings = {"duration_s": 2.0, "sample_rate": RATE, "anechoic": True}
    clean, events = SceneSynthesizer(snr_db=None, **settings).scene(3)  # type: ignore[arg-type]
    noisy, _ = SceneSynthesizer(
        noise=write(tmp_path, 5.0),
        snr_db=(12, 12),
        **settings,  # type: ignore[arg-type]
    ).scene(3)
    frames = clean[0].double().reshape(-1, RATE // 10)[events.frame.unique()]
    ratio = frames.square().mean() / (noisy - clean)[0].double().square().mean()
    assert 10 * ratio.log10() == pytest.approx(12, abs=0.05)


@pytest.mark.messages
def test_noise_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        RecordedNoise(tmp_path / "no", 4)
    with pytest.raises(ValueError, match="noise must be a folder of recordings, got none in"):
        RecordedNoise(tmp_path, 4)
    with pytest.raises(ValueError, match=r"a\.wav must have 4 channels, got 2"):
        RecordedNoise(write(tmp_path, 1.0, channels=2), 4)
    write_audio(tmp_path / "deep" / "a.wav", torch.zeros(4, 99), RATE)
    with pytest.raises(ValueError, match="must not be silent on the first channel"):
        RecordedNoise(tmp_path, 4).draw(np.random.default_rng(0), 50, RATE)
