"""A program that packs clips and is killed, or finds the disk full, for `test_packing`.

It forks, as `killed_writers` does. After each end of a child the folder is opened, and all that a
store holds is held against the recordings. It prints how many clips were found, as JSON.
"""

import json
import os
import random
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

import torch

import killed_writers
from data.recordings import Recorded, knock, record
from killed_writers import fork, kill_at
from seldkit.data import Store, pack
from seldkit.io import read_audio


def found(folder: Path, clips: list[Recorded]) -> int:
    """Return how many clips a folder holds, none if it is no store yet, all as recorded."""
    try:
        store = Store(folder)
    except FileNotFoundError:
        return -1
    store.verify()
    audio = {clip.name: clip.audio for clip in clips}
    for clip in store:
        assert torch.equal(clip.read(), read_audio(audio[clip.name])[0])
        assert clip.events() == knock()
    return len(store)


def again(folder: Path, clips: list[Recorded]) -> None:
    """Pack once more: nothing that was left behind is in the way."""
    assert len(pack(clips, folder)) == len(clips)
    assert found(folder, clips) == len(clips)


def work(clips: list[Recorded], folder: Path, step: int = 0) -> None:
    """Pack clips, until a step at which this process is killed."""
    kill_at(step, folder)
    pack(clips, folder)


def killed_at_each_step(folder: Path, clips: list[Recorded]) -> list[int]:
    """Return what is found after a packing is killed at each of its steps."""
    values = []
    for step in range(1, 300):
        target = folder / str(step)
        _, status = os.waitpid(fork(partial(work, clips, target, step)), 0)
        values.append(found(target, clips))
        if not os.WIFSIGNALED(status):
            return values
        if step % 3 == 0:
            again(target, clips)
    raise RuntimeError("packing has fewer steps")


def killed_at_any_time(folder: Path, clips: list[Recorded], times: int) -> list[int]:
    """Return what is found after several processes that pack into one folder are killed."""
    values = []
    clock = random.Random(0)
    for number in range(times):
        target = folder / str(number)
        numbers = [fork(partial(work, clips, target)) for _ in range(2)]
        time.sleep(clock.uniform(0.0, 0.04))
        for child in numbers:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        values.append(found(target, clips))
        again(target, clips)
    return values


def written_at_once(folder: Path, clips: list[Recorded]) -> list[int]:
    """Return what is found while two processes pack the same clips and a third others."""
    parts = clips, clips[::-1], clips[:2]
    numbers = [fork(partial(work, part, folder)) for part in parts]
    values = []
    while numbers:
        values.append(found(folder, clips))
        numbers = [number for number in numbers if os.waitpid(number, os.WNOHANG)[0] == 0]
    return [*values, found(folder, clips)]


def on_a_full_disk(folder: Path, clips: list[Recorded]) -> int:
    """Return what is found after no file could become as large as the last clip."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            pack(clips, folder, errors="skip")
        except OSError:
            os._exit(7)

    _, status = os.waitpid(fork(limited), 0)
    assert os.WEXITSTATUS(status) == 7, "a full disk is an error, and no reason to skip a clip"
    assert not any(path.suffix == ".draft" for path in folder.rglob("*"))
    count = found(folder, clips)
    again(folder, clips)
    return count


if __name__ == "__main__":
    torch.set_num_threads(1)
    os.fsync = lambda fd: None  # a kill loses nothing that the system was given
    killed_writers.STEPS |= {"os.link", "os.mkdir", "os.rmdir"}
    root = Path(sys.argv[1])
    clips = [record(root / f"{name}.wav", s) for name, s in (("a", 0.5), ("b", 0.6), ("c", 2.0))]
    outcome = {
        "step": killed_at_each_step(root / "step", clips[:1]),
        "any": killed_at_any_time(root / "any", clips, 10),
        "both": written_at_once(root / "both", clips),
        "full": on_a_full_disk(root / "full", clips),
    }
    sys.stdout.write(json.dumps(outcome))
