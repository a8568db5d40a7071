"""Balancers of a training in several processes."""

import socket
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn

from losses.balancing.balancers import BALANCERS, losses, trace

pytestmark = pytest.mark.programs

SHARES = [(1.0, 2.0), (0.7, 1.9), (0.6, 1.5), (0.9, 1.2), (0.4, 1.1), (0.3, 1.3)]
FOLLOWERS = ("running", "periods", "dynamic", "random", "uncertainty", "grad_norm")


def share(rank: int, pair: tuple[float, float]) -> tuple[float, float]:
    """Return losses of one of two processes, whose mean is the pair."""
    factor = 0.5 if rank else 1.5
    return factor * pair[0], (2 - factor) * pair[1]


def as_one_of_two(rank: int, file: Path, expected: dict[str, list[tuple[float, ...]]]) -> None:
    """Train in each of two processes with its own losses."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo",
        init_method=file.as_uri(),
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    for kind in FOLLOWERS:
        balancer = BALANCERS[kind]()
        rows = trace(balancer, [share(rank, pair) for pair in SHARES])
        for row, alone in zip(rows, expected[kind], strict=True):
            # The total is this process's own, the weights are those of the mean losses.
            assert row[1:] == pytest.approx(alone[1:], rel=1e-6)
        balancer(losses(1.0, 1.0))
        state = {name: x.clone() for name, x in balancer.state_dict().items()}
        balancer(losses(1.0, float("nan") if rank else 1.0))
        for name, x in balancer.state_dict().items():
            assert name == "calls" or torch.equal(x, state[name])
        if rank == 0:  # one process alone may validate: nothing is exchanged
            balancer.eval()(losses(1.0, 1.0))
    distributed.destroy_process_group()
    # Gloo's threads need Python to let go of the last tensors; one that is leaving would abort.
    sleep(0.3)


def test_two_processes_follow_the_mean_of_their_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", loopback[0])
    expected = {kind: trace(BALANCERS[kind](), SHARES) for kind in FOLLOWERS}
    spawn(as_one_of_two, (tmp_path / "meeting", expected), nprocs=2)
