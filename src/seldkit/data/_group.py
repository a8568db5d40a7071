"""The processes of one training, as `torch.distributed` knows them."""

from typing import TypeVar

from torch import distributed

Thing = TypeVar("Thing")


def place() -> tuple[int, int]:
    """Return the rank of this process and how many there are; 0 and 1 where there is no group."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def gather(mine: Thing) -> list[Thing]:
    """Return what each process gives, in the order of ranks; every process must call it."""
    _, size = place()
    if size == 1:
        return [mine]
    found: list[Thing | None] = [None] * size
    distributed.all_gather_object(found, mine)
    return found  # type: ignore[return-value]  # all are there now
