"""Scores of clips that several processes have counted."""

from collections.abc import Mapping
from copy import copy
from typing import TypeVar
from zlib import crc32

import torch
from torch import Tensor, distributed

from seldkit.metrics.clip_metrics import ClipMetrics
from seldkit.metrics.counts import Counts

Metrics = TypeVar("Metrics", bound=ClipMetrics)


def gather(metrics: Metrics, group: "distributed.ProcessGroup | None" = None) -> Metrics:
    """Return the clips of all processes of a `torch.distributed` group, in the order of ranks.

    Every process calls it and gets the same; what it had counted stays as it was. A process may
    have no clip.

    Args:
        metrics: This process's own counts, of the same settings everywhere: `SELDMetrics`, or
            metrics of tracks.
        group: The processes; all of them by default.

    Raises:
        RuntimeError: If no process group is initialised.
        TypeError: If the metrics keep no counts, as `DenseMapMetrics` do not.
        ValueError: In all processes, if the settings are not the same in all of them.

    Examples:
        >>> # metrics.update(...) with this process's share of the clips, then
        >>> # scores = gather(metrics).compute()
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        raise RuntimeError("gather needs a group: call torch.distributed.init_process_group first")
    if not isinstance(metrics, ClipMetrics):
        raise TypeError(
            "metrics must keep counts, as SELDMetrics and metrics of tracks do, got"
            f" {type(metrics).__name__}, which can be merged"
        )
    counts = metrics.counts()
    table = _table(counts)
    device = "cuda" if distributed.get_backend(group) == "nccl" else "cpu"
    settings = repr([getattr(metrics, name) for name in metrics.alike])
    kind = crc32(f"{type(metrics).__name__}{settings}".encode())
    mine = torch.tensor([len(table), kind], device=device)
    known = [torch.empty_like(mine) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(known, mine, group=group)
    sizes, kinds = torch.stack(known).T.tolist()
    if len(set(kinds)) > 1:
        raise ValueError(f"metrics must have the same settings in all processes, got {settings}")

    # Tables differ in length: all are filled up to the longest.
    filled = torch.zeros(max(sizes), table.shape[1], dtype=table.dtype, device=device)
    filled[: len(table)] = table
    tables = [torch.empty_like(filled) for _ in known]
    distributed.all_gather(tables, filled, group=group)
    parts = [part[:size].cpu() for part, size in zip(tables, sizes, strict=True)]

    whole = copy(metrics)
    whole.reset()
    whole.add_counts(_from_table(torch.cat(parts), like=counts))
    return whole


def _table(counts: Counts) -> Tensor:
    """Return all counts side by side, `[clip, column]`; whole numbers stay exact up to 2^53."""
    by_class = [count.double() for count in counts.by_class.values()]
    overall = [count.double().unsqueeze(1) for count in counts.overall.values()]
    return torch.cat(by_class + overall, dim=1)


def _from_table(table: Tensor, like: Counts) -> Counts:
    num_classes = max((count.shape[1] for count in like.by_class.values()), default=0)
    widths = [num_classes] * len(like.by_class) + [1] * len(like.overall)
    columns = iter(table.split(widths, dim=1))

    def take(counts: Mapping[str, Tensor], shape: tuple[int, ...]) -> dict[str, Tensor]:
        return {name: next(columns).reshape(shape).to(c.dtype) for name, c in counts.items()}

    return Counts(take(like.by_class, (-1, num_classes)), take(like.overall, (-1,)))
