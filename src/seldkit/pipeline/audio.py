"""Audio as a pipeline takes it: files and waveforms, checked and in blocks."""

import warnings
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_number
from seldkit._typing import Float
from seldkit.io import audio_info, read_blocks
from seldkit.io.recording import LOUD

Audio = str | PathLike[str] | Float[Tensor, "channel sample"] | NDArray[Any]

BLOCK = 2**18
"""Samples of each channel that are read at once."""


class Source(NamedTuple):
    """A signal that is read block by block.

    Attributes:
        num_samples: Samples of each channel, at the rate of the system.
        blocks: The samples, `(channel, sample)` each.
    """

    num_samples: int
    blocks: Iterator[Tensor]


def open_audio(audio: Audio, sample_rate: object, *, expected: int, channels: int) -> Source:
    """Return the blocks of a file or waveform, checked.

    Args:
        audio: Path of a file, or a waveform.
        sample_rate: Of the waveform; None for a file.
        expected: Sampling rate of the system, to which a file is resampled.
        channels: Channels that the system takes.

    Raises:
        TypeError: If the audio or the rate is of a wrong kind, or a waveform holds integers.
        ValueError: If the rate, the channels or the samples are wrong.
    """
    if isinstance(audio, str | PathLike):
        if sample_rate is not None:
            raise ValueError(
                f"sample_rate is for waveforms; a file says its own, got {sample_rate}"
            )
        return _of_file(Path(audio), expected, channels)
    if sample_rate is not None:
        check_number(sample_rate=sample_rate)
    if sample_rate != expected:
        raise ValueError(
            f"sample_rate must be {expected}, got {sample_rate}: say the rate of the waveform, and"
            " resample it if it is another; a file is resampled as it is read"
        )
    if not isinstance(audio, np.ndarray | Tensor):
        raise TypeError(f"audio must be a path, a tensor or an array, got {type(audio).__name__}")
    waveform = checked_waveform("audio", audio, channels)
    if waveform.shape[1] == 0:
        raise ValueError("audio must have at least one sample, got none")
    return Source(waveform.shape[1], iter(waveform.split(BLOCK, dim=1)))


def checked_waveform(name: str, audio: Any, channels: int) -> Float[Tensor, "channel sample"]:
    """Return a waveform as a tensor.

    Raises:
        TypeError: If it is neither a tensor nor an array, or holds integers.
        ValueError: If the channels or the samples are wrong.
    """
    waveform = _tensor(name, audio)
    check_channels(name, tuple(waveform.shape), channels)
    blocks = waveform.split(BLOCK, dim=1) if waveform.shape[1] else ()
    bad = sum(int((~block.isfinite()).sum()) for block in blocks)
    if bad:
        raise ValueError(
            f"{name} must be finite, got nan or infinity in {bad} of {waveform.numel()} samples"
        )
    check_peak(name, max((block.abs().max().item() for block in blocks), default=0.0))
    return waveform


def check_channels(name: str, shape: tuple[int, ...], channels: int) -> None:
    """Raise `ValueError` that says what to do unless a waveform has the right axes."""
    if len(shape) == 2 and shape[0] == channels:
        return
    if len(shape) == 2 and shape[1] == channels:
        hint = f"samples come last: give {name}.T"
    elif len(shape) == 3:
        hint = f"give one clip at a time, such as {name}[0]"
    elif len(shape) == 2 and shape[0] > channels:
        hint = (
            f"choose the {channels} channels that the system was trained on: the first four of"
            " higher-order ambisonics in ACN order are first-order, and ambisonics.encode makes it"
            " of the microphones of an array"
        )
    else:
        hint = (
            f"the system hears directions from {channels} channels, which cannot be made of fewer:"
            " take the recording of its array or in Ambisonics, or a system for what you have, such"
            " as one of features.presets.dcase2025_stereo; pipeline.name_recording, or seldkit"
            " predict --names yamnet, names the sounds of any recording, without directions"
        )
    raise ValueError(f"{name} must be (channel={channels}, sample), got shape {shape}; {hint}")


def check_peak(name: str, peak: float) -> None:
    """Raise `ValueError` for samples whose full scale cannot be 1."""
    if peak > LOUD:
        raise ValueError(
            f"{name} must have full scale 1, got a peak of {peak:g}: divide samples of 16 bits by"
            " 32768"
        )


def _tensor(name: str, audio: Any) -> Tensor:
    if isinstance(audio, np.ndarray) and audio.dtype.kind == "f" and audio.dtype.itemsize <= 8:
        # Own memory in the processor's order of bytes, which a tensor can share.
        native = audio.dtype.newbyteorder("=")
        return torch.from_numpy(np.require(audio, native, ["C", "W"]))
    if not isinstance(audio, np.ndarray | Tensor):
        raise TypeError(f"{name} must be a tensor or an array, got {type(audio).__name__}")
    if not (isinstance(audio, Tensor) and audio.is_floating_point()):
        raise TypeError(
            f"{name} must hold floats with full scale 1, got {audio.dtype}: divide samples of 16"
            " bits by 32768"
        )
    return audio


def _of_file(path: Path, sample_rate: int, channels: int) -> Source:
    """Return the blocks of a file."""
    info = audio_info(path, sample_rate=sample_rate)
    check_channels("audio", (info.num_channels, info.num_samples), channels)

    def checked() -> Iterator[Tensor]:
        read = read_blocks(path, sample_rate=sample_rate, block=BLOCK)
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of loud samples, an error here
                block = next(read, None)
            if block is None:
                return
            check_peak(str(path), block.abs().max().item())
            yield block

    return Source(info.num_samples, checked())
