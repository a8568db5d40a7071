"""Label tracks hold what the sentences say, where Audacity expects it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit import Events
from seldkit.events import Row
from seldkit.io import read_label_track, write_label_track

NAMES = ["Alarm", "Baby cry, infant cry", "10 degrees", "class 0"]
SOUNDS = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.integers(1, 9),
        st.integers(0, 3),
        st.integers(-179, 180),
        st.sampled_from([-90, -30, -10, 0, 10, 45]),
        st.integers(1, 99),
    ),
    max_size=8,
)


def test_lines_are_start_end_and_text(tmp_path: Path) -> None:
    events = Events.from_degrees([0, 1, 5], [0, 0, 1], [90, 90, 0], [0, 0, 0], frame_s=0.02)
    write_label_track(tmp_path / "a.txt", events, classes=["Tür", "bell"])
    assert (tmp_path / "a.txt").read_bytes().decode("utf-8") == (
        "0.000000\t0.040000\tTür, 90 degrees\n0.100000\t0.120000\tbell, 0 degrees\n"
    )
    write_label_track(tmp_path / "a.txt", Events.from_degrees([], [], [], []))
    assert (tmp_path / "a.txt").read_text() == ""
    with pytest.raises(FileNotFoundError):
        write_label_track(tmp_path / "gone" / "a.txt", events)


def read(text: str, **arguments: Any) -> Events:
    """Return the events of a label track."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_text(text)
        return read_label_track(path, **arguments)


def again(events: Events, classes: list[str] | None = None) -> Events:
    """Return events written and read."""
    with TemporaryDirectory() as folder:
        write_label_track(Path(folder) / "a.txt", events, classes=classes)
        return read_label_track(
            Path(folder) / "a.txt",
            classes=classes,
            frame_s=events.frame_s,
            num_frames=events.num_frames,
        )


@settings(max_examples=30)
@given(SOUNDS, st.booleans(), st.booleans(), st.sampled_from([0.02, 0.1, 0.25]))
def test_sounds_that_stay_are_read_as_they_were_written(
    sounds: list[tuple[int, int, int, int, int, int]], named: bool, far: bool, frame_s: float
) -> None:
    rows = [
        (start + n, label, azimuth, elevation, source, decimetres / 10)
        for source, (start, length, label, azimuth, elevation, decimetres) in enumerate(sounds)
        for n in range(length)
    ]
    columns = [list(column) for column in zip(*sorted(rows), strict=True)] or [[]] * 6
    events = Events.from_degrees(
        *columns[:4],
        source=columns[4],
        distance=columns[5] if far and rows else None,
        num_frames=80,
        frame_s=frame_s,
    )
    found = again(events, NAMES if named else None)
    assert sorted(map(told, found)) == sorted(map(told, events))
    assert (found.num_frames, found.frame_s) == (80, frame_s)
    assert found.frame.diff().ge(0).all()
    assert len(found.spans()) == len(events.spans()) == len(sounds), "no two become one"
    assert again(found, NAMES if named else None) == found


def told(row: Row) -> tuple[Any, ...]:
    """Return what a label track holds of a row."""
    azimuth = 0 if abs(row.elevation_deg) > 89.9 else round(row.azimuth_deg) % 360
    return row.frame, row.label, azimuth, round(row.elevation_deg), row.distance


def test_a_sound_that_moves_goes_from_its_first_place_to_its_last() -> None:
    azimuth = [float(a) for a in range(150, 191, 5)]
    events = Events.from_degrees([*range(3, 12)], [0] * 9, azimuth, [12.0] * 9)
    found = again(events)
    assert (found.azimuth_deg - events.azimuth_deg).abs().max() < 1e-6
    assert (found.elevation_deg - 12).abs().max() < 1e-6


def test_labels_made_by_hand() -> None:
    events = read(
        "\ufeff0.04\t0.16\tdog, 45.5 degrees, 5 down\r\n"
        "\\\t100.000000\t2000.000000\n"
        "\n"
        "0.98\t0.98\tdog, 270 degrees\n"
        "0.18\t0.22\tdog, -45 degrees\n",
        classes=["cat", "dog"],
    )
    assert events.frame.tolist() == [0, 1, 2, 9]
    assert events.azimuth_deg.round(decimals=6).tolist() == [45.5, 45.5, -45, -90]
    assert events.elevation_deg.round(decimals=6).tolist() == [-5, -5, 0, 0]
    assert events.source.tolist() == [0, 0, 1, 0], "what touches is another source"
    assert (events.distance, events.num_frames, events.frame_s) == (None, None, 0.1)
    assert len(read("", num_frames=5)) == 0


@pytest.mark.messages
@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("0\t1\tAlarm\n", {}, r"a\.txt, line 1: a label must be a start, an end and what sounds"),
        ("0\tAlarm, 3 degrees\n", {}, "line 1: a label must be a start, an end"),
        ("0\t-1\tclass 0, 3 degrees\n", {}, "line 1: a label must be a start, an end"),
        ("\n1\t0.5\tclass 0, 3 degrees\n", {}, "line 2: a label must end no sooner than it starts"),
        ("0\t1000000\tclass 0, 3 degrees\n", {}, "and within a day"),
        ("0\t1\tAlarm, 3 degrees\n", {}, "line 1: a class must be 'class NUMBER', got"),
        ("0\t1\tBell, 3 degrees\n", {"classes": ["a", "b"]}, "a class must be one of a, b, got"),
        (
            "0\t1\tclass 0, 3 degrees, 2 m\n0\t1\tclass 0, 3 degrees\n",
            {},
            "line 2: all labels must tell a distance, or none",
        ),
        ("0\t1\tclass 0, 3 degrees, 95 up\n", {}, r"a\.txt: elevation"),
        ("0\t1\tclass 0, 3 degrees\n", {"num_frames": 9}, r"a\.txt: .*num_frames"),
    ],
)
def test_what_is_no_label(text: str, arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(text, **arguments)


@pytest.mark.messages
def test_other_messages(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="classes must be a list of names, got the text 'bell'"):
        read("", classes="bell")
    with pytest.raises(ValueError, match="frame_s must be positive, got 0"):
        read("", frame_s=0)
    with pytest.raises(FileNotFoundError):
        read_label_track(tmp_path / "gone.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"a\.txt must be a text file in UTF-8"):
        read_label_track(tmp_path / "a.txt")
    events = Events.from_degrees([0], [0], [0.0], [0.0])
    with pytest.raises(ValueError, match="classes must have names of printable characters"):
        write_label_track(tmp_path / "b.txt", events, classes=["x\ny"])
