"""The mean of what has come so far, which forgets what is long past."""

import torch
from torch import Tensor

from seldkit._typing import Float

_BLOCK = 8  # in spans of memory: within them weights fade by no more than e^-16


class RunningMean:
    r"""Running means of some clips, whose frames come in run by run.

    $$\mu_t = a_t\,\mu_{t-1} + (1 - a_t)\,x_t, \quad
    a_t = \min\left(\frac{t - 1}{t + 1}, \frac{L - 1}{L + 1}\right)$$

    counted from $t = 1$: the first frame is its own mean, up to frame $L$ frame $k$ has the weight
    $k$, and later ones fade exponentially. Each run is computed by cumulative sums, without a loop
    over frames.

    Args:
        memory: $L$, in frames, at least 2.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._count = 0
        self._mean: Tensor | None = None

    def push(self, values: Float[Tensor, "batch _"]) -> Float[Tensor, "batch _"]:
        """Return the mean up to each of the next frames."""
        if not values.shape[1]:
            return values
        means = []
        for block in values.split(_BLOCK * self.memory, dim=1):
            means.append(self._advance(block))
        return torch.cat(means, dim=1)

    def _advance(self, values: Tensor) -> Tensor:
        start, stop = self._count + 1, self._count + values.shape[1] + 1
        frame = torch.arange(start, stop, device=values.device, dtype=values.dtype)
        limit = (self.memory - 1) / (self.memory + 1)
        keep = ((frame - 1) / (frame + 1)).clamp(max=limit)
        # Before the first frame there is nothing to keep, whatever its factor.
        fade = torch.where(frame > 1, keep, 1).cumprod(dim=0)
        gained = ((1 - keep) / fade * values).cumsum(dim=1)
        before = 0.0 if self._mean is None else self._mean.unsqueeze(1)
        means = fade * (before + gained)
        self._count, self._mean = stop - 1, means[:, -1].detach()
        return means
