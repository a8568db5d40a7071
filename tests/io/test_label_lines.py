"""A line that means nothing is an error that names the file, the line and its text."""

from pathlib import Path

import pytest

from seldkit.events import Events
from seldkit.io import find_problems, read_events, write_events

LIST_2019 = "sound_event_recording,start_time,end_time,ele,azi,dist\n"
LIST_2022 = "Start,End,Class,X,Y,Z\n"
STEREO = "frame,class,source,azimuth,distance,onscreen\n"


def read(path: Path, text: str, **options: object) -> Events:
    path.write_text(text)
    return read_events(path, **options)  # type: ignore[arg-type]


MEANINGLESS = [
    ("dcase2023", "0,0,0,1,2\n1,0,0,x,2", r"line 2: a row must be numbers .*got '1,0,0,x,2'"),
    ("dcase2023", "frame,class,source,azimuth,elevation", "line 1: a file .* must have no header"),
    ("dcase2023", "\n0,0,0,1,2\n\n1,0,0,,2", r"line 4: a row must be numbers .*got '1,0,0,,2'"),
    (
        "dcase2023",
        "0,0,0,1,2\n0,0,0,1,2,3",
        "line 2: a row must have 5 columns like the first, got",
    ),
    (
        "dcase2023",
        "0,0,0",
        "line 1: a row must have 4 or 5 or 6 or 7 columns, separated by commas, got '0,0,0'",
    ),
    ("dcase2023", "0 0 0 1 2", "line 1: a row must have 4 or 5 or 6 or 7 columns"),
    ("dcase2023", "0,0,0,1,2\n-1,0,0,1,2", "line 2: frame must be a whole number, at least 0, got"),
    ("dcase2023", "0,-1,0,1,2", "line 1: class must be a whole number, at least 0"),
    ("dcase2023", "0,0,-2,1,2", "line 1: source must be a whole number, at least -1"),
    ("dcase2023", "0.5,0,0,1,2", "line 1: frame must be a whole number"),
    ("dcase2023", "1e300,0,0,1,2", "line 1: frame must lie within a day, below 864000, got"),
    ("dcase2023", "9e9,0,0,1,2", "line 1: frame must lie within a day, below 864000"),
    ("dcase2023", "0,0,0,1,2\n2e7,0,0,1,2", "line 2: frame must lie within a day, below 864000"),
    ("dcase2023", "864000,0,0,1,2", "line 1: frame must lie within a day, below 864000"),
    ("dcase2019", "4320000,0,1,2", "line 1: frame must lie within a day, below 4320000"),
    ("dcase2023", "0,9223372036854775808,0,1,2", f"line 1: class must be below {2**31}"),
    ("dcase2023", "0,0,1e300,1,2", f"line 1: source must be below {2**53}"),
    ("dcase2023", "0,0,0,1,2,\n1,0,0,1,2,", "line 1: a row must not end with a comma"),
    ("dcase2023", "0,0,0,1,2\n1,0,0,1,2,", "line 2: a row must not end with a comma"),
    ("dcase2025", STEREO + "0,0,0,1,200,1,", "line 2: a row must not end with a comma"),
    ("dcase2023", "0;0;0;1;2", "line 1: a row must have 4 or 5 or 6 or 7 columns, separated by c"),
    (
        "dcase2022",
        "0,1,0,90,0,200\n1,1,0,90,0,200",
        r"line 1: direction .* longer than 2, as x, y, z: azimuth, elevation and distance are read"
        r" as dcase2023 or dcase2024, got '0,1,0,90,0,200' \(the first of 2 lines\)",
    ),
    ("dcase2020", "0,1,0,0,0,2.1", "line 1: direction must not be longer than 2, as x, y, z: azim"),
    ("dcase2024", "0,1,0,2,1,0,3", "line 1: direction must not be longer than 2, as x, y, z, got"),
    ("dcase2023", "0,0,0,nan,2", "line 1: values must be finite"),
    ("dcase2023", "0,0,0,1,inf", "line 1: values must be finite"),
    ("dcase2023", "0,0,0,1,2,-3", "line 1: distance must not be negative"),
    ("dcase2023", "0,0,0,1,0,0,-3", "line 1: distance must not be negative"),
    (
        "dcase2023",
        "0,0,0,1,0,0,3\n0,0,0,0,0.0,0,3",
        "line 2: direction must not be the zero vector",
    ),
    ("dcase2023", "0,0,0,nan,0,0,3", "line 1: values must be finite"),
    ("dcase2023", "600,0,0,1,2", "line 1: frame must be below num_frames=600"),
    ("dcase2025", "0,0,0,1,200,1", "line 1: the header must name frame, class, .*, got '0,0,0,1"),
    (
        "dcase2025",
        "frame,class,source,azimuth,distance\n",
        "line 1: the header must name .*onscreen",
    ),
    ("dcase2025", STEREO + "0,0,0,1,200,2", "line 2: onscreen must be 0 or 1, got '0,0,0,1,200,2'"),
    ("dcase2025", STEREO + "0,0,0,1,200,0.9", "line 2: onscreen must be 0 or 1"),
    ("dcase2025", STEREO + "0,0,0,1,200", "line 2: a row must have 6 columns like the first"),
    ("dcase2025", STEREO + "0,0,0,1,-1,0", "line 2: distance must not be negative"),
    ("dcase2019", "0,0,0,1,2", "line 1: a row must have 4 columns, .*, got '0,0,0,1,2'"),
    ("dcase2019", "knock,0,1,0,10,1", "line 1: the header must name sound_event_recording, start_"),
    ("dcase2019", LIST_2019 + "knok,0,1,0,10,1", "line 2: class must be one of knock, drawer, .*"),
    (
        "dcase2019",
        LIST_2019 + "knock,0,1,0,left,1",
        "line 2: a row must be numbers .* beside names",
    ),
    ("dcase2019", LIST_2019 + "knock,-1,1,0,10,1", "line 2: start must not be negative"),
    ("dcase2019", LIST_2019 + "knock,2,1,0,10,1", "line 2: end must not be before start"),
    ("dcase2019", LIST_2019 + "knock,0,1e9,0,10,1", "line 2: end must be in seconds, within a day"),
    (
        "dcase2019",
        LIST_2019 + "knock,0,86400,0,10,1",
        "line 2: end must .* a day, below 86400, got",
    ),
    ("dcase2019", LIST_2019 + "knock,12,13,0,10,1", "line 2: start must be before .* clip at 12 s"),
    ("dcase2019", LIST_2019 + "knock,1,2,0,10,-1", "line 2: distance must not be negative"),
    ("l3das22", "0,1,2,3,4,5", "line 1: a row must have 5 columns"),
    (
        "dcase2022",
        "3,1,0,0,0,0",
        "line 1: direction must not be the zero vector, got '3,1,0,0,0,0'",
    ),
    ("l3das22", "Start,End,Class,X,Y", "line 1: the header must name Start, End, Class, X, Y, Z"),
    (
        "l3das22",
        LIST_2022 + "0,1,Bell,1,1,1",
        "line 2: class must be one of Chink_and_clink, .*Bell",
    ),
    ("l3das22", LIST_2022 + "60,61,Knock,1,1,1", "line 2: start must be before .* clip at 60 s"),
    ("l3das23", "3,1,-1,0,0", "line 1: distance must not be negative"),
]


@pytest.mark.messages
@pytest.mark.parametrize(("format", "text", "message"), MEANINGLESS)
def test_a_line_that_means_nothing_is_named(
    tmp_path: Path, format: str, text: str, message: str
) -> None:
    path = tmp_path / "clip.csv"
    with pytest.raises(ValueError, match=rf"clip\.csv, {message}"):
        read(path, text, format=format, num_frames=600, check="off")
    (problem,) = find_problems(path, format=format, num_frames=600)
    with pytest.raises(ValueError, match=rf"clip\.csv, {message}"):
        raise ValueError(str(problem))


@pytest.mark.messages
@pytest.mark.parametrize("format", ["l3das21", "l3das22"])
def test_an_event_starts_within_the_clips_of_its_edition(tmp_path: Path, format: str) -> None:
    text = LIST_2022 + "40,61,Knock,1,1,1"
    if format == "l3das21":
        assert read(tmp_path / "clip.csv", text, format=format).frame.tolist()[-1] == 599
        return
    with pytest.raises(
        ValueError, match="line 2: start must be before the end of the clip at 30 s"
    ):
        read(tmp_path / "clip.csv", text, format=format)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    for data in (b"\xff\xfe\x00", "0,0,0,1,2".encode("utf-16-le"), b"\x80,0,0,1,2"):
        (tmp_path / "clip.csv").write_bytes(data)
        with pytest.raises(ValueError, match=r"clip\.csv is no text file in UTF-8 or UTF-16: "):
            read_events(tmp_path / "clip.csv")
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        read_events(tmp_path / "gone.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_way_text_is_stored_does_not_matter(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "clip.CSV"
    path.write_bytes(f"{end}0,1,0,10,20{end}{end}1,1,0,11,20{end}".encode(encoding))
    wanted = Events.from_degrees([0, 1], [1, 1], [10, 11], [20, 20])
    assert read_events(path, format="dcase2022") == wanted
    path.write_bytes(f"{STEREO}0,1,0,10,200,x{end}".encode(encoding))
    with pytest.raises(ValueError, match=r"line 2: a row .*, got '0,1,0,10,200,x'$"):
        read_events(path, format="dcase2025")


def test_a_long_line_is_quoted_in_part(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got 'x{100}\.\.\.'$"):
        read(tmp_path / "clip.csv", "x" * 5000)


@pytest.mark.messages
def test_choices_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0], [0], [0], [0])
    message = "format must be one of 'dcase2019', .*, 'l3das23', got 'dcase1999'"
    with pytest.raises(ValueError, match=message):
        read_events(path, format="dcase1999")
    with pytest.raises(ValueError, match=message):
        write_events(path, events, format="dcase1999")
    with pytest.raises(ValueError, match=message):
        find_problems(path, format="dcase1999")
    message = r"check must be one of 'raise', 'strict', 'warn', 'off', got 'no'"
    with pytest.raises(ValueError, match=message):
        read_events(path, check="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        write_events(path, events, format="dcase2020", check="no")  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="frame_rule must be one of 'published', 'plain', got 'hu'"
    ):
        read_events(path, frame_rule="hu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind must be one of None, 'label', 'output', got 'pred'"):
        write_events(path, events, format="dcase2020", kind="pred")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="distance_unit must be one of None, 'cm', 'm', got 'km'"):
        read_events(path, distance_unit="km")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="distance_unit must be None for dcase2022, which has no"):
        read_events(path, format="dcase2022", distance_unit="m")
    with pytest.raises(TypeError, match="classes must be a sequence of names, got 'dog'"):
        read_events(path, format="dcase2019", classes="dog")
    with pytest.raises(TypeError, match="num_frames must be an integer, got True"):
        read_events(path, num_frames=True)
    with pytest.raises(ValueError, match=r"num_frames must lie in 0\.\.864000, got -3"):
        find_problems(path, num_frames=-3)
    with pytest.raises(ValueError, match="frame_s must be positive, got 0"):
        read_events(path, format="dcase2019", frame_s=0.0)
