"""On how many threads features are computed."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LITTLE = 2**20
"""Samples under windows whose features one thread computes in about 2 ms."""


@contextmanager
def one_thread_for_little(samples: int) -> Iterator[None]:
    """Compute on the calling thread alone what is done before others have woken up for each step.

    The number of threads is that of the calling thread, as `torch.set_num_threads` sets it, and is
    as it was afterwards. A compiled or exported graph is left alone.

    Args:
        samples: Samples under the windows of all frames and channels.
    """
    threads = 1 if torch.compiler.is_compiling() else torch.get_num_threads()
    if threads == 1 or samples > _LITTLE:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
