"""What the microphones of an array record of a far source, by exact delays."""

import torch
from torch import Tensor

from seldkit.arrays import ArrayGeometry


def delayed(signal: Tensor, delay: Tensor) -> Tensor:
    """Return a periodic signal so many samples later, one row for each delay."""
    turns = torch.outer(delay, torch.fft.rfftfreq(len(signal), dtype=torch.float64))
    spectrum = torch.fft.rfft(signal) * torch.exp(-2j * torch.pi * turns)
    rows: Tensor = torch.fft.irfft(spectrum, n=len(signal))
    return rows


def array_recording(
    array: ArrayGeometry, signal: Tensor, direction: Tensor, *, sample_rate: int
) -> Tensor:
    """Return the waveform `channel sample` of a plane wave."""
    return delayed(signal, array.delays(direction) * sample_rate)
