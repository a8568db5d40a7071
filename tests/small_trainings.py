"""A program that trains in one process or two and kills some of them, for `test_small_trainings`.

It forks what it trains in, so that the libraries are loaded once, and prints as JSON how each
training ended. Its network hears the batch of each step in the loop of the examples.
"""

import argparse
import json
import os
import signal
import socket
import sys
import traceback
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from house import ROOT

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

from loop import load, open_fabric, train
from seldkit import Events, data, formats, losses, metrics
from stages import TRAINING, one_cycle, settings_of

FORMAT = formats.ACCDOA(2)
CHUNKS, CLIPS = 26, 5  # 3 steps of 8 chunks, and shares that are not equal


def make(seed: int, count: int) -> list[tuple[Tensor, Events]]:
    """Return features of chunks of five frames, and what sounds in them."""
    chance = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        azimuth_deg = 360 * torch.rand(5, generator=chance, dtype=torch.float64) - 180
        label = torch.randint(2, (5,), generator=chance)
        events = Events.from_degrees(torch.arange(5), label, azimuth_deg, torch.zeros(5))
        noise = torch.randn(5, 6, generator=chance)
        made.append((FORMAT.encode(events, 5).reshape(5, 6) + 0.1 * noise, events))
    return made


class Network(nn.Module):
    """A network for clips of five frames, with chance and statistics or without."""

    def __init__(self, chance: bool) -> None:
        super().__init__()
        extra = [nn.BatchNorm1d(16), nn.Dropout(0.2)] if chance else []
        self.layers = nn.Sequential(nn.Linear(6, 16), *extra, nn.ReLU(), nn.Linear(16, 6))

    def forward(self, x: Tensor) -> Tensor:
        """Return what sounds in each frame."""
        return self.layers(x.flatten(0, 1)).reshape(*x.shape[:2], 2, 3)  # type: ignore[no-any-return]


def run(out: Path, chance: bool, die_at: tuple[int, int] | None, **options: Any) -> None:
    """Train, and be killed in the midst of a step if that is said of this rank."""
    own = {"accelerator": "cpu", "epochs": 3, "batch_size": 8, "lr": 0.1, "size": "tiny"}
    args = argparse.Namespace(**{**TRAINING, **own, "out": out, **options})
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed, verbose=False)
    chunks = [(x, FORMAT.encode(events, 5)) for x, events in make(0, CHUNKS)]
    clips, network, steps = make(1, CLIPS), Network(chance), 0

    def step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        nonlocal steps
        steps += 1
        if (fabric.global_rank, steps) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        x, target = batch
        loss = losses.accdoa_loss(model(x + torch.randn_like(x) if chance else x), target)
        return loss, {"loss": loss}

    def evaluate() -> dict[str, float]:
        network.eval()
        scores = metrics.SELDMetrics("dcase2024", 2, average="micro", frames="clip")
        with torch.no_grad():
            found = data.map_over_processes(lambda c: FORMAT.decode(network(c[0][None])[0]), clips)
        for events, (_, reference) in zip(found, clips, strict=True):
            scores.update(events, reference)
        return {"F": scores.compute().f_score}

    optimizer = torch.optim.AdamW(network.parameters(), args.lr)
    batches = load(fabric, args, chunks)  # type: ignore[arg-type]  # a list will do
    kept: dict[str, Any] = {"settings": settings_of(args), "evaluate": evaluate, "watch": "F"}
    schedule = one_cycle(optimizer, args, batches)
    for _ in train(fabric, args, network, optimizer, schedule, batches, step, folder=out, **kept):
        pass


def fork(out: Path, rank: int, world_size: int, port: int, **options: Any) -> int:
    """Train in another process, as `torchrun` would have it."""
    if (number := os.fork()) != 0:
        return number
    code = 1
    try:
        if world_size > 1:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}
            os.environ |= dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(world_size))
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            os.environ["TORCHELASTIC_RUN_ID"] = "test"
        out.mkdir(exist_ok=True)
        log = os.open(out / f"log-{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        run(out, **options)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def start(out: Path, world_size: int = 1, **options: Any) -> list[int]:
    """Train in some processes; return how each ended, minus the signal if it was killed."""
    options = {"chance": True, "die_at": None, "save_every": 1, **options}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    numbers = [fork(out, rank, world_size, port, **options) for rank in range(world_size)]
    return [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in numbers]


def result(out: Path) -> dict[str, Any]:
    """Return the weights at the end, what was logged, and a sum of the bytes of each file."""
    saved = load_file(out / "checkpoint.safetensors")
    files = [*out.glob("*.safetensors"), out / "log.csv"]
    return {
        "weights": {k: x.tolist() for k, x in saved.items() if k.startswith("model/")},
        "log": (out / "log.csv").read_text(),
        "bytes": {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(files)},
    }


def main(root: Path) -> None:
    """Run all trainings and print their ends."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    shares: dict[str, dict[str, Any]] = {
        "one": {},
        "two": {"world_size": 2},
        "accumulated": {"accumulate": 4},
    }
    for name, options in shares.items():
        assert set(start(root / name, chance=False, **options)) == {0}, name
        found[name] = result(root / name)
    for name in ("stopped", "stopped again"):
        assert start(root / "patient", epochs=12, patience=1) == [0]
        found[name] = result(root / "patient")
    for size in (1, 2):
        whole, broken = root / f"whole-{size}", root / f"broken-{size}"
        assert set(start(whole, size)) == {0}
        ends = [
            start(broken, size, die_at=(size - 1, step), workers=2 // size) for step in (1, 5, 2)
        ]
        # In one process it goes on without workers: they change nothing.
        assert set(start(broken, size)) == {0}
        found[f"killed-{size}"] = {"whole": result(whole), "broken": result(broken), "ends": ends}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
