"""`seldkit plot` makes pictures of files and folders, and tells where they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.recordings import record
from seldkit import plot
from seldkit.cli import plot as command

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]

ROWS = "0,0,0,10,0\n1,0,0,10,0\n1,1,1,90,0\n"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Return what pictures were asked for; those that are made are empty."""
    asked: list[dict[str, object]] = []

    class Empty:
        def savefig(self, path: Path, dpi: int) -> None:
            path.write_text(str(dpi))

    def draw(kind: str) -> Callable[..., Empty]:
        def picture(*sides: object, **settings: object) -> Empty:
            asked.append({"kind": kind, "sides": len(sides), **settings})
            return Empty()

        return picture

    monkeypatch.setattr(command, "KINDS", {kind: draw(kind) for kind in command.KINDS})
    return asked


def test_a_file_is_a_picture_of_the_type_that_is_asked_for(seldkit: Seldkit, write: Write) -> None:
    write("mix001.csv", ROWS)
    record(write("mix001.txt", "").with_suffix(".wav"))
    words = ("plot", "mix001.csv", "--prediction", "mix001.csv")
    assert seldkit(*words, "--audio", "mix001.wav", "--dpi", 30) == (0, "mix001.png\n", "")
    assert Path("mix001.png").read_bytes().startswith(b"\x89PNG")
    dark = ("plot", "mix001.csv", "--kind", "sky", "--dark", "--out", "new/sky.svg")
    assert seldkit(*dark)[0] == 0
    assert plot.DARK_PALETTE[0].lower() in Path("new/sky.svg").read_text()
    assert seldkit("plot", "mix001.csv", "--kind", "polar", "--time", 0.1, "--out", "p.pdf")[0] == 0
    assert Path("p.pdf").read_bytes().startswith(b"%PDF")


def test_words_become_settings(
    seldkit: Seldkit, write: Write, settings: list[dict[str, object]]
) -> None:
    write("a.csv", ROWS)
    names = write("names.txt", "dog\nrain\n")
    write("b.csv", "0,0,0,10,0,120\n")
    words = ("plot", "a.csv", "--prediction", "b.csv", "--prediction-format", "dcase2024")
    assert seldkit(*words, "--classes", names, "--title", "here", "--dpi", 70)[0] == 0
    known = {"kind": "scene", "sides": 2, "classes": ("dog", "rain"), "title": "here"}
    assert settings == [known]
    assert Path("a.png").read_text() == "70"
    write("l3das.csv", "Start,End,Class,X,Y,Z\n0,1,Knock,1,0,0\n")
    assert seldkit("plot", "l3das.csv", "--format", "l3das22", "--kind", "events")[0] == 0
    assert settings[1]["title"] == "l3das"
    assert "Knock" in settings[1]["classes"]  # type: ignore[operator]


def test_a_folder_is_a_folder_of_pictures(
    seldkit: Seldkit, write: Write, settings: list[dict[str, object]]
) -> None:
    for name in ("dev/a", "dev/b"):
        write(f"labels/{name}.csv", ROWS)
        record(write(f"audio/{Path(name).name}.txt", "").with_suffix(".wav"))
    told = f"{Path('pictures/dev/a.png')}\n{Path('pictures/dev/b.png')}\n"
    assert seldkit("plot", "labels", "--audio", "audio") == (0, told, "")
    assert settings[0]["sample_rate"] == 8000
    write("found/b.csv", ROWS)
    words = ("plot", "labels", "--prediction", "found", "--out", "compared", "--type", "svg")
    code, out, err = seldkit(*words)
    assert (code, out) == (0, f"{Path('compared/b.svg')}\n")
    assert err == "note: references without a prediction, left out: 1\n"
    assert [asked["sides"] for asked in settings] == [1, 1, 2]


@pytest.mark.messages
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.csv",), "none.csv is neither a file nor a folder"),
        (("a.csv", "--kind", "polar"), "--time is needed for --kind polar, and for it alone, got"),
        (("a.csv", "--time", "2"), "for it alone, got --time 2"),
        (("a.csv", "--kind", "sky", "--audio", "a.wav"), "--audio is for --kind scene, got --kind"),
        (("a.csv", "--audio", "."), "must hold one recording of a, got 0"),
        (("a.csv", "--audio", "none.wav"), "none.wav"),
        (("a.csv", "--dpi", "0"), "--dpi must be from 1 to 2400, got 0"),
        (("a.csv", "--out", "a.xyz"), "'xyz' is not supported"),
        (("a.csv", "--kind", "polar", "--time", "-1"), "time_s must lie in the clip, got -1"),
        (("bad.csv",), "bad.csv"),
    ],
)
def test_mistakes_are_told(
    seldkit: Seldkit, write: Write, words: tuple[str, ...], message: str
) -> None:
    write("a.csv", ROWS)
    write("bad.csv", "no,rows\n")
    code, out, err = seldkit("plot", *words)
    assert (code, out) == (2, "")
    assert err.startswith("seldkit plot: error: ")
    assert message in err


def test_every_kind_is_a_public_function() -> None:
    assert {f"plot_{kind}" for kind in command.KINDS} <= set(plot.__all__)
