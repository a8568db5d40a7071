"""Where a sound comes from, as physics tells it: the judge of augmented recordings."""

import torch
from torch import Tensor
from torch.nn import functional

from references.plane_waves import array_recording
from seldkit.ambisonics import plane_wave
from seldkit.arrays import ArrayGeometry
from seldkit.features import GCCPHAT

RATE = 24000
ARRAY = ArrayGeometry.tetrahedron()


def noise(samples: int, generator: torch.Generator) -> Tensor:
    """Return white noise in float64."""
    return torch.randn(samples, dtype=torch.float64, generator=generator)


def sphere(count: int, generator: torch.Generator) -> Tensor:
    """Return random unit vectors in float64."""
    return functional.normalize(
        torch.randn(count, 3, dtype=torch.float64, generator=generator), dim=-1
    )


def foa_waves(directions: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """Return a clip with a plane wave from each direction."""
    return torch.stack([plane_wave(noise(samples, generator), d) for d in directions])


def array_waves(directions: Tensor, samples: int, generator: torch.Generator) -> Tensor:
    """Return what the tetrahedron records of a plane wave from each direction."""
    return torch.stack(
        [array_recording(ARRAY, noise(samples, generator), d, sample_rate=RATE) for d in directions]
    )


def by_intensity(waveform: Tensor) -> Tensor:
    """Return the direction of each FOA clip: the mean of pressure times velocity."""
    flow = (waveform[:, :1] * waveform[:, [3, 1, 2]]).mean(dim=2)
    return functional.normalize(flow, dim=-1)


def lags_of(directions: Tensor) -> Tensor:
    """Return by how many samples each pair of the array hears a wave apart, `clip pair`."""
    delays = ARRAY.delays(directions) * RATE
    first, second = torch.tensor(ARRAY.pairs).T
    return delays[:, second] - delays[:, first]


def lags_by_gcc(waveform: Tensor) -> Tensor:
    """Return the lags of each pair, in samples, of which GCC-PHAT has its peak."""
    spectrum = torch.fft.rfft(waveform).unsqueeze(2)
    correlation: Tensor = GCCPHAT(161, interpolation=16)(spectrum)[:, :, 0]
    return (correlation.argmax(dim=-1) - 80) / 16.0
