"""Random weights, drawn anew at each call."""

from collections.abc import Iterable
from math import tau

import torch
from torch import Tensor

from seldkit._checks import integer
from seldkit._typing import Float, Int
from seldkit.losses.balancing.base import TASKS, Balancer


class RandomWeights(Balancer):
    r"""Weights drawn at each call: $w = \operatorname{softmax}(z)$, $z$ standard normal.

    The baseline that a balancer must beat. The weights are a function of the seed and the number
    of calls in training mode, which travels with the `state_dict`: a resumed run goes on with the
    same weights, all processes draw the same, and so do all kinds of device, up to rounding.

    A loss that is
    nan or infinite makes the total so and leaves no trace.

    Source: Lin et al., "Reasonable effectiveness of random weighting: a litmus test for multi-task
    learning", TMLR 2022.

    Args:
        tasks: Names of the tasks.
        seed: Any integer.

    Raises:
        TypeError: If `seed` is no integer.
        ValueError: If names come twice.

    Examples:
        >>> balancer = RandomWeights(seed=1)
        >>> total = balancer({"sed": torch.tensor(1.0), "doa": torch.tensor(1.0)})
        >>> total.round(decimals=3)
        tensor(1.)
    """

    calls: Tensor

    def __init__(self, tasks: Iterable[str] = TASKS, *, seed: int = 0) -> None:
        super().__init__(tasks)
        self.seed = integer("seed", seed)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.tasks}, seed={self.seed}"

    def total(self, values: Float[Tensor, " task"]) -> Float[Tensor, ""]:
        """Return the sum under the weights of this call."""
        if self.calls.device != values.device:
            with torch.inference_mode(mode=False):
                self.calls = self.calls.to(values.device)
        drawn = standard_normals(self.seed, self.calls, len(values)).to(values.dtype)
        if self.training:
            self.calls += 1
        return self.weighted(values, torch.softmax(drawn, dim=0))


def standard_normals(seed: int, call: Int[Tensor, ""], num: int) -> Float[Tensor, " num"]:
    """Return the standard normal numbers of a call, by the method of Box and Muller."""
    place = call * (2 * num) + torch.arange(2 * num, device=call.device)
    bits = shift(split_mix(seed, place), 40)
    uniform = (bits.float() + 0.5) / 2**24
    return (-2 * uniform[:num].log()).sqrt() * (tau * uniform[num:]).cos()


def split_mix(seed: int, place: Int[Tensor, " place"]) -> Int[Tensor, " place"]:
    """Return the 64-bit random numbers at places of the sequence that a seed starts.

    They come from whole numbers alone, so they are the same on every device, and a place is found
    without those before it. Products wrap around.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    x = (place + 1) * _signed(0x9E3779B97F4A7C15) + _signed(seed)
    x = (x ^ shift(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ shift(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ shift(x, 31)


def shift(x: Int[Tensor, " place"], bits: int) -> Int[Tensor, " place"]:
    """Shift 64-bit numbers to the right and fill up with zeros, not with the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    """Return the number with the same 64 bits that int64 can hold."""
    return (number + 2**63) % 2**64 - 2**63
