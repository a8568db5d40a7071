"""Resampling keeps what both rates can hold, folds nothing back, and is the same in parts."""

import os
import subprocess
import sys
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seldkit.io import audio_info, read_audio, read_blocks, write_audio

Doubles = NDArray[np.float64]

RATES = [
    (48000, 24000),
    (44100, 24000),
    (48000, 32000),
    (48000, 16000),
    (16000, 24000),
    (24000, 32000),
]


def _tone(hertz: Doubles, rate: int, seconds: float = 0.25) -> Doubles:
    return np.sin(2 * np.pi * hertz[:, None] * np.arange(round(rate * seconds)) / rate)


def _db(amplitude: float) -> float:
    return float(20 * np.log10(amplitude))


def _through(path: Path, tones: Doubles, rate: int, new_rate: int) -> Doubles:
    """Return tones at another rate without the ends, in which the filter rings."""
    soundfile.write(path, tones.T, rate, subtype="FLOAT")
    waveform, _ = read_audio(path, sample_rate=new_rate)
    ringing = ceil(160 * new_rate / min(rate, new_rate))
    return waveform.double().numpy()[:, ringing:-ringing]


@pytest.mark.parametrize(("rate", "new_rate"), RATES)
def test_what_both_rates_hold_passes_flat(tmp_path: Path, rate: int, new_rate: int) -> None:
    hertz = np.linspace(0, 0.9, 60) * min(rate, new_rate) / 2
    got = _through(tmp_path / "tone.wav", _tone(hertz, rate), rate, new_rate)
    want = _tone(hertz, new_rate)
    ringing = (want.shape[1] - got.shape[1]) // 2
    # images of what is sampled up lie in this difference, too
    assert _db(np.abs(got - want[:, ringing:-ringing]).max()) < -108


@pytest.mark.parametrize(("rate", "new_rate"), [r for r in RATES if r[1] < r[0]])
def test_nothing_folds_back(tmp_path: Path, rate: int, new_rate: int) -> None:
    hertz = np.linspace(new_rate, 0.999 * rate, 100) / 2  # from the new Nyquist on
    got = _through(tmp_path / "tone.wav", _tone(hertz, rate), rate, new_rate)
    assert _db(np.abs(got).max()) < -108


@settings(max_examples=40)
@given(
    rate=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    new_rate=st.sampled_from([8000, 16000, 22050, 24000, 24001, 48000]),
    samples=st.integers(1, 40000),
    data=st.data(),
)
def test_parts_and_blocks_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory,
    rate: int,
    new_rate: int,
    samples: int,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.getbasetemp() / "parts.wav"
    write_audio(path, torch.randn(1, samples), rate)
    whole, _ = read_audio(path, sample_rate=new_rate)
    length = whole.shape[1]
    assert length == ceil(samples * new_rate / rate)
    assert audio_info(path, sample_rate=new_rate)[:3] == (1, length, new_rate)
    start = data.draw(st.integers(0, length - 1))
    frames = data.draw(st.integers(1, length - start))
    part, _ = read_audio(path, sample_rate=new_rate, start=start, frames=frames)
    assert torch.equal(part, whole[:, start : start + frames])
    block = data.draw(st.integers(1 + length // 50, length + 5))
    blocks = list(read_blocks(path, sample_rate=new_rate, block=block, start=start))
    assert torch.equal(torch.cat(blocks, dim=1), whole[:, start:])
    assert all(part.shape == (1, block) for part in blocks[:-1])


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_parts_of_compressed_files_are_those_of_the_whole(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / name, rng.uniform(-0.5, 0.5, (150000, 2)), 48000)
    for rate in (48000, 24000):
        whole, _ = read_audio(tmp_path / name, sample_rate=rate)
        blocks = list(read_blocks(tmp_path / name, sample_rate=rate, block=20000))
        assert torch.equal(torch.cat(blocks, dim=1), whole)
        part, _ = read_audio(tmp_path / name, sample_rate=rate, start=12345, frames=100)
        assert torch.equal(part, whole[:, 12345:12445])


def test_the_scale_of_a_signal_and_its_channels_stay(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", torch.tensor([[0.5], [-0.25]]).expand(2, 4800), 48000)
    waveform, rate = read_audio(tmp_path / "a.wav", sample_rate=24000)
    assert rate == 24000
    assert waveform.dtype == torch.float32
    assert waveform.is_contiguous()
    middle = waveform[:, 200:-200]
    torch.testing.assert_close(middle, torch.tensor([[0.5], [-0.25]]).expand_as(middle))


def test_the_own_rate_is_no_resampling(tmp_path: Path) -> None:
    waveform = torch.randn(2, 100)
    write_audio(tmp_path / "clip.wav", waveform, 24000)
    assert torch.equal(read_audio(tmp_path / "clip.wav", sample_rate=24000)[0], waveform)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"start": -1}, ValueError, r"start must lie in the 100 samples .*24000 Hz, got -1"),
        ({"start": 100}, ValueError, r"start must lie in the 100 samples .*24000 Hz, got 100"),
        ({"start": 90, "frames": 11}, ValueError, r"end within .*100 .* got 11 from start=90"),
        ({"frames": 0}, ValueError, "frames must be at least 1, got 0"),
        ({"frames": 1.5}, TypeError, r"frames must be an integer, got 1\.5"),
        ({"start": True}, TypeError, "start must be an integer, got True"),
        ({"sample_rate": True}, TypeError, "sample_rate must be an integer, got True"),
        ({"sample_rate": 2.4e4}, TypeError, r"sample_rate must be an integer, got 24000\.0"),
        ({"sample_rate": 0}, ValueError, "sample_rate must be at least 1, got 0"),
        ({"sample_rate": -24000}, ValueError, "sample_rate must be at least 1, got -24000"),
        ({"truncated": "yes"}, ValueError, "truncated must be one of 'error', 'keep', got 'yes'"),
    ],
)
def test_parts_that_are_not_there_are_named(
    tmp_path: Path, arguments: dict[str, object], kind: type[Exception], message: str
) -> None:
    write_audio(tmp_path / "clip.wav", torch.zeros(1, 200), 48000)
    arguments = {"sample_rate": 24000} | arguments
    with pytest.raises(kind, match=message):
        read_audio(tmp_path / "clip.wav", **arguments)  # type: ignore[arg-type]
    with pytest.raises(kind, match=message):  # before the first block is asked for
        read_blocks(tmp_path / "clip.wav", **arguments)  # type: ignore[arg-type]


def test_a_block_holds_samples(tmp_path: Path) -> None:
    write_audio(tmp_path / "clip.wav", torch.zeros(1, 200), 48000)
    with pytest.raises(ValueError, match="block must be at least 1, got 0"):
        read_blocks(tmp_path / "clip.wav", block=0)


def test_the_length_in_seconds(tmp_path: Path) -> None:
    write_audio(tmp_path / "clip.wav", torch.zeros(2, 6000), 24000)
    assert audio_info(tmp_path / "clip.wav").duration_s == 0.25


@pytest.mark.messages
@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_a_damaged_rate_is_no_reason_to_wait(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "tone.wav"
    write_audio(path, torch.zeros(2, 100), 8000)
    header = bytearray(path.read_bytes())
    header[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(header)
    assert audio_info(path).sample_rate == rate
    message = rf"tone\.wav cannot be read at 4000 Hz: .* at most 256 times .*, got {rate} and 4000"
    for read in (read_audio, audio_info):
        with pytest.raises(ValueError, match=message):
            read(path, sample_rate=4000)


@pytest.mark.programs
def test_threads_of_blas_change_no_bit(tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    write_audio(path, 0.1 * torch.randn(2, 32000), 16000)
    script = (
        "from hashlib import sha256; from seldkit import io;"
        f"print(sha256(io.read_audio({str(path)!r}, sample_rate=24000)[0].numpy()).hexdigest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "3")
    }
    assert len(told) == 1
