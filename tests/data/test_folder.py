"""Recordings of one's own are found beside their labels."""

import json
import re
from pathlib import Path

import pytest
import torch

from seldkit import Events
from seldkit.data import SPLITS, read_corpus, read_folder
from seldkit.io import write_audio, write_events
from seldkit.io.classes import STARSS_CLASSES

NAMES = ("fold3_room4_mix002", "fold3_room4_mix001", "fold4_room2_mix001", "fold4_room2_mix002")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make four clips in folders; clip i has class i."""
    for label, name in enumerate(NAMES):
        part = "dev-train" if "fold3" in name else "dev-test"
        for below in ("foa_dev", "metadata_dev"):
            (tmp_path / below / part).mkdir(parents=True, exist_ok=True)
        write_audio(tmp_path / "foa_dev" / part / f"{name}.wav", torch.zeros(4, 2400), 24000)
        events = Events.from_degrees([0], [label], [90.0], [0.0])
        write_events(tmp_path / "metadata_dev" / part / f"{name}.csv", events, format="dcase2023")
    return tmp_path


def test_each_recording_has_the_labels_of_its_name(folder: Path) -> None:
    corpus = read_folder(folder / "foa_dev", folder / "metadata_dev", classes=[*"abcd"])
    assert [clip.audio.stem for clip in corpus] == sorted(NAMES)
    assert [NAMES[int(clip.events().label)] for clip in corpus] == sorted(NAMES)
    assert corpus.classes == corpus[0].classes == ("a", "b", "c", "d")
    assert read_folder(str(folder))[0].audio == corpus[0].audio  # one folder for both


def test_folds_divide_the_clips(folder: Path) -> None:
    corpus = read_folder(folder, split=SPLITS["starss23"]["development"])
    assert corpus.folds == (3, 4)
    assert [*corpus.train, *corpus.test] == [*corpus]
    assert len(corpus.train) == len(corpus.test) == 2


def test_other_names_have_no_fold(folder: Path) -> None:
    for path in [*folder.rglob("*.*")]:
        path.rename(path.with_name(f"my_{path.name}"))
    corpus = read_folder(folder)
    assert {(clip.fold, clip.room) for clip in corpus} == {(None, None)}
    assert repr(corpus) == f"Corpus('{folder.name}', 4 clips)"
    with pytest.raises(ValueError, match="has no clips of fold 3: no name tells a fold"):
        corpus.in_folds(3)


def test_event_lists_have_names_of_ones_own(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", torch.zeros(4, 2400), 24000)
    (tmp_path / "a.csv").write_text(
        "sound_event_recording,start_time,end_time,ele,azi,dist\nowl,0,0.05,0,90,1\n"
    )
    (clip,) = read_folder(tmp_path, format="dcase2019", classes=("wolf", "owl"))
    assert clip.events().label.unique().tolist() == [1]
    assert read_folder(tmp_path, format="dcase2019").classes[0] == "knock"  # as published
    assert read_folder(tmp_path).classes == ()


def manifest(folder: Path, classes: object, fold: str = "") -> None:
    text = json.dumps({"settings": {"classes": classes}})
    (folder / f"manifest{fold}.json").write_text(text)


def test_made_scenes_tell_their_classes(folder: Path) -> None:
    manifest(folder, ["a", "b", "c", "d"], "_fold1")
    parts = folder / "foa_dev", folder / "metadata_dev"
    assert read_folder(folder).classes == read_folder(*parts).classes == ("a", "b", "c", "d")
    assert read_folder(folder, classes="wxyz".split()).classes == ("wxyz",)
    manifest(folder, ["a", "b", "c", "d"], "_fold2")
    assert read_folder(*parts).classes == ("a", "b", "c", "d")
    manifest(folder, ["d", "c"], "_fold2")
    with pytest.raises(ValueError, match=r"same classes, got a, b, c, d by .*1\.json and d, c by"):
        read_folder(folder)
    for other in ("[]", "{", "{}", '{"settings": []}', '{"settings": {"classes": [1]}}'):
        for path in folder.glob("*.json"):
            path.write_text(other)
        assert read_folder(folder).classes == ()


def test_made_scenes_of_other_classes_are_no_published_corpus(folder: Path) -> None:
    manifest(folder, ["a", "b", "c", "d"], "_fold1")
    with pytest.raises(ValueError, match=r"must have the classes of starss23, female_.*got a, b, "):
        read_corpus(folder, "starss23")
    manifest(folder, list(STARSS_CLASSES), "_fold1")
    (folder / "foa_dev" / "manifest.json").write_text("that of something else")
    assert read_corpus(folder, "starss23").classes == STARSS_CLASSES


def test_labels_alone_and_hidden_files_are_left_out(folder: Path) -> None:
    next(folder.rglob("fold3*1.wav")).unlink()
    (folder / "foa_dev" / "._fold3_room4_mix002.wav").write_bytes(b"x")
    assert len(read_folder(folder)) == 3


def test_what_does_not_belong_together_is_named(folder: Path) -> None:
    audio, labels = folder / "foa_dev", folder / "metadata_dev"
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        read_folder(folder / "nowhere", labels)
    with pytest.raises(ValueError, match=r"there are no recordings in .*metadata_dev"):
        read_folder(labels)
    table = next(labels.rglob("fold3*1.csv"))
    table.unlink()
    with pytest.raises(FileNotFoundError, match=rf"there are no labels .*{re.escape(table.stem)}"):
        read_folder(audio, labels)
    write_audio(audio / f"{NAMES[0]}.flac", torch.zeros(4, 2400), 24000)
    with pytest.raises(ValueError, match=r"names must differ, got .*002.wav and .*002.flac"):
        read_folder(audio, labels)


@pytest.mark.messages
def test_unknown_words_list_the_known_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"format must be one of 'dcase2019', .*, got 'dcase'"):
        read_folder(folder, format="dcase")
    with pytest.raises(ValueError, match=r"check must be one of 'raise', .*, got 'no'"):
        read_folder(folder, check="no")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="classes must be a sequence of names, got 'dog'"):
        read_folder(folder, classes="dog")
