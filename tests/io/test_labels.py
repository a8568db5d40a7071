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
from seldkit.io.editions import FORMATS

quick = settings(max_examples=25)
SEEDS = st.integers(0, 2**32 - 1)
WITH_DISTANCE = ["dcase2023", "dcase2024", "dcase2025"]


def random_events(seed: int, *, whole_degrees: bool = False) -> Events:
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
        distance=generator.integers(10, 900, rows) / 100,
        onscreen=generator.random(rows) < 0.5,
        num_frames=10,
    )


def read(path: Path, text: str, **options: object) -> Events:
    path.write_text(text)
    return read_events(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("format", [name for name in FORMATS if name.startswith("dcase202")])
@pytest.mark.parametrize("whole_degrees", [True, False])
@quick
@given(seed=SEEDS)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, format: str, whole_degrees: bool, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    events = random_events(seed, whole_degrees=whole_degrees)
    if format == "dcase2025":
        events = replace(events, direction=unit_vector(events.azimuth_deg, 0.0))
    write_events(path, events, format=format)
    back = read_events(path, format=format, num_frames=10)
    if format not in WITH_DISTANCE or not len(events):
        events = replace(events, distance=None)
    if format != "dcase2025" or not len(events):
        events = replace(events, onscreen=None)
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
        "3,0,0,-180,0",
        "4,0,0,100,0.5",
        "5,0,0,-12.345678901,10",
    ]


@pytest.mark.parametrize("format", ["dcase2023", "dcase2024"])
def test_distances_are_whole_centimetres(tmp_path: Path, format: str) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0, 1], [0, 0], [0, 0], [0, 0], distance=[1.234, 0.29])
    write_events(path, events, format=format)
    assert path.read_text() == "0,0,0,0,0,123\n1,0,0,0,0,29\n"
    assert read_events(path, format=format).distance.tolist() == [1.23, 0.29]  # type: ignore[union-attr]
    write_events(path, replace(events, distance=None), format=format)
    assert path.read_text() == "0,0,0,0,0\n1,0,0,0,0\n"


def test_stereo_files_have_a_header_and_no_elevation(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees(
        [0, 3], [1, 2], [-30, 45.5], [20, 0], distance=[1.234, 2], onscreen=[True, False]
    )
    write_events(path, events, format="dcase2025")
    text = "frame,class,source,azimuth,distance,onscreen\n0,1,0,-30,123,1\n3,2,0,45.5,200,0\n"
    assert path.read_text() == text
    back = read_events(path, format="dcase2025")
    assert back == Events.from_degrees(
        [0, 3], [1, 2], [-30, 45.5], [0, 0], distance=[1.23, 2], onscreen=[True, False]
    )
    write_events(path, replace(events, onscreen=None), format="dcase2025")
    assert path.read_text() == text.replace("123,1", "123,0")


def test_columns_under_a_header_are_found_by_name(tmp_path: Path) -> None:
    text = "clip,ONSCREEN, distance,azimuth,source,class,frame\na,0,150,-20,4,7,3\n"
    events = read(tmp_path / "clip.csv", text, format="dcase2025")
    assert events == Events.from_degrees(
        [3], [7], [-20], [0], source=[4], distance=[1.5], onscreen=[False]
    )


@pytest.mark.parametrize(
    ("format", "text", "source", "distance"),
    [
        ("dcase2019", "4,1,90,0", [0], None),
        ("dcase2020", "4,1,-1,90,0", [-1], None),
        ("dcase2021", "4,1,2,0,1.5,0", [2], None),
        ("dcase2020", "4,1,90,0", [0], None),
        ("dcase2021", "4,1,90,0", [0], None),
        ("dcase2022", "4,1,90,0", [0], None),
        ("dcase2022", "4,1,2,0.0,1e-3,0.0", [2], None),
        ("dcase2023", "4,1,90,0", [0], None),
        ("dcase2023", "4,1,2,90,0", [2], None),
        ("dcase2023", "4,1,2,90,0,250", [2], [2.5]),
        ("dcase2023", "4,1,2,0,0.7,0,2.5", [2], [2.5]),
        ("dcase2024", "4,1,90,0", [0], None),
        ("dcase2024", "4,1,2,90,0", [2], None),
        ("dcase2024", "4,1,2,90,0,250", [2], [2.5]),
        ("dcase2024", "4,1,2,0,0.7,0,2.5", [2], [2.5]),
        ("l3das21", "4,1,0,2.5,0", [0], [2.5]),
        ("l3das22", "4.0,1.0,0,2.5,0", [0], [2.5]),
        ("l3das23", "4,1,2.5,0,0", [0], [2.5]),
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
    events = read(tmp_path / "clip.csv", text, format="dcase2020", check="off")
    assert events == Events.from_degrees([0, 1], [3, 3], [30, -32.5], [0, 10])


HEADERS = {
    "dcase2019": "sound_event_recording,start_time,end_time,ele,azi\n",
    "dcase2025": "frame,class,source,azimuth,distance,onscreen\n",
}


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_file_is_no_events(tmp_path: Path, text: str, format: str) -> None:
    path = tmp_path / "clip.csv"
    frame_s = FORMATS[format].frame_s
    nothing = Events.from_degrees([], [], [], [], num_frames=600, frame_s=frame_s)
    assert read(path, text, format=format, num_frames=600) == nothing
    if format not in HEADERS:
        write_events(path, replace(nothing, distance=torch.zeros(0)), format=format)
        assert path.read_text() == ""


@pytest.mark.parametrize("format", HEADERS)
def test_a_header_alone_is_no_events(tmp_path: Path, format: str) -> None:
    path = tmp_path / "clip.csv"
    nothing = Events.from_degrees([], [], [], [], frame_s=FORMATS[format].frame_s)
    assert read(path, HEADERS[format], format=format) == nothing
    write_events(
        path,
        nothing if format == "dcase2019" else replace(nothing, distance=torch.zeros(0)),
        format=format,
    )
    assert path.read_text() == HEADERS[format]


def test_both_names_of_behind_are_one(tmp_path: Path) -> None:
    plus = read(tmp_path / "clip.csv", "0,0,0,180,0")
    assert plus == read(tmp_path / "clip.csv", "0,0,0,-180,0")
    assert plus.azimuth_deg.tolist() == [-180]


@pytest.mark.parametrize("format", ["dcase2022", "dcase2023", "dcase2024"])
def test_published_labels_are_read_and_written_alike(
    tmp_path: Path, data: Callable[[str], Path], format: str
) -> None:
    files = sorted(data("starss22_metadata").glob("*/*.csv"))
    rows = 0
    for file in files[:: 1 if format == "dcase2022" else 10]:
        events = read_events(file, format=format)
        write_events(tmp_path / "clip.csv", events, format=format)
        wanted = file.read_text().replace(",180,", ",-180,").split()
        assert (tmp_path / "clip.csv").read_text().split() == wanted
        rows += len(events)
    assert format != "dcase2022" or (len(files), rows) == (121, 222980)


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
