"""What the processes of one training share, and what each has of its own."""

import re
import socket
from datetime import timedelta
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from seldkit import Events
from seldkit.data import (
    CheckpointWriter,
    PerProcess,
    TrainingLog,
    load_checkpoint,
    map_over_processes,
    save_checkpoint,
)

pytestmark = pytest.mark.programs


def as_one_of_two(rank: int, folder: Path) -> None:
    """Do what each of two processes does."""
    distributed.init_process_group(
        "gloo",
        init_method=(folder / "meeting").as_uri(),
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    assert_every_item_falls_to_one(rank)
    assert_failures_are_told_to_all(rank)
    assert_each_keeps_its_own(rank, folder)
    distributed.destroy_process_group()
    # Gloo's threads need Python to let go of the last tensors; one that is leaving would abort.
    sleep(0.3)


def assert_every_item_falls_to_one(rank: int) -> None:
    """Share work whose shares are not equal."""
    mine = []

    def find(item: int) -> Events:
        mine.append(item)
        return Events.from_degrees([item], [0], [float(item)], [0.0])

    found = map_over_processes(find, range(5))
    assert [int(events.frame[0]) for events in found] == list(range(5))
    assert mine == list(range(rank, 5, 2))
    assert map_over_processes(find, []) == []
    with pytest.raises(
        ValueError, match=re.escape("items must be the same in all processes, got [2, 3]")
    ):
        map_over_processes(find, range(2 + rank))


def assert_failures_are_told_to_all(rank: int) -> None:
    """Fail in one process: the other does not wait for ever."""

    def fail(item: int) -> int:
        return 1 // item

    kind = (RuntimeError, ZeroDivisionError)[rank]
    with pytest.raises(kind, match="division"):
        map_over_processes(fail, [1, 0, 1])


def assert_each_keeps_its_own(rank: int, folder: Path) -> None:
    """Save and load in both; the first writes."""
    own, numbers = torch.Generator().manual_seed(rank), np.random.default_rng(rank)
    log = TrainingLog(folder / f"log-{rank}.csv")
    log.add(epoch=1)
    assert log.path.exists() == (rank == 0)
    parts: dict[str, Any] = {"own": PerProcess(own), "numbers": PerProcess(numbers), "log": log}
    for name in ("now", "later"):
        path = folder / f"{name}.safetensors"
        if name == "now":
            save_checkpoint(path, epoch=1, **parts)
            distributed.barrier()
        else:
            with CheckpointWriter() as writer:
                writer.save(path, epoch=1, **parts)
        drawn = torch.rand(3, generator=own), numbers.random(3)
        assert load_checkpoint(path, **parts) == 1
        assert torch.equal(torch.rand(3, generator=own), drawn[0])
        assert np.array_equal(numbers.random(3), drawn[1])
    writer = CheckpointWriter()
    writer.save(folder / "now.safetensors" / "below", epoch=1)
    with pytest.raises((FileExistsError, RuntimeError)[rank], match="File exists"):
        writer.wait()


def test_two_processes_share_work_and_keep_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", loopback[0])
    spawn(as_one_of_two, (tmp_path,), nprocs=2)
    own = PerProcess(torch.Generator())
    message = "does not fit own: it was saved by 2 processes and goes on with 1"
    with pytest.raises(ValueError, match=message):
        load_checkpoint(
            tmp_path / "now.safetensors",
            own=own,
            numbers=own,
            log=TrainingLog(tmp_path / "log.csv"),
        )


def test_alone_it_is_map() -> None:
    assert map_over_processes(str, [1, 2]) == ["1", "2"]
    with pytest.raises(ZeroDivisionError):
        map_over_processes(lambda x: 1 // x, [0])


@pytest.mark.messages
def test_what_has_no_state_is_told() -> None:
    with pytest.raises(TypeError, match="part must have a state, got int"):
        PerProcess(3)  # type: ignore[arg-type]
