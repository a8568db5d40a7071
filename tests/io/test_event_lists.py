"""Event lists of 2019: which frames an event covers, and rows that come back from a list."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events
from seldkit.io import read_events, write_events

HEADER = "sound_event_recording,start_time,end_time,ele,azi,dist\n"


def read(path: Path, lines: str, **options: object) -> Events:
    path.write_text(HEADER + lines)
    return read_events(path, format="dcase2019", **options)  # type: ignore[arg-type]


def test_an_event_covers_the_frames_from_its_start_to_behind_its_end(tmp_path: Path) -> None:
    lines = "cough,0.05,0.09,-10,40,2\nknock,0.03,0.04,20,-170,1\n"
    events = read(tmp_path / "clip.csv", lines, num_frames=3000)
    assert events == Events.from_degrees(
        [1, 2, 2, 3, 4, 5],
        [0, 8, 0, 8, 8, 8],
        [-170, 40, -170, 40, 40, 40],
        [20, -10, 20, -10, -10, -10],
        source=[1, 0, 1, 0, 0, 0],
        distance=[1, 2, 1, 2, 2, 2],
        num_frames=3000,
        frame_s=0.02,
    )


@pytest.mark.parametrize(
    ("start", "end", "options", "frames"),
    [
        ("0.36645229108", "1.33445229108", {}, list(range(18, 68))),
        ("0.3", "0.7", {"frame_s": 0.1}, [3, 4, 5, 6, 7]),  # 0.3 / 0.1 < 3 and 0.7 / 0.1 < 7
        ("0.58", "0.6", {}, [28, 29, 30]),  # as published: 50 * 0.58 < 29
        ("0.6", "0.9", {"frame_s": 0.3}, [2, 3]),
        ("1.10", "1.14", {}, [55, 56, 57]),
        ("59.99", "60", {}, [2999]),
        ("59.98", "60.01", {}, [2999, 3000, 3001]),
        ("59.99", "60", {"num_frames": 3000}, [2999]),
        ("59.99", "60", {"num_frames": 5000}, [2999, 3000]),
        ("59.95", "60", {"frame_s": 0.1}, [599]),
        ("0.299", "0.701", {"frame_s": 0.1}, [2, 3, 4, 5, 6, 7, 8]),
        ("0.26", "0.34", {"frame_s": 0.1, "frame_rule": "plain"}, []),
        ("0.24", "0.36", {"frame_s": 0.1, "frame_rule": "plain"}, [2, 3]),
        ("0.2", "0.2", {"frame_s": 0.1}, [2]),
        ("0.21", "0.21", {"frame_s": 0.1}, [2, 3]),
        ("0.9", "2.0", {"frame_s": 0.1, "num_frames": 10}, [9]),
        ("0.9", "2.0", {"frame_s": 0.1, "num_frames": 10, "frame_rule": "plain"}, [9]),
    ],
)
def test_times_fall_into_frames(
    tmp_path: Path, start: str, end: str, options: dict[str, object], frames: list[int]
) -> None:
    assert (
        read(tmp_path / "clip.csv", f"cough,{start},{end},0,0,1", **options).frame.tolist()
        == frames
    )


@pytest.mark.parametrize(
    ("frame_s", "frame_rule"),
    [(0.02, "published"), (0.02, "plain"), (0.1, "plain"), (1 / 3, "plain")],
)
def test_written_times_mean_their_frames(tmp_path: Path, frame_s: float, frame_rule: str) -> None:
    path = tmp_path / "clip.csv"
    frame = torch.arange(0, 30001, 7)
    events = Events.from_degrees(frame, frame * 0, frame * 0, frame * 0, frame_s=frame_s)
    write_events(path, events, format="dcase2019", frame_rule=frame_rule)  # type: ignore[arg-type]
    back = read_events(path, format="dcase2019", frame_s=frame_s, frame_rule=frame_rule)  # type: ignore[arg-type]
    assert torch.equal(back.frame, frame)
    assert back.frame_s == frame_s


@pytest.mark.parametrize("format", ["dcase2019", "l3das22"])
def test_a_plain_list_holds_times_and_not_frames(tmp_path: Path, format: str) -> None:
    path = tmp_path / "clip.csv"
    coarse = Events.from_degrees([0, 1, 7], [1, 1, 3], [10, 10, 20], [0] * 3, distance=[1, 1, 2])
    for events in (coarse, coarse.at(0.02), coarse.at(0.05)):
        write_events(path, events, format=format, kind="label", frame_rule="plain")
        back = read_events(path, format=format, frame_s=0.02, frame_rule="plain")
        assert torch.equal(back.frame, coarse.at(0.02).frame)
        assert torch.equal(back.label, coarse.at(0.02).label)


@pytest.mark.parametrize(
    ("format", "kind", "frame_s", "wanted"),
    [
        ("dcase2023", "label", 0.02, "0.1"),
        ("dcase2023", "output", 0.05, "0.1"),
        ("dcase2019", "label", 0.1, "0.02"),
        ("dcase2019", "output", 0.1, "0.02"),
        ("l3das22", "label", 0.02, "0.1"),
    ],
)
def test_frames_of_another_length_are_not_written(
    tmp_path: Path, format: str, kind: str, frame_s: float, wanted: str
) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0], [0], [10], [5], distance=[1], frame_s=frame_s)
    with pytest.raises(ValueError, match=rf"of {wanted} s, got {frame_s} s: .*at\({wanted}\)"):
        write_events(path, events, format=format, kind=kind)  # type: ignore[arg-type]
    assert not path.exists()
    write_events(path, events.at(float(wanted)), format=format, kind=kind)  # type: ignore[arg-type]
    assert read_events(path, format=format).frame_s == float(wanted)


def test_headers_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    wanted = Events.from_degrees([0], [8], [40], [-10], distance=[2], frame_s=0.02)
    assert read(path, "cough,0,0,-10,40,2") == wanted
    path.write_text(
        "azi,ele,Dist,file, sound_event_recording ,start_time,end_time\n40,-10,2,a b, cough,0,0"
    )
    assert read_events(path, format="dcase2019") == wanted
    path.write_text("sound_event_recording,start_time,end_time,ele,azi\ncough,0,0,-10,40")
    assert read_events(path, format="dcase2019") == replace(wanted, distance=None)


def test_a_header_may_be_shorter_than_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    path.write_text("sound_event_recording,start_time,end_time,ele,azi\ncough,0,0,-10,40,2")
    assert read_events(path, format="dcase2019").distance.tolist() == [2]  # type: ignore[union-attr]
    path.write_text("sound_event_recording,start_time,end_time,azi,ele\ncough,0,0,-10,40,2")
    with pytest.raises(ValueError, match="line 2: a row must have 5 columns like the first"):
        read_events(path, format="dcase2019")


def test_classes_have_the_names_that_are_given(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = read(path, "sea,0,0,0,0,1\ndog,0,0,0,9,1", classes=("dog", "sea"))
    assert events.label.tolist() == [1, 0]
    write_events(path, events, format="dcase2019", classes=["a", "b"])
    assert path.read_text() == HEADER + "b,0,0,0,0,1\na,0,0,0,9,1\n"
    with pytest.raises(ValueError, match=r"row 0: class must be below 1, the number of names"):
        write_events(path, events, format="dcase2019", classes=["a"])


def test_a_run_of_frames_is_one_event(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees(
        [3, 4, 4, 5, 5, 7, 8, 8],
        [0, 2, 0, 2, 0, 0, 0, 1],
        [10, 0, 10, 0, 10, 10, 20, 0],
        [5, 0, 5, 0, 5, 5, 5, 0],
        source=[0] * 8,
        distance=[1] * 8,
        frame_s=0.02,
    )
    write_events(path, events, format="dcase2019")
    assert path.read_text() == HEADER + (
        "clearthroat,0.08,0.1,0,0,1\n"
        "knock,0.06,0.1,5,10,1\n"
        "knock,0.14,0.139999999,5,10,1\n"  # 50 * 0.14 is above 7
        "knock,0.16,0.16,5,20,1\n"
        "drawer,0.16,0.16,0,0,1\n"
    )
    back = read_events(path, format="dcase2019")
    assert replace(back, source=events.source) == events
    assert back.source.tolist() == [1, 0, 1, 0, 1, 2, 3, 4]


def test_runs_are_cut_where_rows_change_their_order(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees([0, 0, 1, 1], [0, 1, 1, 0], [0] * 4, [0] * 4, frame_s=0.02)
    write_events(path, events, format="dcase2019")
    assert len(path.read_text().splitlines()) == 1 + 3
    assert replace(read_events(path, format="dcase2019"), source=events.source) == events


def test_rows_are_sorted_when_they_are_written_unchecked(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    columns = ([3, 2, 3], [0, 1, 2], [0] * 3, [0] * 3)
    events = Events.from_degrees(*columns, source=[-1] * 3, frame_s=0.02)
    with pytest.raises(ValueError, match=r"clip.csv, row 1: rows must be sorted by frame"):
        write_events(path, events, format="dcase2019")
    write_events(path, events, format="dcase2019", check="off")
    assert read_events(path, format="dcase2019").label.tolist() == [1, 0, 2]


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_come_back_in_their_order(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = tmp_path_factory.getbasetemp() / "list.csv"
    generator = np.random.default_rng(seed)
    rows, frames, places = generator.integers((0, 1, 1), (60, 20, 4))
    azimuth, elevation = generator.uniform((-180, -90), (180, 90), (places, 2)).T
    place = generator.integers(0, places, rows)
    events = Events.from_degrees(
        np.sort(generator.integers(0, frames, rows)),
        generator.integers(0, 3, rows),
        azimuth[place],
        elevation[place],
        source=generator.integers(-1, 2, rows),
        distance=generator.uniform(0.1, 9, places)[place] if generator.random() < 0.5 else None,
        num_frames=int(frames),
        frame_s=0.02,
    )
    write_events(path, events, format="dcase2019")
    back = read_events(path, format="dcase2019", num_frames=int(frames))
    assert torch.equal(back.frame, events.frame)
    assert torch.equal(back.label, events.label)
    torch.testing.assert_close(back.direction, events.direction, atol=5e-11, rtol=0)
    if events.distance is not None and rows:
        torch.testing.assert_close(back.distance, events.distance, atol=1e-12, rtol=0)


def test_published_labels_come_back_from_a_list(
    tmp_path: Path, data: Callable[[str], Path]
) -> None:
    path, names = tmp_path / "clip.csv", [f"class {number}" for number in range(13)]
    lines = rows = 0
    for file in sorted(data("starss22_metadata").glob("*/*.csv"))[::5]:
        events = read_events(file, format="dcase2022")
        fine = replace(events, frame_s=0.02)
        write_events(path, fine, format="dcase2019", classes=names)
        back = read_events(path, format="dcase2019", classes=names)
        assert replace(back, source=events.source) == fine
        options = {"classes": names, "frame_rule": "plain"}
        write_events(path, events, format="dcase2019", **options)  # type: ignore[arg-type]
        back = read_events(path, format="dcase2019", frame_s=0.1, **options)  # type: ignore[arg-type]
        assert replace(back, source=events.source) == events
        lines += len(path.read_text().splitlines()) - 1
        rows += len(events)
    assert lines < rows / 3


def test_reference_frames_are_the_published_ones(
    tmp_path: Path, golden: Callable[[str], Path]
) -> None:
    lines = golden("dcase/dcase2019_ref.csv").read_text().splitlines()[1:]
    expected = np.load(golden("dcase/dcase2019_expected.npz"))
    for clip in range(len(expected["per_clip"])):
        rows = [line.split(",", 1)[1] for line in lines if line.split(",", 1)[0] == str(clip)]
        for options in ({}, {"num_frames": 3000}):
            events = read(tmp_path / "clip.csv", "\n".join(rows), **options)
            active = torch.zeros(3000, 11, dtype=torch.bool)
            active[events.frame, events.label] = True  # a class counts once in a frame
            assert active.sum(dim=1).tolist() == expected[f"frames_{clip}"].tolist()


def test_sounds_of_one_class_that_follow_each_other_share_a_frame(tmp_path: Path) -> None:
    events = read(tmp_path / "clip.csv", "cough,0,0.05,0,10,1\ncough,0.06,0.09,0,20,1\n")
    assert events.frame.tolist() == [0, 1, 2, 3, 3, 4, 5]
    assert events.source.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_times_of_any_frame_mean_it(tmp_path: Path) -> None:
    frame = torch.arange(0, 5000)
    events = Events.from_degrees(frame, frame % 11, frame % 7, frame * 0, frame_s=0.02)
    path = tmp_path / "clip.csv"
    write_events(path, events, format="dcase2019")
    for line, wanted in zip(path.read_text().splitlines()[1:], frame.tolist(), strict=True):
        start, end = map(float, line.split(",")[1:3])
        assert (np.floor(start * 50), np.ceil(end * 50)) == (wanted, wanted)


@pytest.mark.messages
def test_what_an_event_list_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    events = Events.from_degrees([2999, 3000], [1, 1], [0, 0], [0, 0], frame_s=0.02)
    with pytest.raises(ValueError, match="the last frame must not be 3000, just behind a"):
        write_events(path, events, format="dcase2019")
    for names in (["a", "Baby cry, infant cry"], ["a", "b\nc"], ["a", " b"], ["a", ""]):
        with pytest.raises(ValueError, match="classes must have names "):
            write_events(path, events, format="dcase2019", classes=names)
    assert not path.exists()
    later = Events.from_degrees([3000, 3001], [1, 1], [0, 0], [0, 0], frame_s=0.02)
    write_events(path, later, format="dcase2019")
    assert read_events(path, format="dcase2019").frame.tolist() == [3000, 3001]
