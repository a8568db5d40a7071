"""All that is tried in the tests for a moment, tried for as long as you like.

    PYTHONPATH=tests python tests/long_runs.py --minutes 12

It tells what was tried, how often, how it ended and how long it took at most, and exits with 1 if
anything ended as it must not. `--only PART` tries one part.
"""

import argparse
import importlib.util
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from command_lines import command_line, prepare, run
from doors import DOORS, MEMORY, contents, damaged, fill_all, try_door
from hard.blocks import tensors
from hard.hours import HOURS
from hard.trying import show_nan, stay_finite, take_short
from house import ROOT
from killed_files import PLACES, try_moment
from seldkit.cli.program import COMMANDS
from test_hard_inputs import BLOCKS
from test_threads import same

LONGEST_S = 120
"""What takes longer hangs; an hour of sound may."""
Try = tuple[str, Callable[[], str]]
"""What is tried, and how; the trial returns how it ended."""


class Hang(BaseException):
    """Something takes too long."""


def damaged_files(place: Path, chance: random.Random) -> Iterator[Try]:
    """Damage the files of every door."""
    good = {name: (folder, contents(folder)) for name, folder in fill_all(place).items()}
    for name in cycle(DOORS):
        folder, files = good[name]
        path = chance.choice(sorted(files))
        content = damaged(files[path], chance)
        yield name, partial(try_door, DOORS[name], folder, path, content)


def led_files(place: Path, chance: random.Random) -> Iterator[Try]:
    """Damage them led by the lines that they reach, with atheris, some seconds a door."""
    if importlib.util.find_spec("atheris") is None:
        yield "atheris", lambda: "not installed"
        return

    def led(name: str) -> str:
        command = [sys.executable, str(ROOT / "tests" / "doors.py"), name, "20"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=place)
        if done.returncode:
            raise AssertionError(done.stderr[-2000:])
        found = re.search(r"Done (\d+) runs", done.stderr)
        return f"{found[1] if found else 'no'} files"

    for name in cycle(chance.sample(sorted(DOORS), len(DOORS))):
        yield name, partial(led, name)


def words(place: Path, chance: random.Random) -> Iterator[Try]:
    """Run the program with words at random."""
    for number in range(10**9):
        if number % 20 == 0:
            shutil.rmtree(place)
            place.mkdir()
            prepare(place)
        line = command_line(chance)
        name = line[0] if line and line[0] in COMMANDS else "other"
        yield name, partial(ended, line, place)


def ended(line: list[str], place: Path) -> str:
    """Run a command line and return how it ended."""
    return f"exit code {run(line, place)}"


def inputs(place: Path, chance: random.Random) -> Iterator[Try]:
    """Try silence, nan and next to nothing on every block, with other weights each time."""
    for name in cycle(chance.sample(sorted(BLOCKS), len(BLOCKS))):
        trial = chance.choice([stay_finite, show_nan, take_short])

        def bear(name: str = name, trial: Callable[..., None] = trial) -> str:
            torch.manual_seed(chance.randrange(2**32))
            trial(BLOCKS[name])
            return "held"

        yield f"{name.partition('.')[0]}, {trial.__name__}", bear


def hours(place: Path, chance: random.Random) -> Iterator[Try]:
    """Let an hour pass through presets, layers, a pipeline and scores."""
    for name in chance.sample(sorted(HOURS), len(HOURS)):
        yield name, partial(HOURS[name], place)


def kills(place: Path, chance: random.Random) -> Iterator[Try]:
    """Kill every writer at random moments."""
    for name in cycle(PLACES):
        folder = place / name.replace(" ", "")

        def kill(name: str = name, folder: Path = folder) -> str:
            try_moment(PLACES[name], folder, chance)
            return "whole"

        yield name, kill


def threads(place: Path, chance: random.Random) -> Iterator[Try]:
    """Use a block from several threads at once."""
    for name in cycle(chance.sample(sorted(BLOCKS), len(BLOCKS))):
        if name.startswith("losses"):
            continue

        def use(name: str = name) -> str:
            made: Any = BLOCKS[name].make()
            if isinstance(made, torch.nn.Module):
                made.eval()
            same(
                torch.no_grad()(lambda x: tensors(made(*x))),
                [BLOCKS[name].filled(torch.randn, 2) for _ in range(8)],
            )
            return "equal"

        yield name.partition(".")[0], use


PARTS = {
    "damaged": damaged_files,
    "led": led_files,
    "words": words,
    "inputs": inputs,
    "hours": hours,
    "kills": kills,
    "threads": threads,
}


def stop(number: int, frame: object) -> None:
    """End what takes too long."""
    raise Hang(f"more than {LONGEST_S} s")


def try_for(seconds: float, tries: Iterator[Try]) -> int:
    """Try until the time is over, tell what came of it, and return the number of faults."""
    counts: dict[str, Counter[str]] = {}
    longest: dict[str, float] = {}
    end = None
    for name, trial in tries:
        start = time.monotonic()
        end = end or start + seconds  # what it takes to prepare the first does not count
        if start > end:
            break
        signal.alarm(LONGEST_S)
        try:
            outcome = trial()
        except (Exception, Hang):
            outcome = "FAULT"
            print(f"{name}: {traceback.format_exc()}", file=sys.stderr)
        signal.alarm(0)
        counts.setdefault(name, Counter())[outcome] += 1
        longest[name] = max(longest.get(name, 0.0), time.monotonic() - start)
    for name, outcomes in sorted(counts.items()):
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        print(f"  {name}: {told}; at most {longest[name]:.2f} s", flush=True)
    return sum(outcomes["FAULT"] for outcomes in counts.values())


def main() -> int:
    """Try every part for its share of the time; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=float(len(PARTS)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARTS, action="append", help="one part, or several")
    args = parser.parse_args()
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    faults, parts = 0, args.only or [*PARTS]
    for part in parts:
        with tempfile.TemporaryDirectory() as place:
            print(f"{part}: {(PARTS[part].__doc__ or '').splitlines()[0]}", flush=True)
            tries = PARTS[part](Path(place), random.Random(args.seed))
            faults += try_for(60 * args.minutes / len(parts), tries)
    print(f"{faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
