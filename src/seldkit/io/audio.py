"""Audio files, read whole or in parts, at any sampling rate."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, integer
from seldkit._typing import Float
from seldkit.io.recording import PIECE, Recording, Truncated, recording
from seldkit.io.resampling import Ratio, Samples, resampled

SUFFIXES = (".flac", ".ogg", ".wav")
"""Endings of the names of recordings, where a folder is searched for them."""


class AudioInfo(NamedTuple):
    """What an audio file holds.

    Attributes:
        num_channels: Channels.
        num_samples: Samples of each channel, at the rate below.
        sample_rate: In hertz.
        encoding: How the file holds a sample, in libsndfile's words: `PCM_16`, `FLOAT`, `VORBIS`.
    """

    num_channels: int
    num_samples: int
    sample_rate: int
    encoding: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


def read_audio(
    path: str | PathLike[str],
    *,
    sample_rate: int | None = None,
    start: int = 0,
    frames: int | None = None,
    truncated: Truncated = "error",
) -> tuple[Float[Tensor, "channel sample"], int]:
    """Return the samples of an audio file, or of a part of it, and their rate.

    Full scale is 1: a 16-bit file comes as its integers divided by 32768. A file of floats that
    goes beyond 100 was scaled for integers, and a warning says so.

    Another rate is made by a low-pass filter, a sinc under a Kaiser window. With the Nyquist
    frequency of the lower of both rates, what lies up to 0.9 of it passes within 4e-6 (-108 dB),
    and of what lies beyond it less than -108 dB folds back. The filter has no delay; it reaches
    71 samples of the lower rate to each side, where a file counts as silent beyond its ends. `n`
    samples become `ceil(n * sample_rate / own_rate)`. A minute of four channels from 48 kHz to 24
    takes about 0.1 s on one core.

    `start` and `frames` count samples at the rate that is returned. So a part is
    `read_audio(path, sample_rate=rate)[0][:, start : start + frames]` to the last bit, without
    that the rest of the file is read.

    Args:
        path: Any format that libsndfile reads, WAV and FLAC among them.
        sample_rate: Resample to this rate, in hertz; by default the file's own rate stays.
        start: First sample of the part.
        frames: Samples of each channel in the part; by default all up to the end.
        truncated: What to do about a file that holds less than its header promises: raise an
            `"error"`, or warn and `"keep"` what is there. Headers of WAV, W64, AIFF, AU and FLAC
            files are held against the file, the last page of an Ogg stream must be there, and an
            MP3 must reach the end that it names. Files written into a pipe promise nothing.

    Returns:
        A `float32` waveform and its sample rate in hertz.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If a rate or count is no integer.
        ValueError: If the file is no audio, is cut off, holds no samples, fewer than the part
            needs, or nan or infinity, or its rate is over 256 times the one asked for, or under a
            256th.

    Examples:
        >>> from seldkit.io import write_audio
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.wav"
        ...     write_audio(path, torch.arange(8.0).reshape(2, 4), 8000)
        ...     read_audio(path, start=1, frames=2)
        (tensor([[1., 2.],
                [5., 6.]]), 8000)
    """
    path = Path(path)
    with _open(path, sample_rate, truncated) as opened:
        rate, first, stop = _part(opened, sample_rate, start, frames)
        waveform = np.empty((opened.num_channels, stop - first), dtype=np.float32)
        place = 0
        for piece in _pieces(opened, rate, first, stop):
            waveform[:, place : place + piece.shape[1]] = piece
            place += piece.shape[1]
    return torch.from_numpy(waveform), rate


def read_blocks(
    path: str | PathLike[str],
    *,
    sample_rate: int | None = None,
    block: int = 2**18,
    start: int = 0,
    frames: int | None = None,
    truncated: Truncated = "error",
) -> Iterator[Float[Tensor, "channel sample"]]:
    """Yield the samples of an audio file block by block, so that an hour takes little memory.

    The blocks one after the other are what [`read_audio`][seldkit.io.read_audio] returns, to the
    last bit, at another sampling rate too. Which rate that is and how much there is to come tells
    [`audio_info`][seldkit.io.audio_info].

    Args:
        path: Any format that libsndfile reads.
        sample_rate: Resample to this rate, in hertz; by default the file's own rate stays.
        block: Samples of each channel in a block, at the rate that is returned; the last block may
            be shorter.
        start: First sample of the first block, at the same rate.
        frames: Samples of each channel in all blocks; by default all up to the end.
        truncated: What to do about a file that is cut off, as for `read_audio`.

    Yields:
        `float32` blocks.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If a rate or count is no integer.
        ValueError: As for `read_audio`; at once, but for samples that cannot be decoded.

    Examples:
        >>> from seldkit.io import write_audio
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.wav"
        ...     write_audio(path, torch.arange(5.0)[None], 8000)
        ...     list(read_blocks(path, block=2))
        [tensor([[0., 1.]]), tensor([[2., 3.]]), tensor([[4.]])]
    """
    path = Path(path)
    check_count(block=block)
    with _open(path, sample_rate, truncated) as opened:
        rate, first, stop = _part(opened, sample_rate, start, frames)
    return _blocks(path, rate, first, stop, integer("block", block))


def audio_info(
    path: str | PathLike[str], *, sample_rate: int | None = None, truncated: Truncated = "error"
) -> AudioInfo:
    """Return how many channels and samples an audio file holds, without reading them.

    Args:
        path: Any format that libsndfile reads.
        sample_rate: Count samples at this rate, as `read_audio` would return them.
        truncated: What to do about a file that is cut off, as for
            [`read_audio`][seldkit.io.read_audio].

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the rate is no integer.
        ValueError: If the file is no audio, is cut off, or holds no samples.

    Examples:
        >>> from seldkit.io import write_audio
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "clip.wav"
        ...     write_audio(path, torch.zeros(4, 12000), 48000)
        ...     audio_info(path, sample_rate=24000)
        AudioInfo(num_channels=4, num_samples=6000, sample_rate=24000, encoding='FLOAT')
    """
    with _open(Path(path), sample_rate, truncated) as opened:
        rate, _, stop = _part(opened, sample_rate, 0, None)
        return AudioInfo(opened.num_channels, stop, rate, opened.encoding)


@contextmanager
def _open(path: Path, sample_rate: int | None, truncated: Truncated) -> Iterator[Recording]:
    """Open a file at the public door: check what was asked, and warn of what is missing."""
    check_choice("truncated", truncated, ("error", "keep"))
    if sample_rate is not None:
        check_count(sample_rate=sample_rate)
    with recording(path, truncated) as opened:
        if opened.shortage:
            warnings.warn(f"{path} is cut off: {opened.shortage}", stacklevel=4)
        yield opened


def _part(
    opened: Recording, sample_rate: int | None, start: int, frames: int | None
) -> tuple[int, int, int]:
    """Return the rate to read at, the first sample of a part and the one after its last."""
    rate = opened.sample_rate if sample_rate is None else integer("sample_rate", sample_rate)
    length = _ratio(opened, rate).length(opened.num_samples)
    start = integer("start", start)
    if not 0 <= start < length:
        raise ValueError(
            f"start must lie in the {length} samples of {opened.path} at {rate} Hz, got {start}"
        )
    if frames is None:
        return rate, start, length
    check_count(frames=frames)
    stop = start + integer("frames", frames)
    if stop > length:
        raise ValueError(
            f"frames must end within the {length} samples of {opened.path} at {rate} Hz,"
            f" got {frames} from start={start}"
        )
    return rate, start, stop


def _ratio(opened: Recording, rate: int) -> Ratio:
    """Return the ratio of a rate to that of a file, or raise an error that names the file."""
    try:
        return Ratio.between(opened.sample_rate, rate)
    except ValueError as error:
        raise ValueError(f"{opened.path} cannot be read at {rate} Hz: {error}") from error


def _pieces(opened: Recording, rate: int, first: int, stop: int) -> Iterator[Samples]:
    """Yield a part of a recording in pieces of any length."""
    if rate != opened.sample_rate:
        yield from resampled(opened.read, _ratio(opened, rate), first, stop)
        return
    for place in range(first, stop, PIECE):
        yield opened.read(place, min(place + PIECE, stop))


def _blocks(path: Path, rate: int, first: int, stop: int, block: int) -> Iterator[Tensor]:
    """Yield a part of a file, already checked, in blocks of one length."""
    with recording(path, "keep") as opened:
        waiting: list[Samples] = []
        count = 0
        for piece in _pieces(opened, rate, first, stop):
            waiting.append(piece)
            count += piece.shape[1]
            if count < block:
                continue
            joined = np.concatenate(waiting, axis=1)
            whole = count - count % block
            for place in range(0, whole, block):
                yield torch.from_numpy(joined[:, place : place + block].copy())
            waiting = [joined[:, whole:]]
            count -= whole
        if count:
            yield torch.from_numpy(np.concatenate(waiting, axis=1))
