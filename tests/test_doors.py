"""Whatever a file or a command line holds, it is read, or refused by an error that names it."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doors import DOORS, PIECES, contents, damaged, enter, try_door
from seldkit.cli import main

SLOW = {"array", "pipeline"}


@pytest.mark.messages
@pytest.mark.parametrize("name", DOORS)
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
    assert name == "array" or "ValueError" in outcomes


def options() -> list[str]:
    """Return words that commands know, and some that they do not."""
    known = ["--from", "--to", "--protocol", "--array", "--classes", "--average", "--json", "--out"]
    values = ["dcase2024", "audacity", "macro", "foa", "-1", "1e999", "nan", "", "good.csv", "none"]
    return known + values + [piece.decode(errors="replace").replace("\0", "") for piece in PIECES]


@pytest.mark.messages
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    command=st.sampled_from(["score", "check", "convert", "plot", "localize", "predict", ""]),
    words=st.lists(st.sampled_from(options()), max_size=5),
)
def test_any_command_line_ends_in_words(
    command: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text("0,1,0,90,10,150\n")
    try:
        code = main([command, *words])
    except SystemExit as end:  # of the parser
        code = int(end.code or 0)
    told = capsys.readouterr()
    assert code in (0, 1, 2)
    assert code == 0 or told.err or told.out
    assert "Traceback" not in told.err
