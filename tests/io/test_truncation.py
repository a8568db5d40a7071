"""Half a file is no whole one: its header says so, or the end of its stream is missing."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seldkit.io import audio_info, read_audio, read_blocks

KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("W64", "FLOAT"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_24"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("AU", "FLOAT"),
    ("FLAC", "PCM_16"),
]


def _write(path: Path, kind: str, subtype: str, endian: str = "FILE") -> np.ndarray:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (24000, 2))
    soundfile.write(path, samples, 24000, format=kind, subtype=subtype, endian=endian)
    found, _ = soundfile.read(path, dtype="float32")
    return found.T  # type: ignore[no-any-return]


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("kept", [0.34, 0.99])
def test_a_cut_is_told_with_both_lengths(
    tmp_path: Path, kind: str, subtype: str, kept: float
) -> None:
    path = tmp_path / "clip.audio"
    whole = _write(path, kind, subtype)
    assert torch.equal(read_audio(path)[0], torch.from_numpy(whole))
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    cut_off = r"clip\.audio is cut off: its header promises 24000 samples and it holds (\d+)"
    for read in (read_audio, audio_info, read_blocks):
        with pytest.raises(ValueError, match=cut_off):
            read(path)
    with pytest.raises(ValueError, match=cut_off):  # though all of the part is there
        read_audio(path, frames=10)
    with pytest.warns(UserWarning, match=cut_off) as caught:
        waveform, _ = read_audio(path, truncated="keep")
    assert 0 < waveform.shape[1] < 24000
    assert f"holds {waveform.shape[1]}" in str(caught[0].message)
    assert torch.equal(waveform, torch.from_numpy(whole[:, : waveform.shape[1]]))
    with pytest.warns(UserWarning, match=cut_off):
        assert audio_info(path, truncated="keep").num_samples == waveform.shape[1]
    with pytest.warns(UserWarning, match=cut_off):
        blocks = list(read_blocks(path, truncated="keep", block=1000))
    assert torch.equal(torch.cat(blocks, dim=1), waveform)


@pytest.mark.messages
def test_warnings_point_to_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    _write(path, "WAV", "PCM_16")
    path.write_bytes(path.read_bytes()[:-400])
    for read in (read_audio, audio_info, read_blocks):
        with pytest.warns(UserWarning, match="cut off") as caught:
            read(path, truncated="keep")
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(("kind", "subtype"), [k for k in KINDS if k[0] != "FLAC"])
def test_a_byte_too_few_is_a_cut(tmp_path: Path, kind: str, subtype: str) -> None:
    path = tmp_path / "clip.audio"
    _write(path, kind, subtype)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="promises 24000 samples and it holds 23999"):
        read_audio(path)


def test_big_endian_headers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    _write(path, "WAV", "PCM_16", endian="BIG")
    assert path.read_bytes()[:4] == b"RIFX"
    path.write_bytes(path.read_bytes()[:12000])
    with pytest.raises(ValueError, match="promises 24000 samples and it holds 2989"):
        read_audio(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("cut", [1, 0.5])
def test_an_ogg_stream_without_its_end_is_told(tmp_path: Path, subtype: str, cut: float) -> None:
    path = tmp_path / "clip.ogg"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (96000, 1))
    soundfile.write(path, samples, 24000, format="OGG", subtype=subtype)
    assert read_audio(path)[0].shape == (1, 96000)
    data = path.read_bytes()
    path.write_bytes(data[:-1] if cut == 1 else data[: int(cut * len(data))])
    with pytest.raises(ValueError, match=r"stops before the end of its stream and holds \d+ samp"):
        read_audio(path)
    with pytest.warns(UserWarning, match="stops before the end"):
        assert 0 < read_audio(path, truncated="keep")[0].shape[1] <= 96000


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 0x7FFFF000])
def test_what_was_written_into_a_pipe_promises_nothing(tmp_path: Path, promised: int) -> None:
    path = tmp_path / "clip.wav"
    whole = _write(path, "WAV", "PCM_16")
    data = path.read_bytes()
    size = data.index(b"data") + 4
    path.write_bytes(data[:size] + promised.to_bytes(4, "little") + data[size + 4 :])
    assert torch.equal(read_audio(path)[0], torch.from_numpy(whole))


def test_chunks_around_the_sound_are_no_sound(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    whole = _write(path, "WAV", "PCM_16")
    data = path.read_bytes()
    start = data.index(b"data")
    odd = b"junk" + (3).to_bytes(4, "little") + b"abc\0"
    path.write_bytes(data[:start] + odd + data[start:] + odd)
    assert torch.equal(read_audio(path)[0], torch.from_numpy(whole))
    path.write_bytes(data[:start] + odd + data[start:-400])
    with pytest.raises(ValueError, match="promises 24000 samples and it holds 23900"):
        read_audio(path)


def test_a_stream_that_breaks_in_the_middle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "clip.flac"
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (60000, 1))
    soundfile.write(path, samples, 24000)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20000] = bytes(20000)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"clip\.flac (is|cannot)"):
        read_audio(path)
