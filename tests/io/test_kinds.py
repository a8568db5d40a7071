"""Labels and outputs are written as the official readers of their year take them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events
from seldkit.geometry import unit_vector
from seldkit.io import find_problems, read_events, write_events
from seldkit.io.editions import FORMATS, Kind

quick = settings(max_examples=20)
SEEDS = st.integers(0, 2**32 - 1)
POLAR = [name for name in FORMATS if name.startswith("dcase202")]
KINDS: tuple[Kind, Kind] = ("label", "output")


def random_events(seed: int, format: str) -> Events:
    """Return events that a file of a format can hold, in whole degrees and centimetres."""
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(1, 40))
    elevation = generator.integers(-89, 90, rows)
    events = Events.from_degrees(
        np.sort(generator.integers(0, 10, rows)),
        generator.integers(0, 3, rows),
        generator.integers(-180, 180, rows),
        elevation * (format != "dcase2025"),
        distance=generator.integers(10, 900, rows) / 100,
        num_frames=10,
        frame_s=FORMATS[format].frame_s,
    )
    if format.startswith("l3das") or format == "dcase2025" or generator.random() < 0.7:
        return events
    return replace(events, distance=None)


def official_rows(path: Path, year: int, kind: Kind) -> list[tuple[float, ...]]:
    """Read (frame, class, x, y, z, distance in metres) by the documented rules of a year.

    The number of columns decides between polar and Cartesian rows, distances of labels are
    centimetres and those of outputs metres (2023 and 2024), frames, classes and sources are
    integers, and so are the angles of an output of 2019. The first line of 2025 is skipped, and
    its distances are centimetres.
    """
    rows = []
    for line in path.read_text().splitlines()[year == 2025 :]:
        words = line.split(",")
        frame, label = int(words[0]), int(words[1])
        if year == 2025:
            place = unit_vector(float(words[3]), 0.0)
            rows.append((frame, label, *place.tolist(), float(words[4]) / 100))
            assert (int(words[2]) >= 0, int(words[5])) == (True, 0)
            continue
        if year == 2019:
            place = unit_vector(float(int(words[2])), float(int(words[3])))
            rows.append((frame, label, *place.tolist(), 0))
            continue
        int(words[2])
        width = (
            {"label": (5, 6), "output": (6,)} if year < 2023 else {"label": (5, 6), "output": (7,)}
        )
        assert len(words) in width[kind]
        if len(words) == 7 or (len(words) == 6 and year < 2023):
            place = torch.tensor([float(word) for word in words[3:6]])
        else:
            place = unit_vector(float(words[3]), float(words[4]))
        far = float(words[-1]) if year >= 2023 and len(words) > 5 else 0
        rows.append((frame, label, *place.tolist(), far / (100 if kind == "label" else 1)))
    return rows


@pytest.mark.parametrize("format", POLAR)
@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=SEEDS)
def test_the_official_reader_finds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, format: str, kind: Kind, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    events = random_events(seed, format)
    write_events(path, events, format=format, kind=kind)
    year = int(format.removeprefix("dcase"))
    found = torch.tensor(official_rows(path, year, kind), dtype=torch.float64)
    far = torch.zeros(len(events)) if year < 2023 or events.distance is None else events.distance
    wanted = torch.column_stack((events.frame, events.label, events.direction, far))
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=SEEDS)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, format: str, kind: Kind, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    events = random_events(seed, format)
    write_events(path, events, format=format, kind=kind)
    back = read_events(path, format=format, num_frames=10)
    assert torch.equal(back.frame, events.frame)
    assert torch.equal(back.label, events.label)
    torch.testing.assert_close(back.direction, events.direction, atol=1e-9, rtol=0)
    has_distance = format not in ("dcase2020", "dcase2021", "dcase2022")
    has_distance &= (format, kind) != ("dcase2019", "output") and events.distance is not None
    assert (back.distance is not None) == has_distance
    if has_distance:
        torch.testing.assert_close(back.distance, events.distance, atol=1e-9, rtol=0)
    if format.startswith("dcase202"):
        assert torch.equal(back.source, events.source)
    assert all(problem.note for problem in find_problems(path, format=format, num_frames=10))


@pytest.mark.parametrize("format", ["dcase2023", "dcase2024", "dcase2025", "dcase2019", "l3das22"])
@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=SEEDS)
def test_a_unit_that_is_told_stands_for_that_of_the_format(
    tmp_path_factory: pytest.TempPathFactory, format: str, kind: Kind, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    events = random_events(seed, format)
    write_events(path, events, format=format, kind=kind)
    back = read_events(path, format=format)
    if back.distance is None:
        return
    cm = read_events(path, format=format, distance_unit="cm").distance
    m = read_events(path, format=format, distance_unit="m").distance
    assert cm is not None
    assert m is not None
    torch.testing.assert_close(m, 100 * cm)
    assert torch.equal(back.distance, m) or torch.equal(back.distance, cm)


def test_metres_of_generators_are_read(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    path.write_text("22,11,0,36,-11,2.555\n")
    with pytest.raises(ValueError, match="line 1: distance must be in centimetres, and looks like"):
        read_events(path, format="dcase2024")
    assert len(find_problems(path, format="dcase2024")) == 1
    events = read_events(path, format="dcase2024", distance_unit="m")
    assert events == Events.from_degrees([22], [11], [36], [-11], distance=[2.555])
    assert find_problems(path, format="dcase2024", distance_unit="m") == []
    near = read_events(path, format="dcase2024", distance_unit="cm")
    assert near.distance is not None
    torch.testing.assert_close(near.distance, torch.tensor([0.02555]).double())


@pytest.mark.parametrize(
    ("format", "text", "line"),
    [
        ("dcase2023", "0,0,0,10,0,0\n1,0,0,10,0,0.0\n", 1),
        ("dcase2024", "0,0,0,1,0,0,0\n1,0,0,1,0,0,-0\n", 1),
        ("dcase2025", "frame,class,source,azimuth,distance,onscreen\n0,0,0,9,0,0\n1,0,0,9,0,1", 2),
        (
            "dcase2019",
            "sound_event_recording,start_time,end_time,ele,azi,dist\nknock,0,1,0,1,0\nknock,2,3,0,1,0",
            2,
        ),
    ],
)
@pytest.mark.parametrize("check", ["raise", "strict", "warn", "off"])
def test_distances_that_are_all_0_are_unknown(
    tmp_path: Path, format: str, text: str, line: int, check: str
) -> None:
    path = tmp_path / "clip.csv"
    path.write_text(text)
    assert read_events(path, format=format, check=check).distance is None  # type: ignore[arg-type]
    (note,) = find_problems(path, format=format)
    assert note.note
    assert note[1:3] == (line, "distances that are all 0 are read as unknown")
    assert note.num_lines == 2


def test_one_distance_of_0_among_others_is_one(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    path.write_text("0,0,0,10,0,0\n1,0,0,10,0,150\n")
    distance = read_events(path, format="dcase2023").distance
    assert distance is not None
    assert distance.tolist() == [0, 1.5]


def test_outputs_look_as_published(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0, 3], [1, 2], [90, -30.6], [0, 20.4], distance=[1.25, 2])
    wanted = {
        "dcase2019": "0,1,90,0\n3,2,-31,20\n",
        "dcase2022": "0,1,0,0,1,0\n3,2,0,0.80675799951,-0.477115350888,0.348572047322\n",
        "dcase2024": "0,1,0,0,1,0,1.25\n3,2,0,0.80675799951,-0.477115350888,0.348572047322,2\n",
    }
    for format, text in wanted.items():
        fine = replace(events, frame_s=FORMATS[format].frame_s)
        write_events(path, fine, format=format, kind="output")
        assert path.read_text() == text
    behind = Events.from_degrees([0], [1], [179.6], [0], frame_s=0.02)
    write_events(path, behind, format="dcase2019", kind="output")
    assert path.read_text() == "0,1,-180,0\n"  # 180 is clipped to 170 by the published scorer
    write_events(path, replace(events, distance=None), format="dcase2023", kind="output")
    assert path.read_text().splitlines()[0] == "0,1,0,0,1,0,0"


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("l3das22", "Start,End,Class,X,Y,Z\n0.075,0.3,Knock,0,2,0\n"),
        ("l3das23", "Start,End,Class,rho,theta,z\n0.075,0.3,Knock,2,0,0\n"),
    ],
)
def test_labels_of_l3das_are_event_lists(tmp_path: Path, format: str, text: str) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0, 1, 2], [7] * 3, [90] * 3, [0] * 3, distance=[2] * 3)
    write_events(path, events, format=format, kind="label")
    assert path.read_text() == text
    back = read_events(path, format=format)
    assert back.frame.tolist() == [0, 1, 2]
    last = replace(events, frame=events.frame + 297)
    write_events(path, last, format=format, kind="label")
    assert read_events(path, format=format).frame.tolist() == [297, 298, 299]
    with pytest.raises(ValueError, match="row 2: frame must be below num_frames=300"):
        write_events(path, replace(events, frame=events.frame + 298), format=format, kind="label")
    write_events(path, last, format=format, kind="label", frame_rule="plain")
    again = read_events(path, format=format, frame_rule="plain")
    assert again.frame.tolist() == [297, 298, 299]
