"""Samples come back as they were written, and what is no audio is told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.io import read_audio, write_audio


@settings(max_examples=20)
@given(
    suffix=st.sampled_from([".wav", ".WAV", ".w64"]),
    channels=st.integers(1, 9),
    samples=st.integers(9, 300),
    rate=st.sampled_from([8000, 24000, 44100]),
)
def test_floats_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, channels: int, samples: int, rate: int
) -> None:
    path = tmp_path_factory.getbasetemp() / f"noise{suffix}"
    waveform = 10 * torch.randn(channels, samples)
    write_audio(path, waveform, rate)
    back, back_rate = read_audio(path)
    assert torch.equal(back, waveform)
    assert back.dtype == torch.float32
    assert back.is_contiguous()
    assert back_rate == rate


def test_flac_keeps_what_came_from_16_bits(tmp_path: Path) -> None:
    waveform = torch.randint(-32768, 32768, (4, 500)) / 32768
    write_audio(tmp_path / "clip.flac", waveform, 24000)
    assert torch.equal(read_audio(tmp_path / "clip.flac")[0], waveform)
    fine = torch.rand(4, 500) * 2 - 1
    write_audio(tmp_path / "clip.flac", fine, 24000)
    assert (read_audio(tmp_path / "clip.flac")[0] - fine).abs().max() < 1.2e-7


@pytest.mark.parametrize("suffix", [".wav", ".w64", ".flac"])
def test_the_same_samples_make_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        write_audio(tmp_path / f"{name}{suffix}", torch.full((4, 100), 0.5), 24000)
    first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert b"PEAK" not in first  # the chunk in which libsndfile notes the time of day


def test_integers_come_out_over_32768(tmp_path: Path) -> None:
    samples = np.array([[-32768, 32767], [1, 0], [256, -3]], dtype=np.int16)
    soundfile.write(tmp_path / "clip.wav", samples, 16000, subtype="PCM_16")
    waveform, rate = read_audio(str(tmp_path / "clip.wav"))
    assert rate == 16000
    assert torch.equal(waveform, torch.from_numpy(samples.T / 32768).float())


def test_gradients_and_doubles_are_written_as_they_sound(tmp_path: Path) -> None:
    waveform = torch.randn(1, 50, dtype=torch.float64, requires_grad=True)
    write_audio(tmp_path / "clip.wav", waveform, 24000)
    assert torch.equal(read_audio(tmp_path / "clip.wav")[0], waveform.detach().float())


def test_real_recordings_are_read(data: Callable[[str], Path]) -> None:
    path = data("foa/recordings/jsambisonics_eigenmike1.flac")
    waveform, rate = read_audio(path)
    assert rate == 24000
    assert waveform.shape[0] == 4
    assert 0 < waveform.abs().max() <= 1
    assert read_audio(path, sample_rate=16000)[0].shape[1] == -(-waveform.shape[1] * 2 // 3)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.wav"):
        read_audio(tmp_path / "gone.wav")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_audio(tmp_path)
    for name in ("text.wav", "text.raw"):
        (tmp_path / name).write_text("no audio")
        with pytest.raises(ValueError, match=rf"{name} is no audio file"):
            read_audio(tmp_path / name)
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), 24000)
    with pytest.raises(ValueError, match=r"empty\.wav holds no samples"):
        read_audio(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan, np.inf]), 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"samples of .*nan\.wav must be finite.* in 2 of 3"):
        read_audio(tmp_path / "nan.wav", sample_rate=16000)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("waveform", "rate", "name", "kind", "message"),
    [
        (torch.zeros(8), 8000, "a.wav", ValueError, r"waveform must be \(channel, sample\), got"),
        (torch.zeros(4, 0), 8000, "a.wav", ValueError, r"must hold samples, got shape \(4, 0\)"),
        (torch.zeros(0, 4), 8000, "a.wav", ValueError, r"must hold samples, got shape \(0, 4\)"),
        (torch.full((1, 2), torch.nan), 8000, "a.wav", ValueError, "waveform must be finite"),
        (
            torch.full((1, 2), 1e300, dtype=torch.double),
            8000,
            "a.wav",
            ValueError,
            "waveform must be finite",
        ),
        (torch.zeros(1, 4), 0, "a.wav", ValueError, "sample_rate must be at least 1, got 0"),
        (
            torch.zeros(1, 4),
            -8000,
            "a.wav",
            ValueError,
            "sample_rate must be at least 1, got -8000",
        ),
        (
            torch.zeros(1, 4),
            8e3,
            "a.wav",
            TypeError,
            r"sample_rate must be an integer, got 8000\.0",
        ),
        (
            torch.zeros(1, 4).short(),
            8000,
            "a.wav",
            TypeError,
            r"waveform must hold floats, got torch\.int16",
        ),
        (torch.zeros(1, 4), True, "a.wav", TypeError, "sample_rate must be an integer, got True"),
        (
            torch.zeros(48, 4),
            8000,
            "a.wav",
            ValueError,
            r"more samples than channels, .* \(48, 4\)",
        ),
        (torch.full((1, 2), 32767.0), 8000, "a.wav", ValueError, r"32767\.0: divide .* by 32768"),
        (torch.full((1, 2), -1.5), 8000, "a.flac", ValueError, r"-1\.\.1 for .flac, got .* 1\.5"),
        (torch.zeros(9, 40), 8000, "a.flac", ValueError, r"a\.flac cannot hold 9 channels at 8000"),
        (torch.zeros(1, 4), 8000, "a.mp3", ValueError, r"a\.mp3 must end in one of \.wav, \.w64"),
        (torch.zeros(1, 4), 8000, "no/a.wav", FileNotFoundError, "there is no folder .*no to"),
    ],
)
def test_what_cannot_be_written_is_named(
    tmp_path: Path,
    waveform: torch.Tensor,
    rate: int,
    name: str,
    kind: type[Exception],
    message: str,
) -> None:
    with pytest.raises(kind, match=message):
        write_audio(tmp_path / name, waveform, rate)


@pytest.mark.parametrize("rate", [0, -24000])
def test_a_rate_to_read_at_is_positive(tmp_path: Path, rate: int) -> None:
    with pytest.raises(ValueError, match=f"sample_rate must be at least 1, got {rate}"):
        read_audio(tmp_path / "clip.wav", sample_rate=rate)


@pytest.mark.messages
def test_arrays_and_numbers_of_numpy_are_taken(tmp_path: Path) -> None:
    samples = np.array([[0.0, 0.5, -0.5]], dtype=np.float32)
    write_audio(tmp_path / "clip.wav", samples, np.int64(8000))  # type: ignore[arg-type]
    waveform, rate = read_audio(tmp_path / "clip.wav", sample_rate=np.int32(8000))  # type: ignore[arg-type]
    assert np.array_equal(waveform.numpy(), samples)
    assert type(rate) is int


def test_what_was_scaled_for_integers_is_warned_of_once(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", np.full((200000, 1), 32767.0), 8000, subtype="FLOAT")
    with pytest.warns(UserWarning, match=r"loud\.wav goes up to 32767\.0, where full") as caught:
        read_audio(tmp_path / "loud.wav")
    assert len(caught) == 1
