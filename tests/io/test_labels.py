"""Label files hold what events say: rows, order, digits."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events
from seldkit.geometry import angle_deg, unit_vector
from seldkit.io import read_events, write_events
from seldkit.io.dcase import FORMATS

quick = settings(deadline=None, max_examples=25)
SEEDS = st.integers(0, 2**32 - 1)


def random_events(seed: int, *, whole_degrees: bool) -> Events:
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(0, 40))
    azimuth, elevation = generator.uniform((-180, -90), (180, 90), (rows, 2)).T
    if whole_degrees:
        azimuth, elevation = azimuth.round(), elevation.round()
    return Events.from_degrees(
        np.sort(generator.integers(0, 10, rows)),
        generator.integers(0, 3, rows),
        np.where(azimuth == 180, -180, azimuth),
        elevation,
        distance=generator.integers(0, 900, rows) / 100,
        num_frames=10,
    )


def read(path: Path, text: str, **options: object) -> Events:
    path.write_text(text)
    return read_events(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("whole_degrees", [True, False])
@quick
@given(seed=SEEDS)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, format: str, whole_degrees: bool, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    events = random_events(seed, whole_degrees=whole_degrees)
    write_events(path, events, format=format)
    back = read_events(path, format=format, num_frames=10)
    if format != "dcase2023" or not len(events):
        events = replace(events, distance=None)
    torch.testing.assert_close(back.direction, events.direction, atol=5e-11, rtol=0)
    assert replace(back, direction=events.direction) == events
    assert not whole_degrees or back == events


def test_angles_are_plain_numbers(tmp_path: Path) -> None:
    azimuth = [30.0, -0.0, 1e-7, 179.99999999999, 100.0, -12.3456789012]
    events = Events.from_degrees(range(6), [0] * 6, azimuth, [0.0, -90.0, 90.0, -1e-12, 0.5, 10.0])
    write_events(tmp_path / "clip.csv", events, format="dcase2021")
    assert (tmp_path / "clip.csv").read_text().splitlines() == [
        "0,0,0,30,0",
        "1,0,0,0,-90",
        "2,0,0,0.0000001,90",
        "3,0,0,180,0",
        "4,0,0,100,0.5",
        "5,0,0,-12.345678901,10",
    ]


def test_distances_are_whole_centimetres(tmp_path: Path) -> None:
    events = Events.from_degrees([0, 1], [0, 0], [0, 0], [0, 0], distance=[1.234, 0.29])
    write_events(tmp_path / "clip.csv", events, format="dcase2023")
    assert (tmp_path / "clip.csv").read_text() == "0,0,0,0,0,123\n1,0,0,0,0,29\n"
    assert read_events(tmp_path / "clip.csv").distance.tolist() == [1.23, 0.29]  # type: ignore[union-attr]
    write_events(tmp_path / "clip.csv", replace(events, distance=None), format="dcase2023")
    assert (tmp_path / "clip.csv").read_text() == "0,0,0,0,0\n1,0,0,0,0\n"


@pytest.mark.parametrize(
    ("format", "text", "source", "distance"),
    [
        ("dcase2020", "4,1,-1,90,0", [-1], None),
        ("dcase2021", "4,1,2,0,2.5,0", [2], None),
        ("dcase2022", "4,1,2,0.0,1e-3,0.0", [2], None),
        ("dcase2023", "4,1,90,0", [0], None),
        ("dcase2023", "4,1,2,90,0", [2], None),
        ("dcase2023", "4,1,2,90,0,250", [2], [2.5]),
        ("dcase2023", "4,1,2,0,0.7,0,2.5", [2], [2.5]),
    ],
)
def test_the_number_of_columns_tells_the_layout(
    tmp_path: Path, format: str, text: str, source: list[int], distance: list[float] | None
) -> None:
    events = read(tmp_path / "clip.csv", text, format=format, num_frames=600)
    assert (events.frame.tolist(), events.label.tolist()) == ([4], [1])
    assert angle_deg(events.direction, unit_vector(90.0, 0.0).double()) < 1e-5
    assert events.source.tolist() == source
    assert (events.distance is None) == (distance is None)
    assert events.distance is None or events.distance.tolist() == distance
    assert events.num_frames == 600


def test_rows_without_a_source_are_numbered(tmp_path: Path) -> None:
    events = read(tmp_path / "clip.csv", "0,5,10,0\n0,5,20,0\n0,1,30,0\n")
    assert events.source.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "text",
    ["0,3,0,30,0\n1,3,0,-32.5,10\n", "\ufeff0.0, 3.0, 0 ,30,0\r\n\r\n1,3,0,-32.5,1e1"],
)
def test_spaces_blank_lines_and_line_ends_do_not_matter(tmp_path: Path, text: str) -> None:
    events = read(tmp_path / "clip.csv", text, format="dcase2020")
    assert events == Events.from_degrees([0, 1], [3, 3], [30, -32.5], [0, 10])


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_file_is_no_events(tmp_path: Path, text: str, format: str) -> None:
    events = read(tmp_path / "clip.csv", text, format=format, num_frames=600)
    assert events == Events.from_degrees([], [], [], [], num_frames=600)
    write_events(tmp_path / "clip.csv", events, format=format)
    assert (tmp_path / "clip.csv").read_text() == ""


def test_both_names_of_behind_are_one(tmp_path: Path) -> None:
    plus = read(tmp_path / "clip.csv", "0,0,0,180,0")
    assert plus == read(tmp_path / "clip.csv", "0,0,0,-180,0")
    assert plus.azimuth_deg.tolist() == [-180]


@pytest.mark.messages
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,0,0,1,2\n1,0,0,x,2", r"clip\.csv, line 2: a row must be numbers .*got '1,0,0,x,2'"),
        ("frame,class,source,azimuth,elevation", "line 1: a row must be numbers"),
        ("\n0,0,0,1,2\n\n1,0,0,,2", r"line 4: a row must be numbers .*got '1,0,0,,2'"),
        ("0,0,0,1,2\n0,0,0,1,2,3", "line 2: a row must have 5 columns like the first, got '0,0,0"),
        ("0,0,0", "line 1: a row must have 4 or 5 or 6 or 7 columns, got '0,0,0'"),
        ("0 0 0 1 2", "line 1: a row must have 4 or 5 or 6 or 7 columns"),
        ("0,0,0,1,2\n-1,0,0,1,2", "line 2: frame must be a whole number, at least 0, got '-1,0"),
        ("0,-1,0,1,2", "line 1: class must be a whole number, at least 0"),
        ("0,0,-2,1,2", "line 1: source must be a whole number, at least -1"),
        ("0.5,0,0,1,2", "line 1: frame must be a whole number"),
        ("1e300,0,0,1,2", "line 1: frame must be a whole number"),
        ("0,0,0,nan,2", "line 1: values must be finite"),
        ("0,0,0,1,inf", "line 1: values must be finite"),
        ("0,0,0,1,2,-3", "line 1: distance must not be negative"),
        ("0,0,0,1,0,0,-3", "line 1: distance must not be negative"),
        ("0,0,0,1,0,0,3\n0,0,0,0,0.0,0,3", "line 2: direction must not be the zero vector"),
        ("0,0,0,nan,0,0,3", "line 1: values must be finite"),
        ("600,0,0,1,2", "line 1: frame must be below num_frames=600"),
    ],
)
def test_a_line_that_means_nothing_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "clip.csv", text, num_frames=600, check="off")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"clip\.csv is no text file"):
        read_events(tmp_path / "clip.csv")
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        read_events(tmp_path / "gone.csv")


@pytest.mark.messages
def test_choices_are_listed(tmp_path: Path) -> None:
    events = random_events(0, whole_degrees=True)
    message = "format must be one of 'dcase2020', .*, 'dcase2023'.*, got 'dcase1999'"
    with pytest.raises(ValueError, match=message):
        read_events(tmp_path / "clip.csv", format="dcase1999")
    with pytest.raises(ValueError, match=message):
        write_events(tmp_path / "clip.csv", events, format="dcase1999")
    with pytest.raises(ValueError, match="check must be one of 'raise', 'warn', 'off', got 'no'"):
        read_events(tmp_path / "clip.csv", check="no")  # type: ignore[arg-type]


DOUBTFUL = [
    ("dcase2023", "0,0,0,181,0", "line 1: azimuth must lie in -180..180, got '0,0,0,181,0'"),
    ("dcase2023", "0,0,0,0,-90.5", "line 1: elevation must lie in -90..90"),
    ("dcase2023", "0,0,5,0", None),
    ("dcase2022", "3,0,0,1,2\n2,0,0,1,2", "line 2: rows must be sorted by frame, got '2,0,0,1,2'"),
    ("dcase2022", "3,0,0,1,2,3\n2,0,0,1,2,3", "line 2: rows must be sorted by frame"),
    ("dcase2022", "3,0,-1,1,2\n2,0,-1,1,2", None),
    ("dcase2023", "3,0,1,2\n2,0,1,2", None),
    ("dcase2022", "3,0,0,1,2\n3,1,0,9,9\n3,0,0,1,3", "line 3: a source must be in one place"),
    ("dcase2023", "3,0,0,1,2,100\n3,0,0,1,2,200", "line 2: a source must be in one place"),
    ("dcase2022", "3,0,-1,1,2\n3,0,-1,1,3", None),
    ("dcase2022", "3,0,0,1,2,3\n3,0,0,1,3,3", None),
    ("dcase2020", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat, got '3,0,0,1,2'"),
    ("dcase2021", "3,0,0,1,2\n3,0,0,1,2", "line 2: rows must not repeat"),
    ("dcase2021", "3,0,-1,1,2\n3,0,-1,1,2", None),
    ("dcase2022", "3,0,0,1,2\n3,0,0,1,2", None),
    ("dcase2023", "3,0,0,1,2\n3,0,0,1,2", None),
]


@pytest.mark.parametrize(("format", "text", "message"), DOUBTFUL)
def test_rows_that_can_hardly_be_meant_are_told(
    tmp_path: Path, format: str, text: str, message: str | None
) -> None:
    path = tmp_path / "clip.csv"
    rows = len(text.splitlines())
    assert len(read(path, text, format=format, check="off")) == rows
    if message is None:
        assert len(read(path, text, format=format)) == rows
        return
    with pytest.raises(ValueError, match=message):
        read(path, text, format=format)
    with pytest.warns(UserWarning, match=message + r".*\(the first of 1\)"):
        assert len(read(path, text, format=format, check="warn")) == rows


@pytest.mark.messages
def test_warnings_point_to_the_caller(tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_text("2,0,0,999,0\n1,0,0,0,0\n0,0,0,0,0\n")
    with pytest.warns(UserWarning, match=r"azimuth must|sorted.*\(the first of 2\)") as told:
        read_events(tmp_path / "clip.csv", check="warn")
    assert [warning.filename for warning in told] == [__file__] * 2


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


def test_published_labels_are_read_and_written_alike(
    tmp_path: Path, data: Callable[[str], Path]
) -> None:
    files = sorted(data("starss22_metadata").glob("*/*.csv"))
    rows = 0
    for file in files:
        events = read_events(file, format="dcase2022")
        write_events(tmp_path / "clip.csv", events, format="dcase2022")
        wanted = file.read_text().replace(",180,", ",-180,").split()
        assert (tmp_path / "clip.csv").read_text().split() == wanted
        rows += len(events)
    assert (len(files), rows) == (121, 222980)


@pytest.mark.parametrize(
    ("name", "format", "rows"),
    [
        ("apri2020_fold3_room1_mix001_ov1.csv", "dcase2020", 386),
        ("seldnet2022_fold1_room4_mix001.csv", "dcase2022", 2280),
    ],
)
def test_outputs_of_real_systems_are_read(
    tmp_path: Path, data: Callable[[str], Path], name: str, format: str, rows: int
) -> None:
    events = read_events(data("system_outputs") / name, format=format)
    assert len(events) == rows
    write_events(tmp_path / name, events, format=format)
    back = read_events(tmp_path / name, format=format)
    torch.testing.assert_close(back.direction, events.direction, atol=2e-11, rtol=0)
    assert replace(back, direction=events.direction) == events
