"""First-order ambisonics made of noise, for tests that ask no more of a recording."""

import torch
from torch import Tensor


def diffuse_noise(samples: int, seed: int = 0) -> Tensor:
    """Return noise from all around, from everywhere alike."""
    noise = torch.randn(4, samples, generator=torch.Generator().manual_seed(seed))
    return 0.1 * noise * torch.tensor([[1.0], [3**-0.5], [3**-0.5], [3**-0.5]])


def turning_noise(samples: int, *, every: int, seed: int = 0) -> Tensor:
    """Return plane waves of noise whose level and direction change every so many samples."""
    generator = torch.Generator().manual_seed(seed)
    dipoles = torch.randn(3, samples // every + 1, generator=generator)
    level = torch.linalg.vector_norm(dipoles, dim=0, keepdim=True)
    gains = torch.cat((level, dipoles)).repeat_interleave(every, dim=1)[:, :samples]
    return 0.05 * gains * torch.randn(samples, generator=generator)
