"""Label tracks hold what the sentences say, where Audacity expects it."""

from pathlib import Path

import pytest

from seldkit import Events
from seldkit.io import write_label_track


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
