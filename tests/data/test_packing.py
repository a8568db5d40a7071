"""A clip that cannot be packed is named, or skipped and counted."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data.recordings import RATE, Recorded, knock, record
from house import ROOT
from seldkit import Events
from seldkit.data import Store, pack, read_corpus
from trees import publish


def bad_clips(folder: Path) -> dict[str, tuple[Recorded, str]]:
    """Return clips that cannot be packed beside one of four channels, and why."""
    nan = np.zeros((RATE, 4), np.float32)
    nan[5, 2] = np.nan
    soundfile.write(folder / "nan.wav", nan, RATE, subtype="FLOAT")
    cut = record(folder / "cut.wav")
    cut.audio.write_bytes(cut.audio.read_bytes()[:-1000])
    corrupt = record(folder / "corrupt.flac")
    whole = corrupt.audio.read_bytes()
    middle = len(whole) // 2
    corrupt.audio.write_bytes(whole[:middle] + bytes(4000) + whole[middle + 4000 :])
    (folder / "text.wav").write_text("no audio")
    (folder / "empty.wav").touch()
    good = record(folder / "labels.wav")
    return {
        "nan": (Recorded(folder / "nan.wav", knock()), "nan.wav must be finite"),
        "cut": (cut, "cut.wav is cut off"),
        "corrupt": (corrupt, "corrupt.flac is cut off"),
        "text": (Recorded(folder / "text.wav", knock()), "text.wav is no audio file"),
        "empty": (Recorded(folder / "empty.wav", knock()), "empty.wav"),
        "gone": (Recorded(folder / "gone.wav", knock()), "there is no file .*gone.wav"),
        "mono": (record(folder / "mono.wav", channels=1), "num_channels must be 4 .*got 1 in"),
        "rate": (
            record(folder / "rate.wav", rate=RATE * 2),
            "sample_rate must be 8000 ",
        ),
        "labels": (replace(good, labels=None), "has labels that cannot be read"),
        "many": (
            replace(record(folder / "many.wav"), labels=Events.from_degrees([0], [2], [0], [0])),
            "many.wav: labels must be of classes below 2, got 2",
        ),
        "late": (
            replace(record(folder / "late.wav", 1.05), labels=knock(11)),
            r"late.wav: labels must lie in the recording, of 1.05 s, got one in frame 11 of 0.1 s",
        ),
        "classes": (
            replace(record(folder / "classes.wav"), classes=("door",)),
            r"classes.wav: classes must be \('knock', 'voice'\) in this store, got \('door',\)",
        ),
        "none": (
            replace(record(folder / "none.wav"), labels=[]),  # type: ignore[arg-type]
            "none.wav: events.. must return Events, got list",
        ),
    }


def test_each_is_named(tmp_path: Path) -> None:
    good = record(tmp_path / "good.wav")
    for name, (clip, message) in bad_clips(tmp_path).items():
        folder = tmp_path / f"store {name}"
        with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message):
            pack([good, clip], folder)
        assert [clip.name for clip in Store(folder)] == ["good"]


def test_or_they_are_skipped_and_counted(tmp_path: Path) -> None:
    good = [record(tmp_path / f"good{n}.wav") for n in range(2)]
    bad = bad_clips(tmp_path)
    clips = [good[0], *(clip for clip, _ in bad.values()), good[1]]
    with pytest.warns(UserWarning, match=f"{len(bad)} of {len(bad) + 2} clips were skipped"):
        store = pack(clips, tmp_path / "store", errors="skip")
    assert [clip.name for clip in store] == ["good0", "good1"]
    assert list(store.skipped) == [clip.name for clip, _ in bad.values()]
    assert dict(Store(tmp_path / "store").skipped) == {}
    store.verify()


def test_the_first_that_can_be_read_says_what_a_store_holds(tmp_path: Path) -> None:
    bad = Recorded(tmp_path / "bad.wav", knock())
    with pytest.warns(UserWarning, match="1 of 2 clips were skipped; the first: .*bad.wav"):
        store = pack([bad, record(tmp_path / "good.wav")], tmp_path / "store", errors="skip")
    assert (len(store), store.num_channels) == (1, 4)
    with pytest.raises(ValueError, match=r"no clip can be read; the first: .*bad.wav"):
        pack([bad], tmp_path / "other", errors="skip")
    mono = record(tmp_path / "mono.wav", channels=1)
    with pytest.raises(ValueError, match="num_channels must be 4 in this store, got 1"):
        pack([mono], tmp_path / "third", num_channels=4)


def test_clips_without_labels_are_named_before_any_is_packed(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    corpus = read_corpus(publish(tmp_path, "starss23", labelled=False), "starss23")
    with pytest.raises(FileNotFoundError, match=r"^there are no labels for \S*eval/mix001\.wav$"):
        pack(corpus, folder)
    assert not folder.exists()
    with pytest.warns(UserWarning, match="1 of 6 clips were skipped; the first: there are no lab"):
        assert len(pack(corpus, folder, errors="skip")) == 5


@pytest.mark.messages
def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    clips = [record(tmp_path / "a.wav")]
    with pytest.raises(
        ValueError, match="dtype must be one of 'int16', 'float32', None, got 'int8'"
    ):
        pack(clips, tmp_path / "store", dtype="int8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="errors must be one of 'raise', 'skip', got 'ignore'"):
        pack(clips, tmp_path / "store", errors="ignore")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"sample_rate must be an integer, got 8000\.0"):
        pack(clips, tmp_path / "store", sample_rate=8000.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="clips must hold at least one, got none"):
        pack([], tmp_path / "store")


@pytest.mark.programs
def test_nothing_that_a_kill_or_a_full_disk_leaves_is_trusted(tmp_path: Path) -> None:
    program = ROOT / "tests" / "data" / "killed_packers.py"
    paths = os.pathsep.join([str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, program, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    outcome = json.loads(done.stdout)
    assert outcome["step"] == sorted(outcome["step"])
    assert set(outcome["step"]) == {-1, 0, 1}
    assert len(outcome["step"]) > 40
    assert set(outcome["any"]) <= {-1, 0, 1, 2, 3}
    assert outcome["both"][-1] == 3
    assert outcome["full"] == 2


def test_it_tells_of_each_clip_that_is_done(tmp_path: Path) -> None:
    clips = [record(tmp_path / f"{name}.wav") for name in ("a", "b")]
    (tmp_path / "text.wav").write_text("no audio")
    clips.append(Recorded(tmp_path / "text.wav", knock()))
    done: list[int] = []
    with pytest.warns(UserWarning, match="1 of 3 clips were skipped"):
        pack(clips, tmp_path / "store", errors="skip", progress=lambda: done.append(1))
    assert len(done) == 3
