"""`seldkit check` lists all that is wrong with label files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]


def test_clean_files_are_counted(seldkit: Seldkit, write: Write) -> None:
    write("labels/a.csv", "0,3,0,30,0\n")
    write("labels/deep/b.csv", "")
    assert seldkit("check", "labels", "--format", "dcase2022") == (0, "2 files, 0 problems\n", "")
    words = ("check", Path("labels", "a.csv"), "--format", "dcase2022")
    assert seldkit(*words) == (0, "1 file, 0 problems\n", "")


def test_every_problem_of_every_file_is_listed(seldkit: Seldkit, write: Write) -> None:
    write("labels/a.csv", "0,3,0,999,0\n1,3,0,left,0\n2,3,0,0,0\n")
    write("labels/b.csv", "5,3,0,0,0\n4,3,0,0,0\n")
    write("labels/c.csv", "").write_bytes(b"\xff\xfe\x00")
    code, out, err = seldkit("check", "labels", "--format", "dcase2022")
    a, b, c = (Path("labels", name) for name in ("a.csv", "b.csv", "c.csv"))
    lines = out.splitlines()
    assert (code, err) == (1, "")
    assert lines[:3] == [
        f"{a}, line 1: azimuth must lie in -180..180, got '0,3,0,999,0'",
        f"{a}, line 2: a row must be numbers separated by commas, got '1,3,0,left,0'",
        f"{b}, line 2: rows must be sorted by frame, got '4,3,0,0,0'",
    ]
    assert lines[3].startswith(f"{c} is no text file")
    assert lines[4:] == ["3 files, 4 problems"]


def test_options_reach_the_check(seldkit: Seldkit, write: Write) -> None:
    path = write("a.csv", "0,3,0,30,0\n1,3,0,90,0\n")
    words = ("check", path, "--format", "dcase2022")
    assert seldkit(*words)[0] == 0
    code, out, _ = seldkit(*words, "--strict")
    assert code == 1
    assert "line 2: a source must not move by more than 15°" in out
    assert out.endswith("1 file, 1 problem\n")
    assert "line 2: frame must be below num_frames=1" in seldkit(*words, "--num-frames", 1)[1]
    names = write("names.txt", "\ufeffdoor\n\n bell \n")
    header = "sound_event_recording,start_time,end_time,ele,azi,dist\n"
    path = write("list.csv", f"{header}bell,0,1,0,0,1\n")
    words = ("check", path, "--format", "dcase2019")
    assert "class must be one of knock" in seldkit(*words)[1]
    assert seldkit(*words, "--classes", names)[0] == 0


def test_nothing_to_check_is_an_error(seldkit: Seldkit, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = ("--format", "dcase2022")
    message = "seldkit check: error: {} is neither a file nor a folder\n"
    assert seldkit("check", "gone", *words) == (2, "", message.format("gone"))
    message = "seldkit check: error: empty holds no .csv file\n"
    assert seldkit("check", "empty", *words) == (2, "", message)


def test_real_labels_and_outputs_are_clean(seldkit: Seldkit, data: Callable[[str], Path]) -> None:
    labels = data("starss22_metadata")
    code, out, _ = seldkit("check", labels, "--format", "dcase2022")
    assert (code, out) == (0, "121 files, 0 problems\n")
    outputs = data("system_outputs")
    for name, format in (("apri2020*", "dcase2020"), ("seldnet2022*", "dcase2022")):
        (path,) = outputs.glob(name)
        assert seldkit("check", path, "--format", format)[0] == 0


TWO_RULES = "0,3,0,999,0\n1,3,0,0,99\n"


def test_problems_beyond_the_limit_of_a_file_are_counted(seldkit: Seldkit, write: Write) -> None:
    write("labels/a.csv", TWO_RULES)
    write("labels/b.csv", "0,3,0,999,0\n")
    words = ("check", "labels", "--format", "dcase2022")
    assert len(seldkit(*words)[1].splitlines()) == 4
    lines = seldkit(*words, "--limit", 1)[1].splitlines()
    assert lines[1] == f"{Path('labels', 'a.csv')}: and 1 more"
    assert "b.csv, line 1: " in lines[2]
    assert lines[3] == "2 files, 3 problems"
    assert len(seldkit(*words, "--limit", 0)[1].splitlines()) == 4
    code, _, err = seldkit(*words, "--limit", -1)
    assert (code, "--limit must be a number of problems" in err) == (2, True)


def test_all_problems_are_written_as_json(seldkit: Seldkit, write: Write, tmp_path: Path) -> None:
    write("labels/a.csv", TWO_RULES)
    write("labels/b.csv", "").write_bytes(b"\x81\x00\x81")
    words = ("check", "labels", "--format", "dcase2022", "--limit", 1, "--json")
    code, out, err = seldkit(*words, "-")
    told = json.loads(out)
    assert (code, err) == (1, "")
    assert (told["format"], told["num_files"], told["num_problems"]) == ("dcase2022", 2, 3)
    first = told["problems"][0]
    assert first["path"] == str(Path("labels", "a.csv"))
    assert (first["line"], first["text"]) == (1, "0,3,0,999,0")
    assert first["rule"] == "azimuth must lie in -180..180"
    last = told["problems"][-1]
    assert (last["line"], last["text"]) == (None, None)
    assert "b.csv is no text file" in last["rule"]
    code, out, _ = seldkit(*words, "it.json")
    assert out.endswith("2 files, 3 problems\n")
    assert json.loads((tmp_path / "it.json").read_text()) == told


class Noted(NamedTuple):
    """What a file is said to hold that is no problem."""

    path: Path
    rule: str
    note: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}"


def test_a_note_is_no_problem(
    seldkit: Seldkit, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.csv", "0,3,0,30,0\n")
    monkeypatch.setattr(
        "seldkit.cli.check.find_problems", lambda path, **_: [Noted(path, "no distances")]
    )
    code, out, err = seldkit("check", path, "--format", "dcase2022")
    assert (code, out, err) == (0, f"note: {path}: no distances\n1 file, 0 problems\n", "")


def test_a_file_that_cannot_be_opened_does_not_hide_the_others(
    seldkit: Seldkit, write: Write, tmp_path: Path
) -> None:
    write("labels/b.csv", "0,3,0,999,0\n")
    (tmp_path / "labels" / "a.CSV").symlink_to("gone")
    (tmp_path / "labels" / "folder.csv").mkdir()
    code, out, err = seldkit("check", "labels", "--format", "dcase2022")
    assert (code, err) == (1, "")
    assert "No such file or directory" in out.splitlines()[0]
    assert out.endswith("2 files, 2 problems\n")


def test_the_length_of_clips_is_blamed_on_its_option(seldkit: Seldkit, write: Write) -> None:
    path = write("a.csv", "0,3,0,30,0\n")
    for number in (-3, 0, 10**30):
        code, out, err = seldkit("check", path, "--format", "dcase2022", "--num-frames", number)
        message = f"--num-frames must be from 1 to 8640000, got {number}\n"
        assert (code, out, err) == (2, "", f"seldkit check: error: {message}")
