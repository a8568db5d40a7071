"""Recordings are found beside their labels."""

import re
from pathlib import Path

import pytest
import torch

from seldkit import Events
from seldkit.data import SPLITS, labelled_clips
from seldkit.io import write_audio, write_events

NAMES = ("fold3_room4_mix002", "fold3_room4_mix001", "fold4_room2_mix001", "fold4_room2_mix002")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Make a corpus of four clips, with folders as STARSS has them; clip i has class i."""
    for label, name in enumerate(NAMES):
        part = "dev-train" if "fold3" in name else "dev-test"
        for folder in ("foa_dev", "metadata_dev"):
            (tmp_path / folder / part).mkdir(parents=True, exist_ok=True)
        write_audio(tmp_path / "foa_dev" / part / f"{name}.wav", torch.zeros(4, 2400), 24000)
        events = Events.from_degrees([0], [label], [90.0], [0.0])
        write_events(tmp_path / "metadata_dev" / part / f"{name}.csv", events, format="dcase2023")
    return tmp_path


def test_each_recording_has_the_labels_of_its_name(corpus: Path) -> None:
    clips = labelled_clips(corpus / "foa_dev", corpus / "metadata_dev")
    assert [path.stem for path, _ in clips] == sorted(NAMES)
    assert [NAMES[int(events.label[0])] for _, events in clips] == sorted(NAMES)
    assert labelled_clips(str(corpus), str(corpus))[0][0] == clips[0][0]


def test_folds_divide_the_clips(corpus: Path) -> None:
    split = SPLITS["starss"]["development"]
    parts = [
        [path for path, _ in labelled_clips(corpus, corpus, folds=folds)]
        for folds in (split.train, split.test, None)
    ]
    assert parts[0] + parts[1] == parts[2]
    assert len(parts[0]) == len(parts[1]) == 2


def test_labels_alone_and_hidden_files_are_left_out(corpus: Path) -> None:
    next(corpus.rglob("fold3*1.wav")).unlink()
    (corpus / "foa_dev" / "._fold3_room4_mix002.wav").write_bytes(b"x")
    assert len(labelled_clips(corpus / "foa_dev", corpus / "metadata_dev")) == 3


def test_what_does_not_belong_together_is_named(corpus: Path) -> None:
    audio, labels = corpus / "foa_dev", corpus / "metadata_dev"
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        labelled_clips(corpus / "nowhere", labels)
    with pytest.raises(ValueError, match=r"there are no recordings in .*metadata_dev"):
        labelled_clips(labels, labels)
    with pytest.raises(ValueError, match=r"folds must have recordings in .*, got \[1, 7\]"):
        labelled_clips(audio, labels, folds=(3, 7, 1))
    with pytest.raises(ValueError, match="there are no recordings"):
        labelled_clips(audio, labels, folds=())
    table = next(labels.rglob("fold3*1.csv"))
    table.unlink()
    with pytest.raises(FileNotFoundError, match=rf"there are no labels .*{re.escape(table.stem)}"):
        labelled_clips(audio, labels)
    write_audio(audio / f"{NAMES[0]}.flac", torch.zeros(4, 2400), 24000)
    with pytest.raises(ValueError, match=r"names must differ, got .*002.wav and .*002.flac"):
        labelled_clips(audio, labels)


@pytest.mark.messages
def test_folds_are_integers(corpus: Path) -> None:
    with pytest.raises(TypeError, match="folds must be an integer, got '3'"):
        labelled_clips(corpus, corpus, folds=["3"])  # type: ignore[list-item]
