"""The program names every file that is missing, superfluous or not in order."""

import pkgutil
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
        ({"a.csv": ROW}, ("--num-classes", "0"), "num_classes must be at least 1, got 0"),
        ({"a.csv": ROW}, ("--num-frames", "1"), "line 2: frame must be below num_frames=1"),
        ({"a.csv": ROW}, ("--matching", "optimal"), "matching is an argument of l3das21,"),
        ({"a.csv": ROW}, ("--jackknife",), "at least 2 clips, got 1"),
        ({"a.csv": ROW}, ("--classes", "gone.txt"), "No such file or directory: 'gone.txt'"),
        ({"a.csv": ROW}, ("--classes", "twice.txt"), "twice.txt must hold the names of classes"),
        ({"a.csv": ROW}, ("--json", "gone/scores.json"), "No such file or directory"),
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
