"""Whatever a file or a command line holds, it is read, or refused by an error that names it."""

import random
from pathlib import Path

import pytest

from command_lines import command_line, prepare, run
from doors import DOORS, contents, damaged, enter, try_door

LONG = {"ONNX"}
"""Doors that take seconds to fill: left to `long_runs`."""
SLOW = {"array", "pipeline"}
ALWAYS_READ = {"array", "names"}
"""Doors of the program, which tells in words what is wrong."""
QUICK = ("check", "convert", "localize", "models", "pack", "predict", "score")


@pytest.mark.messages
@pytest.mark.parametrize("name", sorted(DOORS.keys() - LONG))
def test_damaged_files_are_read_or_refused_by_name(name: str, tmp_path: Path) -> None:
    door, chance = DOORS[name], random.Random(0)
    door.fill(tmp_path)
    assert enter(door, tmp_path) == "read"
    good = contents(tmp_path)
    outcomes = []
    for _ in range(8 if name in SLOW else 40):
        path = chance.choice(sorted(good))
        outcomes.append(try_door(door, tmp_path, path, damaged(good[path], chance)))
    assert enter(door, tmp_path) == "read"
    assert name in ALWAYS_READ or {"ValueError", "OSError"} & set(outcomes)


@pytest.mark.messages
def test_any_command_line_ends_in_words(tmp_path: Path) -> None:
    chance = random.Random(0)
    prepare(tmp_path)
    codes = {run(command_line(chance, QUICK), tmp_path) for _ in range(120)}
    assert codes == {0, 1, 2}
