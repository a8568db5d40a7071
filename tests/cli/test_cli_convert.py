"""`seldkit convert` writes any format as any other, and tells what that loses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seldkit import io

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]

ROWS = "0,3,0,90,20,150\n1,3,0,90,20,150\n1,1,2,-30,0,200\n"
GUESSED = "note: classes have the names of {}: --classes tells their own\n"


def test_a_folder_becomes_one_of_another_format(seldkit: Seldkit, write: Write) -> None:
    write("in/a.csv", ROWS)
    write("in/deep/b.csv", "0,3,0,90,20\n")
    code, out, err = seldkit("convert", "in", "out", "--from", "dcase2023", "--to", "dcase2022")
    assert (code, out) == (0, "2 files in out\n")
    assert err == "note: distances are left out: in 1 of 2 files\n"
    assert Path("out/a.csv").read_text() == "0,3,0,90,20\n1,3,0,90,20\n1,1,2,-30,0\n"
    assert Path("out/deep/b.csv").read_text() == "0,3,0,90,20\n"


@pytest.mark.parametrize(
    ("target", "options", "notes"),
    [
        ("dcase2023", (), ""),
        ("dcase2024", ("--kind", "output"), ""),
        ("dcase2025", (), "note: directions are moved by up to 20 degrees\n"),
        ("dcase2019", (), f"{GUESSED.format('dcase2019')}note: sources have other numbers\n"),
        (
            "dcase2019",
            ("--kind", "output"),
            "note: distances are left out\nnote: sources have other numbers\n",
        ),
        (
            "l3das22",
            ("--kind", "label"),
            f"{GUESSED.format('l3das22')}note: sources have other numbers\n",
        ),
        ("dcase2020", (), "note: distances are left out\n"),
    ],
)
def test_what_is_lost_is_told(
    seldkit: Seldkit, write: Write, target: str, options: tuple[str, ...], notes: str
) -> None:
    path = write("a.csv", ROWS)
    words = ("convert", path, "b.csv", "--from", "dcase2023", "--to", target, *options)
    assert seldkit(*words) == (0, "1 file in b.csv\n", notes)
    frame_s = io.read_events("b.csv", format=target).frame_s
    back = io.read_events("b.csv", format=target).at(0.1)
    assert frame_s in (0.02, 0.1)
    assert sorted(back.label.tolist()) == [1, 3, 3]


def test_names_stay_from_list_to_list(seldkit: Seldkit, write: Write) -> None:
    path = write("a.csv", "File,Start,End,Class,X,Y,Z\na,1.0,2.0,Chink_and_clink,1,0,0\n")
    words = ("convert", path, "b.csv", "--from", "l3das21", "--to", "dcase2019")
    code, _, err = seldkit(*words)
    assert code == 0
    assert "classes have the names" not in err
    assert Path("b.csv").read_text().splitlines()[1].startswith("Chink_and_clink,")


def test_frames_of_another_length(seldkit: Seldkit, write: Write) -> None:
    path = write("a.csv", "0,3,0,90\n1,3,0,90\n2,3,0,90\n")
    words = ("convert", path, "b.csv", "--to", "dcase2020")
    code, _, err = seldkit(*words, "--from", "dcase2019")
    assert (code, err) == (0, "note: frames of 0.02 s became frames of 0.1 s\n")
    assert Path("b.csv").read_text() == "0,3,0,0,90\n"
    code, _, err = seldkit(*words, "--from", "dcase2020", "--frame-s", "0.03")
    assert code == 2
    assert "frame_s" in err


def test_label_tracks_for_audacity(seldkit: Seldkit, write: Write) -> None:
    write("in/a.csv", ROWS)
    names = write("names.txt", "door\nbell\nrain\ndog\n")
    words = ("convert", "in", "out", "--from", "dcase2023", "--to", "audacity")
    code, out, err = seldkit(*words, "--classes", names)
    assert (code, out) == (0, "1 file in out\n")
    assert err.startswith("note: a label track holds sounds, not rows")
    assert Path("out/a.txt").read_text() == (
        "0.000000\t0.200000\tdog, 90 degrees, 20 up, 1.5 m\n"
        "0.100000\t0.200000\tbell, -30 degrees, 2 m\n"
    )


def test_label_tracks_come_back(seldkit: Seldkit, write: Write) -> None:
    write("in/a.csv", ROWS)
    names = ("--classes", write("names.txt", "door\nbell\nrain\ndog\n"))
    seldkit("convert", "in", "tracks", "--from", "dcase2023", "--to", "audacity", *names)
    words = ("convert", "tracks", "back", "--from", "audacity", "--to", "dcase2023")
    assert seldkit(*words, *names) == (0, "1 file in back\n", "")
    assert Path("back/a.csv").read_text() == "0,3,0,90,20,150\n1,3,0,90,20,150\n1,1,0,-30,0,200\n"
    code, _, err = seldkit(*words)
    assert code == 2
    assert "a.txt, line 1: a class must be 'class NUMBER'" in err
    assert seldkit("convert", "in", "x", *words[3:])[2].endswith("in holds no .txt file\n")


def test_what_cannot_be_is_told(seldkit: Seldkit, write: Write) -> None:
    write("a.csv", "0,3,0,90,20\n")
    write("bad.csv", "0,3,0,x,20\n")
    for words, message in (
        (("gone.csv", "b.csv", "dcase2023"), "gone.csv is neither a file nor a folder"),
        (("bad.csv", "b.csv", "dcase2023"), "bad.csv, line 1: a row must be numbers"),
        (("a.csv", "a.csv", "dcase2023"), "OUT must be another place than IN, got a.csv for both"),
        (("a.csv", "b.csv", "l3das22"), "distance"),
        (("a.csv", "b.txt", "audacity", "--kind", "label"), "--kind is for label files, got"),
    ):
        source, out, target, *options = words
        code, told, err = seldkit(
            "convert", source, out, "--from", "dcase2022", "--to", target, *options
        )
        assert (code, told) == (2, "")
        assert err.startswith("seldkit convert: error: ")
        assert message in err
