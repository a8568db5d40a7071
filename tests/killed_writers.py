"""A program that saves pipelines and is killed, for `test_pipeline_folder`.

It forks: `forks` children are killed by SIGKILL, at one step of a save each or after a delay, or
write at once. After each of them the folder is loaded. It prints what was found, as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from seldkit import SELDOutput
from seldkit.features import presets
from seldkit.formats import TrackWise
from seldkit.pipeline import Pipeline, builder

STEPS = {"open", "os.remove", "os.rename"}  # as the interpreter calls them, before it takes them


class Constant(nn.Module):
    """A network that says its one weight, whatever it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(20000))

    def forward(self, features: Tensor) -> SELDOutput:
        """Return the weight of each label frame of four feature frames."""
        size = len(features), features.shape[2] // 4
        return SELDOutput(self.weight[0].expand(*size, 1, 1), self.weight[0].expand(*size, 1, 3))


@builder
def constant() -> nn.Module:
    """Build a `Constant`."""
    return Constant()


def pipeline(value: float) -> Pipeline:
    """Return a pipeline whose weights and description both hold a number."""
    model = constant()
    model.load_state_dict({"weight": torch.full((20000,), value)})
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=8)
    return Pipeline(extractor, model, TrackWise(1, 1, threshold=value), window_s=0.2)


def found(folder: Path) -> float | str:
    """Return the number of the pipeline in a folder, or what is wrong with it."""
    try:
        loaded = Pipeline.load(folder, builders={"constant": constant})
    except (KeyError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    numbers = {*loaded.model.weight.unique().tolist(), loaded.format.threshold}  # type: ignore[attr-defined,operator]
    return numbers.pop() if len(numbers) == 1 else f"a mixture: {numbers}"


def kill_at(step: int, folder: Path) -> None:
    """Kill this process when it is about to take so many steps in a folder."""
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in STEPS and str(arguments[0]).startswith(str(folder)):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def fork(work: Callable[[], None]) -> int:
    """Do some work in another process."""
    number = os.fork()
    if number == 0:
        work()
        os._exit(0)
    return number


def killed_at_each_step(folder: Path, start: float | None) -> list[float | str]:
    """Return what is found after a first or second save is killed at each of its steps."""
    values = []
    for step in range(1, 100):
        target = folder / str(step)
        if start is not None:
            pipeline(start).save(target)

        def work(step: int = step, target: Path = target) -> None:
            kill_at(step, target)
            pipeline(0.75).save(target)

        _, status = os.waitpid(fork(work), 0)
        values.append(found(target))
        if not os.WIFSIGNALED(status):
            return values
        pipeline(0.875).save(target)  # what was left behind must not be in the way
        assert found(target) == 0.875
        assert len(list(target.iterdir())) == 2
    raise RuntimeError("a save has fewer steps")


def killed_at_any_time(folder: Path, times: int) -> list[float | str]:
    """Return what is found after processes that save again and again are killed."""
    pipeline(0.25).save(folder)
    values = []
    clock = random.Random(0)

    def work() -> None:
        for n in range(10**6):
            pipeline((0.5, 0.75)[n % 2]).save(folder)

    for _ in range(times):
        number = fork(work)
        time.sleep(clock.uniform(0.0, 0.2))
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        values.append(found(folder))
    return values


def written_at_once(folder: Path, times: int) -> list[float | str]:
    """Return what is found while two processes write."""
    pipeline(0.25).save(folder)

    def work(value: float) -> None:
        for _ in range(times):
            pipeline(value).save(folder)

    numbers = [fork(lambda value=value: work(value)) for value in (0.5, 0.75)]  # type: ignore[misc]
    values = []
    while numbers:
        values.append(found(folder))
        numbers = [number for number in numbers if os.waitpid(number, os.WNOHANG)[0] == 0]
    return [*values, found(folder)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    outcome = {
        "first": killed_at_each_step(root / "first", None),
        "second": killed_at_each_step(root / "second", 0.25),
        "any": killed_at_any_time(root / "any", 20),
        "both": written_at_once(root / "both", 10),
        "left": [path.name for path in (root / "both").iterdir()],
    }
    sys.stdout.write(json.dumps(outcome))
