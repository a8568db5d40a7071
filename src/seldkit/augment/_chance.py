"""What is drawn for each item of a batch, on the device where the batch is."""

import torch
from torch import Tensor

from seldkit._checks import check_number, check_pair
from seldkit._typing import Bool, Float, Int

Range = tuple[float, float]


class Chance:
    """Draws for the items of a batch, each on its own.

    Args:
        x: The batch, on whose device all is drawn.
        p: Chance of each item to be augmented.
        generator: Source of randomness, on that device; torch's own if None.

    Raises:
        TypeError: If the chance is no number.
        ValueError: If it lies beyond 0..1, or the generator is on another device.
    """

    def __init__(self, x: Tensor, p: float, generator: torch.Generator | None) -> None:
        check_number(p=p)
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in 0..1, got {p}")
        if generator is not None and generator.device.type != x.device.type:
            raise ValueError(
                f"generator must be on {x.device}, as what is augmented, got {generator.device}"
            )
        self._batch, self._device, self._generator = len(x), x.device, generator
        self.chosen: Bool[Tensor, " batch"] = self.uniform() < p
        """Which items are augmented."""

    def uniform(self, *sizes: int) -> Float[Tensor, "batch ..."]:
        """Return numbers in [0, 1)."""
        return torch.rand(
            self._batch, *sizes, device=self._device, generator=self._generator, dtype=torch.float32
        )

    def normal(self, *sizes: int) -> Float[Tensor, "batch ..."]:
        """Return numbers of mean 0 and deviation 1."""
        return torch.randn(
            self._batch, *sizes, device=self._device, generator=self._generator, dtype=torch.float32
        )

    def within(self, limits: Range) -> Float[Tensor, " batch"]:
        """Return numbers between two limits."""
        low, high = limits
        return low + (high - low) * self.uniform()

    def below(self, stop: Tensor | int, *sizes: int) -> Int[Tensor, "batch ..."]:
        """Return whole numbers from 0 to one less than a stop, or than that of each item."""
        numbers = (self.uniform(*sizes) * stop).long()
        return numbers.minimum(torch.as_tensor(stop, device=self._device) - 1)  # if rounded up


def check_range(name: str, limits: Range) -> None:
    """Raise `ValueError` unless a range is low and high, finite."""
    check_pair(name, limits, "low and high")
    low, high = limits
    check_number(**{name: low})
    check_number(**{name: high})
    if not -torch.inf < low <= high < torch.inf:
        raise ValueError(f"{name} must be low and high, finite, got {limits}")


def of_each(values: Tensor, x: Tensor) -> Tensor:
    """Return a value for each item in the shape that broadcasts with the batch."""
    return values.reshape(-1, *[1] * (x.ndim - 1))
