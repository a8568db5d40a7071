"""A file is the old one or the new one, and drafts do not stay."""

import os
import time
from pathlib import Path

import pytest

from seldkit._files import ABANDONED_S, replacing, sweep, version


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as draft:
        draft.write_text("new")
        assert (draft.name, draft.suffix) == ("a.txt", ".txt")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="half-way"), replacing(path) as draft:  # noqa: PT012
        draft.write_text("ne")
        raise RuntimeError("half-way")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_writers_the_first_stays_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path, overwrite=False) as one, replacing(path, overwrite=False) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "other"  # which was ready first
    assert list(tmp_path.iterdir()) == [path]


def test_only_drafts_that_nobody_writes_are_swept(tmp_path: Path) -> None:
    for name, age in (("old", ABANDONED_S + 60), ("new", 0.0)):
        draft = tmp_path / f".{name}.draft" / "a.txt"
        draft.parent.mkdir()
        draft.write_text("half")
        for each in (draft, draft.parent):
            os.utime(each, (time.time() - age,) * 2)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".new.draft"]


def test_the_version_is_that_of_the_project() -> None:
    assert version()[0].isdigit()
