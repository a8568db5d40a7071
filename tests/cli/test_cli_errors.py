"""The program names every file that is missing, superfluous or not in order."""

import os
import pkgutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from house import ROOT
from seldkit.cli import main

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]

ROW = "0,0,0,0,0\n1,0,0,0,0\n"
SCORE = ("score", "reference", "prediction", "--protocol", "dcase2023", "--average", "micro")


def test_files_are_matched_by_name_in_any_tree(seldkit: Seldkit, write: Write) -> None:
    for name in ("dev-test-sony/a", "dev-test-tau/deep/b", "c"):
        write(f"reference/{name}.csv", ROW)
        write(f"prediction/{Path(name).name}.csv", ROW)
    write("prediction/._a.csv", "what an archive leaves behind")
    write("prediction/notes.txt", "no labels")
    assert "num_clips=3" in seldkit(*SCORE)[1]


def test_files_of_one_name_are_matched_by_path(seldkit: Seldkit, write: Write) -> None:
    for side in ("reference", "prediction"):
        for room in ("room1", "room2"):
            write(f"{side}/{room}/001.csv", ROW)
    assert "num_clips=2" in seldkit(*SCORE)[1]
    write("flat/001.csv", ROW)
    code, _, err = seldkit("score", "reference", "flat", "--protocol", "dcase2023")
    assert code == 2
    assert f"{Path('reference', 'room1', '001.csv')} has no prediction" in err


def test_two_files_belong_together(seldkit: Seldkit, write: Write) -> None:
    words = write("labels.txt", ROW), write("found.csv", ROW), "--protocol", "dcase2023"
    assert "num_clips=1" in seldkit("score", *words)[1]
    write("folder/found.csv", ROW)
    assert "num_clips=1" in seldkit("score", "found.csv", "folder", *words[2:])[1]


def test_names_of_l3das_labels_begin_with_label(seldkit: Seldkit, write: Write) -> None:
    write("reference/label_split4_ov1_0.csv", "Start,End,Class,X,Y,Z\n0,1,Knock,1,0,0\n")
    write("prediction/split4_ov1_0.csv", "0,7,1,0,0\n")
    code, out, _ = seldkit("score", "reference", "prediction", "--protocol", "l3das22")
    assert code == 0
    assert "num_clips=1" in out


def test_files_without_a_counterpart_are_named(seldkit: Seldkit, write: Write) -> None:
    for name in ("a", "b", "c"):
        write(f"reference/{name}.csv", ROW)
    for name in ("b", "d"):
        write(f"prediction/{name}.csv", ROW)
    folder = Path("reference")
    assert seldkit(*SCORE) == (
        2,
        "",
        "seldkit score: error: files must come in pairs\n"
        f"  {folder / 'a.csv'} has no prediction\n"
        f"  {folder / 'c.csv'} has no prediction\n"
        "  (--missing empty scores it as nothing found, --missing skip leaves it out)\n"
        f"  {Path('prediction', 'd.csv')} has no reference\n"
        "  (--extra skip leaves it out)\n",
    )
    code, out, err = seldkit(*SCORE, "--extra", "skip", "--missing", "skip")
    assert code == 0
    assert "num_clips=1" in out
    assert "references without a prediction, left out: 2" in err
    assert "predictions without a reference, left out: 1" in err
    code, out, err = seldkit(*SCORE, "--extra", "skip", "--missing", "empty")
    assert "num_clips=3" in out
    assert out.splitlines()[-1].split()[:3] == ["all", "0.667", "0.500"]
    assert "references without a prediction, scored as nothing found: 2" in err


def test_no_pair_at_all_is_an_error(seldkit: Seldkit, write: Write) -> None:
    write("reference/a.csv", ROW)
    write("prediction/b.csv", ROW)
    code, _, err = seldkit(*SCORE, "--missing", "skip", "--extra", "skip")
    assert code == 2
    assert err.endswith("error: no reference has a prediction of its name\n")


@pytest.mark.parametrize(
    ("prediction", "options", "message"),
    [
        (None, (), "prediction is neither a file nor a folder"),
        ({"notes.txt": ""}, (), "prediction holds no .csv file"),
        ({"a.csv": "0,0,0,x,0"}, (), "a.csv, line 1: a row must be numbers separated by commas"),
        ({"a.csv": "0,0"}, (), "a.csv, line 1: a row must have 4 or 5 or 6 or 7 columns"),
        ({"a.csv": "0,0,0,200,0"}, (), "a.csv, line 1: azimuth must lie in -180..180"),
        ({"a.csv": "0,3,0,0,0"}, ("--num-classes", "2"), "a: prediction.label must be below"),
        ({"a.csv": ROW}, ("--num-classes", "0"), "--num-classes must be from 1 to 10000, got 0"),
        ({"a.csv": ROW}, ("--num-frames", "1"), "line 2: frame must be below num_frames=1"),
        ({"a.csv": ROW}, ("--matching", "optimal"), "matching is an argument of l3das21,"),
        (
            {"a.csv": ROW},
            ("--jackknife",),
            "--jackknife leaves out a clip: at least 2 clips, got 1",
        ),
        ({"a.csv": ROW}, ("--num-frames", "-3"), "--num-frames must be from 1 to 8640000, got -3"),
        ({"a.csv": ROW}, ("--num-frames", "9" * 30), "--num-frames must be from 1 to 8640000"),
        ({"a.csv": ROW}, ("--num-classes", "9" * 30), "--num-classes must be from 1 to 10000"),
        ({"a.csv": "9000000000,0,0,0,0"}, (), "frame must "),
        ({"a.csv": "0,99999,0,0,0"}, (), "labels must be below 10000, got 99999"),
        ({"a.csv": ROW}, ("--absent-classes", "skip"), "absent_classes must be 'published' for"),
        ({"a.csv": ROW}, ("--classes", "reference"), "Is a directory: 'reference'"),
        ({"a.csv": ROW}, ("--classes", "names.txt"), "names.txt must be a text file in UTF-8"),
        ({"a.csv": ROW}, ("--classes", "gone.txt"), "No such file or directory: 'gone.txt'"),
        ({"a.csv": ROW}, ("--classes", "twice.txt"), "twice.txt must hold the names of classes"),
    ],
)
def test_what_is_not_in_order_is_told(
    seldkit: Seldkit,
    write: Write,
    prediction: dict[str, str] | None,
    options: tuple[str, ...],
    message: str,
) -> None:
    write("reference/a.csv", ROW)
    write("twice.txt", "door\ndoor\n")
    write("names.txt", "").write_bytes("door\nbell\n".encode("utf-16"))
    for name, text in (prediction or {}).items():
        write(f"prediction/{name}", text)
    code, out, err = seldkit(*SCORE, *options)
    assert (code, out) == (2, "")
    assert err.startswith("seldkit score: error: ")
    assert message in err


def test_the_frame_recall_of_2019_needs_the_length(seldkit: Seldkit, write: Write) -> None:
    for side in ("reference", "prediction"):
        write(f"{side}/a.csv", "0,0,0,0\n")
    words = ("score", "reference", "prediction", "--protocol", "dcase2019", "--frames", "clip")
    code, _, err = seldkit(*words)
    assert code == 2
    assert "--frames clip needs --num-frames here" in err
    assert seldkit(*words, "--num-frames", 50)[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("score", "a", "b"), "the following arguments are required: --protocol"),
        (("score", "a", "b", "--protocol", "dcase1999"), "invalid choice: 'dcase1999'"),
        (("check", "a"), "the following arguments are required: --format"),
        (("check", "a", "--format", "csv"), "invalid choice: 'csv'"),
    ],
)
def test_unknown_words_stop_the_program(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["score", "check"])
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"example:\n  seldkit {command} " in capsys.readouterr().out


def test_the_program_that_is_installed_is_this_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert pkgutil.resolve_name(project["scripts"]["seldkit"]) is main


def test_it_knows_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("seldkit 0.")


def test_suffixes_may_be_in_capitals(seldkit: Seldkit, write: Write) -> None:
    write("reference/a.CSV", ROW)
    write("prediction/a.csv", ROW)
    assert "num_clips=1" in seldkit(*SCORE)[1]


def test_no_file_is_lost_behind_another(seldkit: Seldkit, write: Write) -> None:
    words = ("score", "reference", "prediction", "--protocol", "l3das22")
    labels = "Start,End,Class,X,Y,Z\n0,1,Knock,1,0,0\n"
    for name in ("a", "label_a"):
        write(f"reference/{name}.csv", labels)
    write("prediction/b.csv", "0,7,1,0,0\n")
    code, _, err = seldkit(*words)
    first, second = (Path("reference", f"{name}.csv") for name in ("a", "label_a"))
    assert code == 2
    assert f"files must have names of their own, got {first} and {second}" in err
    for name in ("a", "label_a"):  # each has its own
        write(f"prediction/{name}.csv", "0,7,1,0,0\n")
    assert "num_clips=2" in seldkit(*words, "--extra", "skip")[1]
    write("capitals/a.csv", ROW)
    write("capitals/a.CSV", ROW)
    code, _, err = seldkit("score", "capitals", "prediction", "--protocol", "dcase2023")
    assert code == 2
    assert "files must have names of their own" in err


WILD = {
    "empty": b"",
    "lines": b"\n\n\n",
    "binary": bytes(range(256)),
    "nul": b"0,0,0,0,0\n\x00\x00\n",
    "utf-16": ROW.encode("utf-16"),
    "late": b"9000000000,0,0,0,0\n",
    "later": b"1e300,0,0,0,0\n",
    "never": b"inf,nan,0,0,0\n",
    "classes": b"0,1000000000,0,0,0\n",
    "more classes": b"0,1e19,0,0,0\n",
    "far": b"0,0,0,0,0,1e300\n",
    "angles": b"0,0,0,1e300,inf\n",
    "digits": b"1" * 5000 + b",0,0,0,0\n",
    "columns": b"0," * 10000 + b"\n",
    "endless": b"Start,End,Class,X,Y,Z\n0,1e12,Knock,1,0,0\n",
}


@pytest.mark.parametrize("name", WILD)
@pytest.mark.parametrize("format", ["dcase2019", "dcase2023", "dcase2025", "l3das22"])
def test_nothing_that_a_file_holds_stops_the_program(
    seldkit: Seldkit, write: Write, name: str, format: str
) -> None:
    write("reference/a.csv", "").write_bytes(WILD[name])
    assert seldkit("check", "reference", "--format", format)[0] in (0, 1)
    more = ("--frames", "clip", "--num-frames", 50, "--by-overlap", "--by-class", "--json", "-")
    for words in ((), more):
        told = ("score", "reference", "reference", "--protocol", format, *words)
        code, out, err = seldkit(*told)
        assert code in (0, 2)
        assert code == 0 or (out == "" and err.startswith("seldkit score: error: "))


def test_a_reader_that_has_enough_is_no_error(
    seldkit: Seldkit, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = write("a.csv", ROW)
    monkeypatch.setattr(sys.stdout, "write", closed)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    assert seldkit("check", path, "--format", "dcase2022")[0] == 1
    monkeypatch.setattr(sys.stdout, "write", interrupted)
    assert seldkit("check", path, "--format", "dcase2022")[0] == 130
