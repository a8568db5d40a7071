"""Work on the clips of a corpus, shared by the processes of a training."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from seldkit.data._group import gather, place

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_over_processes(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Apply a function to each item in one of the processes, and give the results to all of them.

    Each process of the `torch.distributed` group takes its share of the items, every item falls to
    one, and none is repeated to make the shares equal. The results stand in the order of the items,
    so that scores of them are those of one process, bit for bit. Where there is no group, it is
    `map`.

    Every process of the group must call it with the same items. Results travel as objects between
    the processes of one run; tensors should be on the CPU.

    Args:
        function: From an item, a clip for instance, to its result, such as the events found in it.
        items: Items, the same in all processes.

    Raises:
        RuntimeError: If the function fails in another process, which raises its own error.
        ValueError: In all processes, if they have unequal numbers of items.

    Examples:
        >>> map_over_processes(len, ["one", "three"])
        [3, 5]
    """
    rank, size = place()
    numbers = gather(len(items))
    if len(set(numbers)) > 1:
        raise ValueError(f"items must be the same in all processes, got {numbers} of them")
    failure: Exception | None = None
    share: list[Result] = []
    try:
        share = [function(item) for item in items[rank::size]]
    except Exception as error:  # the others wait: they are told
        failure = error
    failures = gather(None if failure is None else repr(failure))
    if failure is not None:
        raise failure
    for number, text in enumerate(failures):
        if text is not None:
            raise RuntimeError(f"process {number} of {size} failed: {text}")
    shares = gather(share)
    return [shares[number % size][number // size] for number in range(len(items))]
