"""Audio files in and out, without loss."""

from math import gcd
from os import PathLike
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.io import wavfile
from scipy.signal import resample_poly
from torch import Tensor

from seldkit._checks import check_finite, check_positive, check_shape
from seldkit._typing import Float

SUBTYPES = {".wav": "FLOAT", ".w64": "FLOAT", ".flac": "PCM_24"}
"""How samples are stored in the files that can be written, by suffix."""


def read_audio(
    path: str | PathLike[str], *, sample_rate: int | None = None
) -> tuple[Float[Tensor, "channel sample"], int]:
    """Return the samples of an audio file and their rate.

    Full scale is 1: a 16-bit file comes as its integers divided by 32768.

    Args:
        path: Any format that libsndfile reads, WAV and FLAC among them.
        sample_rate: Resample to this rate, in hertz, with a polyphase low-pass filter
            (`scipy.signal.resample_poly`); by default the file's own rate stays.

    Returns:
        A `float32` waveform and its sample rate in hertz.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no audio, holds no samples, or holds nan or infinity.
    """
    path = Path(path)
    if sample_rate is not None:
        _check_rate(sample_rate)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless .raw
        raise ValueError(f"{path} is no audio file that libsndfile reads: {error}") from error
    if not len(samples):
        raise ValueError(f"{path} holds no samples")
    check_finite(f"the samples of {path}", torch.from_numpy(samples))
    if sample_rate not in (None, own_rate):
        common = gcd(sample_rate, own_rate)
        samples = resample_poly(samples, sample_rate // common, own_rate // common, axis=0)
    return torch.from_numpy(np.ascontiguousarray(samples.T)), sample_rate or own_rate


def write_audio(
    path: str | PathLike[str], waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> None:
    """Write samples to an audio file, whose suffix tells the format.

    `.wav` and `.w64` (for more than 4 GB) hold 32-bit floats, so that reading gives the same
    samples back. `.flac` holds 24-bit integers: exact for what came from 16 or 24 bits, else within
    1.2e-7. The same samples make the same bytes.

    Args:
        path: File to write; its folder must exist.
        waveform: Samples with full scale 1; written as `float32`.
        sample_rate: In hertz.

    Raises:
        FileNotFoundError: If the folder does not exist.
        TypeError: If the samples or the rate have the wrong kind of number.
        ValueError: If the waveform has the wrong shape, no samples, nan or infinity, goes beyond
            full scale where the file holds integers, or the format is not among those above.
    """
    path = Path(path)
    subtype = SUBTYPES.get(path.suffix.lower())
    if subtype is None:
        raise ValueError(f"{path} must end in one of {', '.join(SUBTYPES)}")
    _check_rate(sample_rate)
    check_shape("waveform", waveform, "channel sample")
    if not waveform.is_floating_point():
        raise TypeError(f"waveform must hold floats with full scale 1, got {waveform.dtype}")
    if not waveform.numel():
        raise ValueError(f"waveform must hold samples, got shape {tuple(waveform.shape)}")
    samples = waveform.detach().to("cpu", torch.float32)
    check_finite("waveform", samples)
    peak = samples.abs().max().item()
    if subtype.startswith("PCM") and peak > 1:
        raise ValueError(f"waveform must lie in -1..1 for {path.suffix}, got a peak of {peak:g}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} in")
    try:
        if path.suffix.lower() == ".wav":  # libsndfile would put the time of day into the file
            wavfile.write(path, sample_rate, samples.T.numpy())
        else:
            soundfile.write(path, samples.T.numpy(), sample_rate, subtype=subtype)
    except (soundfile.SoundFileError, ValueError) as error:
        raise ValueError(
            f"{path} cannot hold {len(waveform)} channels at {sample_rate} Hz: {error}"
        ) from error


def _check_rate(sample_rate: int) -> None:
    if not isinstance(sample_rate, int):
        raise TypeError(f"sample_rate must be an integer, in hertz, got {sample_rate!r}")
    check_positive(sample_rate=sample_rate)
