"""A kill at any moment leaves the old file or the new one, and drafts are no files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from house import ROOT
from seldkit._files import result
from seldkit.cli.files import find_files
from seldkit.data.folder import files_below
from seldkit.io import write_audio
from seldkit.synth.recordings import recordings_below


@pytest.mark.programs
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "killed_files.py"), str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    counts = json.loads(done.stdout)
    assert len(counts) == 12
    assert min(counts.values()) >= 8


def test_what_a_killed_writer_left_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".x7.draft").mkdir()
    for folder in (tmp_path, tmp_path / ".x7.draft"):
        write_audio(folder / "a.wav", torch.zeros(1, 9), 8000)
        (folder / "a.csv").write_text("0,0,0,0,0\n")
    whole = [tmp_path / "a.wav"]
    assert recordings_below(tmp_path) == whole
    assert [path for path in files_below(tmp_path) if path.suffix == ".wav"] == whole
    assert find_files(tmp_path) == [tmp_path / "a.csv"]


def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    link, there = tmp_path / "a.flac", tmp_path / "store" / "1234"
    link.symlink_to(there)
    for _ in range(2):
        write_audio(link, torch.zeros(1, 9), 8000)
        assert link.is_symlink()
        assert there.read_bytes()[:4] == b"fLaC"
    assert len(list(tmp_path.iterdir())) == 2
    read, write = os.pipe()
    with result(Path(f"/dev/fd/{write}")) as place:
        place.write_text("whole")
    assert os.read(read, 99) == b"whole"


@pytest.mark.messages
def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match=r"there is no folder .*none to write a\.csv in"),
        result(tmp_path / "none" / "a.csv"),
    ):
        pass
