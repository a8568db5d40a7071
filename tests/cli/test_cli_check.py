"""`seldkit check` lists all that is wrong with label files."""

from collections.abc import Callable
from pathlib import Path

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
