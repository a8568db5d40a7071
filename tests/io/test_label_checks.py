"""Rows that can hardly be meant are told, and real labels are not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seldkit.events import Events
from seldkit.io import find_problems, read_events, write_events

LIST_2019 = "sound_event_recording,start_time,end_time,ele,azi,dist\n"
LIST_2022 = "Start,End,Class,X,Y,Z\n"
STEREO = "frame,class,source,azimuth,distance,onscreen\n"


def read(path: Path, text: str, **options: object) -> Events:
    path.write_text(text)
    return read_events(path, **options)  # type: ignore[arg-type]


DOUBTFUL = [
    ("dcase2023", "0,0,0,181,0", "line 1: azimuth must lie in -180..180, got '0,0,0,181,0'"),
    ("dcase2023", "0,0,0,0,-90.5", "line 1: elevation must lie in -90..90"),
    ("dcase2023", "0,0,5,0", None),
    ("dcase2022", "3,0,0,1,2\n2,0,0,1,2", "line 2: rows must be sorted by frame, got '2,0,0,1,2'"),
    ("dcase2022", "3,0,0,1,0,1\n2,0,0,1,0,1", "line 2: rows must be sorted by frame"),
    ("dcase2022", "3,0,-1,1,2\n2,0,-1,1,2", None),
    ("dcase2023", "3,0,1,2\n2,0,1,2", None),
    ("dcase2022", "3,0,0,1,2\n3,1,0,9,9\n3,0,0,1,3", "line 3: a source must be in one place"),
    ("dcase2023", "3,0,0,1,2,100\n3,0,0,1,2,200", "line 2: a source must be in one place"),
    ("dcase2022", "3,0,-1,1,2\n3,0,-1,1,3", None),
    ("dcase2022", "3,0,0,1,0,1\n3,0,0,1,1,1", None),
    ("dcase2020", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat, got '3,0,0,1,2'"),
    ("dcase2021", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat"),
    ("dcase2021", "3,0,-1,1,2\n3,0,-1,1,2", None),
    ("dcase2025", STEREO + "3,0,1,1,200,1\n3,0,1,2,200,1", "line 3: a source must be in one place"),
    ("dcase2025", STEREO + "3,0,0,1,200,1\n3,0,0,2,200,1", None),
    ("dcase2025", STEREO + "3,0,0,1,200,1\n2,0,0,2,200,1", "line 3: rows must be sorted by frame"),
    ("dcase2025", STEREO + "3,0,0,190,200,1", "line 2: azimuth must lie in -180..180"),
    ("dcase2019", LIST_2019 + "knock,0,1,-91,10,1", "line 2: elevation must lie in -90..90"),
    ("dcase2019", LIST_2019 + "knock,0,1,0,190,1", "line 2: azimuth must lie in -180..180"),
    ("dcase2019", LIST_2019 + "knock,1,2,0,19,1\nknock,0,1,0,19,1", None),
    ("l3das23", "3,1,1,361,0", "line 1: theta must lie in -360..360"),
    ("dcase2023", "0,0,0,0,0,2\n0,1,0,0,0,5\n0,2,0,0,0,80", "line 1: distance must be in centim"),
    (
        "dcase2023",
        "0,0,0,0,0,0\n0,1,0,0,0,0.8",
        "line 2: distance must be in centimetres, and looks",
    ),
    ("dcase2023", "0,0,0,0,0,10\n0,1,0,0,0,0", None),
    ("dcase2023", "0,0,0,0,0,5\n0,1,0,0,0,150", None),
    ("dcase2024", "0,0,0,0,0,2", "line 1: distance must be in centimetres, and looks like metres"),
    (
        "dcase2024",
        "0,0,0,1,0,0,250",
        "line 1: distance must be in metres, and looks like centimetr",
    ),
    ("dcase2024", "0,0,0,1,0,0,2.5\n0,1,0,1,0,0,99", None),
    (
        "dcase2025",
        STEREO + "3,0,0,1,2,1",
        "line 2: distance must be in centimetres, and looks like",
    ),
    (
        "dcase2019",
        LIST_2019 + "knock,0,1,0,19,100",
        "line 2: distance must be in metres, and looks",
    ),
    ("l3das22", "3,1,100,50,0", "line 1: distance must be in metres, and looks like centimetres"),
    (
        "l3das23",
        LIST_2022.replace("X,Y,Z", "rho,theta,z") + "0,1,Knock,150,9,9",
        "line 2: distance",
    ),
]


@pytest.mark.parametrize(("format", "text", "message"), DOUBTFUL)
def test_rows_that_can_hardly_be_meant_are_told(
    tmp_path: Path, format: str, text: str, message: str | None
) -> None:
    path = tmp_path / "clip.csv"
    rows = len(read(path, text, format=format, check="off"))
    assert rows > 0
    problems = find_problems(path, format=format)
    if message is None:
        assert len(read(path, text, format=format)) == rows
        assert problems == []
        return
    with pytest.raises(ValueError, match=message):
        read(path, text, format=format)
    with pytest.raises(ValueError, match=message):
        raise ValueError(str(problems[0]))
    with pytest.warns(UserWarning, match=message + r"[^\n]*(\(the first of 2 lines\))?$"):
        assert len(read(path, text, format=format, check="warn")) == rows


ODD = [
    ("dcase2022", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat"),
    ("dcase2023", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat"),
    (
        "dcase2023",
        "3,0,0,1,2\n4,1,0,70,2\n4,0,0,17,2",
        "line 3: a source must not move by more than",
    ),
    (
        "dcase2025",
        STEREO + "3,0,1,0,200,1\n4,0,1,-16,200,1",
        "line 3: a source must not move by more",
    ),
    ("dcase2019", LIST_2019 + 2 * "knock,0,1,0,19,1\n", "line 3: events must not repeat"),
    ("l3das22", LIST_2022 + 2 * "0,1,Knock,0,1,1\n", "line 3: events must not repeat"),
    ("dcase2023", "3,0,0,1,2\n4,0,0,15.9,2\n5,0,0,1,2", None),
    ("dcase2023", "3,0,0,179,2\n4,0,0,-179,2\n6,0,0,90,2", None),
    ("dcase2023", "3,0,0,0,89\n4,0,0,90,89", None),
    ("dcase2023", "3,0,0,0,0\n4,0,1,90,0\n5,1,1,0,0", None),
    ("dcase2023", "3,0,-1,0,0\n4,0,-1,90,0", None),
    ("dcase2022", "3,0,0,1,0,0\n4,0,0,0,1,0", None),
    ("dcase2025", STEREO + "3,0,0,0,200,1\n4,0,0,-50,200,1", None),
]


@pytest.mark.parametrize(("format", "text", "message"), ODD)
def test_the_strict_check_tells_what_published_labels_hold(
    tmp_path: Path, format: str, text: str, message: str | None
) -> None:
    path = tmp_path / "clip.csv"
    events = read(path, text, format=format)
    assert find_problems(path, format=format) == []
    problems = find_problems(path, format=format, strict=True)
    assert len(problems) == (message is not None)
    if message is None:
        assert read_events(path, format=format, check="strict") == events
        return
    with pytest.raises(ValueError, match=message):
        read_events(path, format=format, check="strict")
    with pytest.warns(UserWarning, match=message + "[^\n]*$"):
        assert read_events(path, format=format, check="warn") == events


@pytest.mark.messages
def test_warnings_point_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_text("2,0,0,361,0\n1,0,0,0,0\n0,0,0,0,0\n")
    with pytest.warns(UserWarning, match=r"azimuth must|sorted.*\(the first of 2 lines\)") as told:
        read_events(tmp_path / "clip.csv", check="warn")
    assert [warning.filename for warning in told] == [__file__] * 2


def test_all_problems_of_a_file_are_found(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    path.write_text("5,0,0,190,95\n5,0,0\n\n4,0,0,x,0\n4,0,0,0,nan\n4,0,0,0,0\n4,0,0,0,0\n")
    found = [(problem.line, problem.rule) for problem in find_problems(path, format="dcase2020")]
    assert found == [
        (1, "azimuth must lie in -180..180"),
        (1, "elevation must lie in -90..90"),
        (2, "a row must have 5 columns like the first"),
        (4, "a row must be numbers separated by commas"),
        (5, "values must be finite"),
        (6, "rows must be sorted by frame"),
        (7, "rows must not repeat"),
    ]
    problem = find_problems(path, format="dcase2020")[0]
    assert str(problem) == f"{path}, line 1: {problem.rule}, got '5,0,0,190,95'"
    path.write_text("x,y\n")
    assert [p.rule for p in find_problems(path)] == [
        "a file of this format must have no header, and rows of numbers"
    ]
    path.write_text("")
    assert find_problems(path) == []


def test_one_cause_is_one_problem_with_its_count(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    path.write_text("".join(f"{i},0,0,0,{95 if i % 2 else 'x'}\n" for i in range(1000)))
    far, parse = find_problems(path)[::-1]
    assert parse[1:] == (1, "a row must be numbers separated by commas", "0,0,0,0,x", 500, False)
    assert far[1:] == (2, "elevation must lie in -90..90", "1,0,0,0,95", 500, False)
    assert str(parse).endswith("got '0,0,0,0,x' (the first of 500 lines)")
    with pytest.raises(ValueError, match=r"line 1: .* \(the first of 500 lines\)$"):
        read_events(path)


def test_a_value_that_breaks_a_rule_by_rounding_keeps_it(tmp_path: Path) -> None:
    events = read(tmp_path / "clip.csv", "0,0,0,180.0000000001,90.0000000001")
    assert events.azimuth_deg.tolist() == [180.0000000001 - 360]
    assert events.elevation_deg.tolist() == [90]
    assert find_problems(tmp_path / "clip.csv") == []


def test_what_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    unsorted = Events.from_degrees([3, 2], [0, 0], [1, 1], [2, 2])
    with pytest.raises(ValueError, match=r"clip.csv, row 1: rows must be sorted.* '2,0,0,1,2'"):
        write_events(path, unsorted, format="dcase2022")
    nameless = replace(unsorted, source=torch.tensor([0, -2]))
    with pytest.raises(ValueError, match="row 1: source must be a whole number, at least -1"):
        write_events(path, nameless, format="dcase2022", check="off")
    assert not path.exists()
    with pytest.warns(UserWarning, match="sorted by frame"):
        write_events(path, unsorted, format="dcase2022", check="warn")
    assert read_events(path, check="off") == unsorted


def test_distances_of_events_are_metres_for_sure(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    for format, distance in (("dcase2023", 0.05), ("l3das22", 99.0)):
        near_or_far = Events.from_degrees([3], [0], [1], [2], distance=[distance])
        write_events(path, near_or_far, format=format)
        with pytest.raises(ValueError, match="distance must be in"):
            read_events(path, format=format)
        back = read_events(path, format=format, check="off").distance
        torch.testing.assert_close(back, near_or_far.distance, atol=1e-12, rtol=0)


@pytest.mark.parametrize("format", ["dcase2025", "l3das21", "l3das22", "l3das23"])
def test_formats_that_hold_a_distance_need_one(tmp_path: Path, format: str) -> None:
    events = Events.from_degrees([3], [0], [1], [2])
    with pytest.raises(ValueError, match="events must have a distance, as rows of frame, class, "):
        write_events(tmp_path / "clip.csv", events, format=format)


def test_published_labels_are_in_order(data: Callable[[str], Path]) -> None:
    files = sorted(data("starss22_metadata").glob("*/*.csv"))
    jumps = {}
    for file in files:
        assert find_problems(file, format="dcase2022") == []
        odd = find_problems(file, format="dcase2022", strict=True)
        jumps[file.name] = sum(problem.num_lines for problem in odd if "move" in problem.rule)
        assert all("repeat" in p.rule or "move" in p.rule for p in odd)
    assert {name: count for name, count in jumps.items() if count} == {
        "fold3_room7_mix006.csv": 2,
        "fold4_room23_mix004.csv": 2,
    }
