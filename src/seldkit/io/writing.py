"""Audio files, written without loss."""

import struct
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor

from seldkit._checks import check_count, check_finite, check_floating, check_shape
from seldkit._files import result
from seldkit._typing import Float
from seldkit.io.recording import LOUD

SUBTYPES = {".wav": "FLOAT", ".w64": "FLOAT", ".flac": "PCM_24"}
"""How samples are stored in the files that can be written, by suffix."""


def write_audio(
    path: str | PathLike[str], waveform: Float[Tensor, "channel sample"], sample_rate: int
) -> None:
    """Write samples to an audio file, whose suffix tells the format.

    `.wav` and `.w64` (for more than 4 GB) hold 32-bit floats, so that reading gives the same
    samples back, those beyond full scale too. `.flac` holds 24-bit integers: exact for what came
    from 16 or 24 bits, else within 1.2e-7; what goes beyond full scale is refused, not clipped. The
    same samples make the same bytes.

    Args:
        path: File to write; its folder must exist.
        waveform: Samples with full scale 1, a tensor or array of floats; written as `float32`.
        sample_rate: In hertz.

    Raises:
        FileNotFoundError: If the folder does not exist.
        TypeError: If the samples or the rate have the wrong kind of number.
        ValueError: If the waveform has the wrong shape, no samples, fewer samples than channels,
            nan or infinity, goes beyond full scale where the file holds integers or beyond 100
            times it anywhere, or the format is not among those above.
    """
    import soundfile
    from scipy.io import wavfile

    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUBTYPES:
        raise ValueError(f"{path} must end in one of {', '.join(SUBTYPES)}")
    check_count(sample_rate=sample_rate)
    samples = _samples(torch.as_tensor(waveform))
    peak = samples.abs().max().item()
    if peak > LOUD:
        raise ValueError(
            f"waveform must have full scale 1, got a peak of {peak!r}: divide what was scaled for"
            " 16-bit integers by 32768"
        )
    if SUBTYPES[suffix].startswith("PCM") and peak > 1:
        raise ValueError(f"waveform must lie in -1..1 for {path.suffix}, got a peak of {peak!r}")
    sample_rate, kind = int(sample_rate), suffix[1:].upper()
    try:
        with result(path) as draft:
            if kind == "WAV":  # libsndfile would put the time of day into the file
                wavfile.write(draft, sample_rate, samples.T.numpy())
            else:
                soundfile.write(
                    draft, samples.T.numpy(), sample_rate, subtype=SUBTYPES[suffix], format=kind
                )
    except (soundfile.SoundFileError, ValueError, struct.error) as error:
        raise ValueError(
            f"{path} cannot hold {len(samples)} channels at {sample_rate} Hz: {error}"
        ) from error


def _samples(waveform: Tensor) -> Tensor:
    """Return samples as they are written, if they are a waveform."""
    check_shape("waveform", waveform, "channel sample")
    check_floating(waveform=waveform)
    if not waveform.numel():
        raise ValueError(f"waveform must hold samples, got shape {tuple(waveform.shape)}")
    if len(waveform) > waveform.shape[1]:
        raise ValueError(
            "waveform must be (channel, sample), with more samples than channels, got shape"
            f" {tuple(waveform.shape)}"
        )
    samples = waveform.detach().to("cpu", torch.float32)
    check_finite("waveform", samples)
    return samples
