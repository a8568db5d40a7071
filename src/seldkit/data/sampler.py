"""The order in which a training draws its items: over epochs, over processes, and after a stop."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from seldkit._checks import check_count, check_finite, check_literal, check_shape, integer
from seldkit._typing import Int
from seldkit.data._group import place

Remainder = Literal["drop", "spread"]

Batch = TypeVar("Batch")


class _Plan(NamedTuple):
    """How the rest of an epoch is dealt out: `size` items for each rank of each step.

    The first `larger` of these, step by step and rank by rank, have one item more.
    """

    steps: int
    size: int
    larger: int

    def first(self, share: int) -> int:
        """Return how many items come before a share."""
        return share * self.size + min(share, self.larger)


class EpochSampler(Sampler[list[int]]):
    """Batches of the items of a data set, in an order that depends on seed and epoch alone.

    It is the `batch_sampler` of a `DataLoader`. All processes of a training have one that differs
    in its rank: an epoch is one order of all items, and each step takes the next `batch_size *
    num_ranks` of them, of which each rank takes its `batch_size`. So no item comes twice in an
    epoch, and two processes take together what one of twice the batch would.

    A training that stops goes on behind the last batch that it had: `position` counts what the
    training took out of [`consume`][seldkit.data.EpochSampler.consume], in the main process, and
    not what the workers of a loader have read ahead.

    Args:
        size: Number of items; with `weights`, of draws in an epoch too.
        batch_size: Items of a batch, of one rank.
        seed: Of the orders, not negative.
        weights: How often to draw each item, as [`clip_weights`][seldkit.data.clip_weights] of each
            chunk: with replacement, so that an epoch holds some items several times and others not
            at all. By default each comes once.
        remainder: What to do about items that do not fill a step: `"drop"` them, others in each
            epoch, or `"spread"` the lack over all steps of the epoch, so that batches are smaller
            by at most one item than others, and never larger than `batch_size`.
        rank: Number of this process; by default that in the process group, if there is one.
        num_ranks: Number of processes; by default those of the process group, if there is one.

    Attributes:
        epoch: Number of the epoch.
        position: Items that all ranks together have consumed of the epoch.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If a number is out of its range, there is no item for each rank of a step, or
            weights are negative, not finite, all zero or not one for each item.

    Examples:
        >>> sampler = EpochSampler(10, batch_size=3, seed=1)
        >>> loader = torch.utils.data.DataLoader(range(10), batch_sampler=sampler)
        >>> for batch in sampler.consume(loader):
        ...     break  # the training stops after a batch
        >>> state = sampler.state_dict()
        >>> state["epoch"], state["position"], len(sampler)
        (0, 3, 2)
        >>> again = EpochSampler(10, batch_size=3, seed=1)
        >>> again.load_state_dict(state)
        >>> list(again) == list(sampler)
        True
    """

    def __init__(
        self,
        size: int,
        *,
        batch_size: int,
        seed: int = 0,
        weights: Tensor | None = None,
        remainder: Remainder = "drop",
        rank: int | None = None,
        num_ranks: int | None = None,
    ) -> None:
        own_rank, group_size = place()
        num_ranks = group_size if num_ranks is None else num_ranks
        rank = own_rank if rank is None else rank
        check_count(size=size, batch_size=batch_size, num_ranks=num_ranks)
        check_literal("remainder", remainder, Remainder)
        self.size, self.batch_size = integer("size", size), integer("batch_size", batch_size)
        self.seed, self.rank = integer("seed", seed), integer("rank", rank)
        self.num_ranks, self.remainder = integer("num_ranks", num_ranks), remainder
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        if not 0 <= self.rank < self.num_ranks:
            raise ValueError(f"rank must lie in 0 <= rank < num_ranks={num_ranks}, got {rank}")
        self._reach = None if weights is None else _reach(weights, self.size)
        self.epoch = self.position = 0
        self._plan(0)

    def __iter__(self) -> Iterator[list[int]]:
        """Return the batches from the position on, of which nothing is counted."""
        plan, order = self._plan(self.position), self._order()[self.position :]
        shares = range(self.rank, plan.steps * self.num_ranks, self.num_ranks)
        return (order[plan.first(n) : plan.first(n + 1)].tolist() for n in shares)

    def __len__(self) -> int:
        """Return how many batches are left of the epoch."""
        return self._plan(self.position).steps

    def consume(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches that are left of the epoch, and count each as it is handed out.

        So a state that is saved behind the step on a batch has counted that batch. Behind the last
        one the next epoch begins.

        A resumed run draws what the unbroken one would, if the loader has a generator of its own:
        `DataLoader(..., batch_sampler=sampler, generator=torch.Generator())`. Otherwise beginning
        to read takes a number from the generator on which dropout depends. Fabric must leave the
        sampler as it is: `fabric.setup_dataloaders(loader, use_distributed_sampler=False)`.

        Args:
            loader: A `DataLoader` with this sampler, or what goes through the batches of one.

        Raises:
            ValueError: If the loader has another sampler.
        """
        used = getattr(loader, "batch_sampler", self)
        if used is not self:
            raise ValueError(
                "loader must take its batches from this sampler, DataLoader(...,"
                f" batch_sampler=sampler), got one of {type(used).__name__}"
            )
        epoch = self.epoch
        for batch in loader:
            self.position += self._plan(self.position).first(self.num_ranks)
            yield batch
        self.set_epoch(epoch + 1)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch; nothing changes if it is the one that has begun already."""
        epoch = integer("epoch", epoch)
        if epoch < 0:
            raise ValueError(f"epoch must not be negative, got {epoch}")
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, Any]:
        """Return epoch and position, and what must be the same to go on from them."""
        return {**self._settings(), "epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a training stopped, with other processes or batches too.

        Raises:
            ValueError: If the state is that of another size, seed or weights.
        """
        for name, value in self._settings().items():
            if state_dict.get(name) != value:
                raise ValueError(f"state_dict must have {name} {value}, got {state_dict.get(name)}")
        position = integer("position", state_dict["position"])
        if not 0 <= position <= self.size:
            raise ValueError(f"position must lie in 0..{self.size}, got {position}")
        self._plan(position)
        self.set_epoch(state_dict["epoch"])
        self.position = position

    def _settings(self) -> dict[str, Any]:
        """Return on what the orders depend."""
        reach = self._reach
        crc = None if reach is None else f"{zlib.crc32(reach.numpy().tobytes()):08x}"
        return {"size": self.size, "seed": self.seed, "weights": crc}

    def _order(self) -> Int[Tensor, " item"]:
        """Return all items of the epoch in their order."""
        state = np.random.SeedSequence((self.seed, self.epoch)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0]))
        if self._reach is None:
            return torch.randperm(self.size, generator=generator)
        # A draw falls on the first item whose reach is beyond it; one without weight has none.
        draws = torch.rand(self.size, generator=generator, dtype=torch.float64) * self._reach[-1]
        last = torch.searchsorted(self._reach, self._reach[-1])
        return torch.searchsorted(self._reach, draws, right=True).clamp(max=last)

    def _plan(self, position: int) -> _Plan:
        """Return how what is left of an epoch behind a position is dealt out."""
        left, step = self.size - position, self.batch_size * self.num_ranks
        if self.remainder == "drop":
            if not position and left < step:
                raise ValueError(
                    f"size must be at least batch_size * num_ranks = {step}, got {left}"
                )
            return _Plan(left // step, self.batch_size, 0)
        steps = -(-left // step)
        shares = steps * self.num_ranks
        if left < shares:
            raise ValueError(
                f"size must leave an item for each of {self.num_ranks} ranks in {steps} steps, got"
                f" {left}"
            )
        return _Plan(steps, *divmod(left, max(shares, 1)))


def _reach(weights: Tensor, size: int) -> Tensor:
    """Return up to where each item reaches when all are laid out by their weights."""
    check_shape("weights", weights, "item", item=size)
    check_finite("weights", weights)
    reach = weights.detach().cpu().double().cumsum(dim=0)
    if (weights < 0).any() or not reach[-1] > 0:
        raise ValueError("weights must not be negative, nor all zero")
    return reach
