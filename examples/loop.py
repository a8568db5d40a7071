"""The loop over epochs: in one process or many, and on from where it was stopped.

Start a training with `torchrun --nproc_per_node 2 examples/train.py` and it runs in two processes,
on two GPUs where there are any: each takes its share of every batch, the first writes. A batch is
the batch of all processes, so that the result does not depend on their number.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from seldkit import data
from stages import bar

Step = Callable[[nn.Module, Any], tuple[Tensor, Mapping[str, Tensor]]]


class Progress:
    """How far a run has come, and the losses that it has heard in this epoch."""

    def __init__(self) -> None:
        self.epoch = self.steps = self.heard = 0
        self.sums: dict[str, Any] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of a share of a step, without waiting for them."""
        self.sums = {k: self.sums.get(k, 0.0) + x.detach().double() for k, x in losses.items()}
        self.heard += 1

    def end_epoch(self, fabric: Fabric) -> dict[str, float]:
        """Return the mean losses of all processes, and begin another epoch."""
        means = {k: fabric.all_reduce(x / self.heard).item() for k, x in self.sums.items()}  # type: ignore[union-attr]
        self.epoch, self.steps, self.heard, self.sums = self.epoch + 1, 0, 0, {}
        return means

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers."""
        return dict(vars(self))

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Take up the numbers."""
        vars(self).update(state_dict)


def open_fabric(args: Any) -> Fabric:
    """Return Fabric for this process: alone, or one of those that `torchrun` has started."""
    keep_memory()
    sizes = {"WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1}
    if distributed.is_torchelastic_launched():
        sizes = {name: int(os.environ[name]) for name in sizes}
    world, local = sizes.values()
    fabric = Fabric(
        accelerator=args.accelerator,
        precision=args.precision,
        strategy="ddp" if world > 1 else "auto",
        devices=local,
        num_nodes=world // local,
        loggers=TensorBoardLogger(args.out) if args.tensorboard else None,
    )
    fabric.launch()
    return fabric


def keep_memory() -> None:
    """Let this process keep the memory that it frees, for the next step needs as much again.

    By default glibc gives large pieces back to the system at once, which has to clear new ones for
    the next step. Where there is no glibc, nothing happens.
    """
    if sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(-4, 0)  # M_MMAP_MAX: no piece is a map of its own
        set_option(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: bytes that may lie free at the end


def load(fabric: Fabric, args: Any, chunks: Dataset[Any], collate: Any = None) -> DataLoader[Any]:
    """Return the batches of this process, in random order."""
    length = len(chunks)  # type: ignore[arg-type]  # those of the examples have one
    if length < args.batch_size:
        raise ValueError(f"--batch-size is {args.batch_size}, of only {length} chunks")
    size, rest = divmod(args.batch_size, parts := fabric.world_size * args.accumulate)
    if rest:
        raise ValueError(f"--batch-size is {args.batch_size}, of which {parts} parts are not equal")
    return DataLoader(
        chunks,
        batch_sampler=data.EpochSampler(length, batch_size=size, seed=args.seed),
        collate_fn=collate,
        num_workers=args.workers,
        generator=torch.Generator().manual_seed(args.seed),  # so that torch's own is left alone
    )


def train(
    fabric: Fabric,
    args: Any,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    batches: DataLoader[Any],
    step: Step,
    *,
    max_norm: float | None = 1.0,
    balancer: nn.Module | None = None,
    average: AveragedModel | None = None,
    folder: Path | None = None,
    settings: data.RunSettings | None = None,
    evaluate: Callable[[], Mapping[str, float]] = dict,
    watch: str | None = None,
) -> Iterator[dict[str, float]]:
    """Train a network; give the mean losses, and the scores if there are any, after each epoch.

    A step returns what is minimised and the losses by name. With a folder, and the settings of the
    run, it goes on where a run that was stopped had come to, as that would have gone on, and keeps
    there `checkpoint.safetensors` and `log.csv`; if there is a score to watch, the higher the
    better, also `best.safetensors`, which the network has at the end. With an average of the
    weights, that is what is best.
    """
    network.to(fabric.device)
    several = fabric.world_size > 1
    together = several and fabric.device.type == "cuda"  # processors cannot
    model, fast = fabric.setup(share_statistics(network) if together else network, optimizer)
    sampler, progress = cast(data.EpochSampler, batches.batch_sampler), Progress()
    stopping = data.EarlyStopping(args.patience)
    log = data.TrainingLog((folder or Path()) / "log.csv")
    parts: dict[str, Any] = {"settings": settings, "log": log, "stopping": stopping}
    parts |= {"model": network, "optimizer": fast, "schedule": schedule, "sampler": sampler}
    parts |= {} if balancer is None else {"balancer": balancer.to(fabric.device)}
    parts |= {} if average is None else {"average": average.to(fabric.device)}
    parts |= {"progress": data.PerProcess(progress), **seed_chance(fabric, args.seed)}
    with data.CheckpointWriter() as writer:

        def save(name: str = "checkpoint", **parts: Any) -> None:
            if folder is not None:
                writer.save(folder / f"{name}.safetensors", epoch=progress.epoch, **parts)

        if folder is not None and (last := folder / "checkpoint.safetensors").exists():
            data.load_checkpoint(last, **parts)
            place = f"epoch {progress.epoch} of {args.epochs}, step {progress.steps}"
            fabric.print(f"goes on after {place}, from {last}", flush=True)
        while progress.epoch < args.epochs and not stopping.stop:
            sampler.set_epoch(progress.epoch)
            whole_steps = len(sampler) // args.accumulate * args.accumulate
            model.train()
            shown = bar(batches, f"epoch {progress.epoch + 1} of {args.epochs}")
            for number, batch in enumerate(islice(sampler.consume(shown), whole_steps), start=1):
                whole = number % args.accumulate == 0
                with fabric.no_backward_sync(model, enabled=not whole):
                    total, losses = step(model, fabric.to_device(batch))
                    fabric.backward(total / args.accumulate)
                progress.add(losses)
                if not whole:
                    continue
                descend(fabric, model, fast, max_norm)
                schedule.step()
                if average is not None:
                    average.update_parameters(network)
                progress.steps += 1
                if args.save_every and progress.steps % args.save_every == 0:
                    save(**parts)
            for buffer in network.buffers() if several else ():
                distributed.broadcast(buffer, 0)  # statistics, of which each process has its own
            values = {**progress.end_epoch(fabric), **evaluate()}
            if watch is not None and stopping.update(values[watch]):
                save("best", model=network if average is None else average.module)
            if folder is not None:
                log.add(epoch=progress.epoch, lr=optimizer.param_groups[0]["lr"], **values)
            fabric.log_dict(values, progress.epoch)
            save(**parts)
            yield values
    if watch is not None and folder is not None:
        data.load_checkpoint(folder / "best.safetensors", model=network)


def share_statistics(network: nn.Module) -> nn.Module:
    """Return the network on the same weights, whose batch norm is that of all processes."""
    same = {id(x): x for x in (*network.parameters(), *network.buffers())}
    twin: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(deepcopy(network, same))
    return twin


def descend(fabric: Fabric, model: Any, optimizer: Any, max_norm: float | None = 1.0) -> None:
    """Take the step that lowers a loss, by gradients of at most some length, and forget them."""
    if max_norm is not None:
        fabric.clip_gradients(model, optimizer, max_norm=max_norm)
    optimizer.step()
    optimizer.zero_grad()


def seed_chance(fabric: Fabric, seed: int) -> dict[str, data.PerProcess]:
    """Give each process a chance of its own, and return its generators as parts of checkpoints."""
    torch.manual_seed(int(np.random.SeedSequence((seed, fabric.global_rank)).generate_state(1)[0]))
    generators = {"chance": torch.default_generator}
    if fabric.device.type == "cuda":
        generators["device_chance"] = torch.cuda.default_generators[fabric.device.index or 0]
    return {name: data.PerProcess(generator) for name, generator in generators.items()}
