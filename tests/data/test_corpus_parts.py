"""A corpus is a sequence of clips, of which parts are taken, and which is checked as a whole."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit import Events
from seldkit.data import (
    SPLITS,
    TAU2019_TO_STARSS,
    Clip,
    Corpus,
    Split,
    check_audio,
    check_labels,
    project,
    read_corpus,
    read_folder,
)
from seldkit.data.splits import Fold
from seldkit.io import write_audio
from trees import publish


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Return eight sound clips of half a second, of which each has events up to its end."""
    for number in range(8):
        write_audio(tmp_path / f"fold{number}_a.wav", torch.full((4, 12000), 0.1), 24000)
        (tmp_path / f"fold{number}_a.csv").write_text("0,0,0,0,0\n4,1,0,90,0\n")
    return read_folder(tmp_path, classes=("owl", "wolf"))


def test_slices_and_parts_are_corpora(corpus: Corpus) -> None:
    assert [clip.name for clip in corpus[1:6:2]] == ["fold1_a", "fold3_a", "fold5_a"]
    assert corpus[-1].name == "fold7_a"
    assert [clip.fold for clip in corpus.in_folds(6, 2)] == [2, 6]
    kept = corpus.select(lambda clip: clip.fold != 2)
    assert len(kept) == 7
    for part in (corpus[:3], kept, corpus.in_folds(1)):
        assert isinstance(part, Corpus)
        assert part.classes == corpus.classes
    assert corpus[2] in corpus
    assert corpus == read_folder(corpus[0].audio.parent, classes=("owl", "wolf"))
    with pytest.raises(IndexError):
        _ = corpus[8]
    with pytest.raises(ValueError, match="folds must be at least one, got none"):
        corpus.in_folds()
    with pytest.raises(ValueError, match="has no clips of fold '2': there are folds 0, 1, 2, 3"):
        corpus.in_folds("2")


def test_parts_follow_the_split(corpus: Corpus) -> None:
    folder = corpus[0].audio.parent
    split = Split(train=(0, 1), validation=(), test=(9,))
    divided = read_folder(folder, split=split)
    assert len(divided.train) == 2
    with pytest.raises(ValueError, match="has no folds for validation: select them from train"):
        _ = divided.validation
    with pytest.raises(ValueError, match="has no clips of fold 9: there are folds 0, 1, 2, 3"):
        _ = divided.test
    with pytest.raises(ValueError, match=r"split must be given to have a part of .*, got None"):
        _ = corpus.test


@given(
    folds=st.lists(st.sampled_from((*range(7), "eval", "train", "dev", "test")), max_size=12),
    split=st.sampled_from([split for splits in SPLITS.values() for split in splits.values()]),
)
def test_a_clip_is_in_the_part_of_its_fold_alone(folds: list[Fold], split: Split) -> None:
    clips = [Clip(f"clip{i:02}", Path("a.wav"), fold=fold) for i, fold in enumerate(folds)]
    corpus = Corpus("any", clips, split=split)
    for part, wanted in split._asdict().items():
        if wanted and set(wanted) <= set(folds):
            found = [clip.name for clip in getattr(corpus, part)]
            assert found == [clip.name for clip in clips if clip.fold in wanted]
        else:
            with pytest.raises(ValueError, match=r"has no (folds|clips)"):
                getattr(corpus, part)
    assert not {*split.train} & {*split.validation, *split.test}
    assert split.validation == split.test or not {*split.validation} & {*split.test}


def quarter(events: Events) -> Events:
    """Return events in frames of 50 ms."""
    return events.at(0.05)


def test_events_may_change_on_the_way(corpus: Corpus) -> None:
    changed = corpus.map_events(quarter).map_events(quarter)
    assert changed[0].events() == corpus[0].events().at(0.05)
    assert pickle.loads(pickle.dumps(changed))[3].events() == changed[3].events()
    assert changed.verify().skipped == {}


def test_a_projected_corpus_has_the_classes_of_the_other(tmp_path: Path) -> None:
    corpus = read_corpus(publish(tmp_path, "tau2019"), "tau2019")
    projected = corpus.map_events(
        lambda events: project(events, TAU2019_TO_STARSS).events, classes=TAU2019_TO_STARSS.onto
    )
    assert projected.classes == projected[0].classes == TAU2019_TO_STARSS.onto
    assert len(corpus[0].events()) > len(projected[0].events()) == 0  # a drawer


def spoil(corpus: Corpus) -> dict[str, str]:
    """Spoil all clips but the first two and the last; return what each error must say."""
    mono, other_rate, hole, cut, empty = (clip.audio for clip in corpus[2:7])
    write_audio(mono, torch.full((1, 12000), 0.1), 24000)
    write_audio(other_rate, torch.full((4, 24000), 0.1), 48000)
    samples = np.full((12000, 4), 0.1, dtype=np.float32)
    samples[9000, 2] = np.nan
    soundfile.write(hole, samples, 24000, subtype="FLOAT")
    cut.write_bytes(cut.read_bytes()[:40000])
    empty.write_text("no audio")
    return {
        "fold2_a": "must have 4 channels, got 1",
        "fold3_a": "must have a rate of 24000 Hz, got 48000",
        "fold4_a": "must be finite",
        "fold5_a": "is cut off",
        "fold6_a": "is no audio file",
    }


def test_bad_recordings_are_named_or_skipped_and_counted(corpus: Corpus) -> None:
    assert corpus.verify() == corpus
    told = spoil(corpus)
    with pytest.raises(ValueError, match=r"^of 8 clips, 5 are bad:\n") as caught:
        corpus.verify()
    lines = str(caught.value).splitlines()[1:]
    for (name, message), line in zip(told.items(), lines, strict=True):
        assert line.startswith(f"  {name}: ")
        assert message in line
        assert str(corpus[0].audio.parent / f"{name}.wav") in line
    left = corpus.verify(errors="skip")
    assert [clip.name for clip in left] == ["fold0_a", "fold1_a", "fold7_a"]
    assert list(left.skipped) == list(told)
    assert "3 clips of folds 0, 1, 7, 5 skipped" in repr(left)
    assert left.verify() == left


def test_bad_labels_are_named_or_skipped_and_counted(corpus: Corpus) -> None:
    texts = ("0,2,0,0,0\n", "5,0,0,0,0\n", "0,0,left\n", "", None)
    for clip, text in zip(corpus, texts, strict=False):
        assert clip.labels is not None
        clip.labels.unlink() if text is None else clip.labels.write_text(text)
    left = corpus.verify(errors="skip")
    assert [clip.name for clip in left] == ["fold3_a", "fold5_a", "fold6_a", "fold7_a"]
    for name, message in {
        "fold0_a": "fold0_a.csv: labels must be of classes below 2, got 2",
        "fold1_a": "labels must lie in the recording, of 0.5 s, got one in frame 5 of 0.1 s",
        "fold2_a": "fold2_a.csv",
        "fold4_a": "No such file .*fold4_a.csv",
    }.items():
        with pytest.raises(ValueError, match=message):
            corpus.select(lambda clip, name=name: clip.name == name).verify()  # type: ignore[misc]


def test_a_rule_may_be_given(corpus: Corpus) -> None:
    assert len(corpus.verify(num_channels=4, sample_rate=24000)) == 8
    with pytest.raises(ValueError, match="of 8 clips, 8 are bad"):
        corpus.verify(sample_rate=48000)
    with pytest.raises(ValueError, match="of 8 clips, 8 are bad"):
        corpus.verify(num_channels=2)
    assert len(corpus[:0].verify()) == 0


def test_many_bad_clips_are_told_in_short(corpus: Corpus) -> None:
    clips = [replace(clip, name=f"{clip.name}{i}") for clip in corpus for i in range(3)]
    with pytest.raises(ValueError, match=r"of 24 clips, 24 are bad(.*\n){21}  and 4 more$"):
        Corpus("many", clips).verify(sample_rate=8000)


def test_names_tell_clips_apart(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="names of clips must differ, got twice fold0_a, fold1_a"):
        Corpus("double", [*corpus, *corpus[:2]])


def test_published_channels_are_the_rule(tmp_path: Path) -> None:
    corpus = read_corpus(publish(tmp_path, "dcase2025"), "dcase2025")
    for clip in corpus:
        write_audio(clip.audio, torch.zeros(1, 4800), 24000)
    with pytest.raises(ValueError, match="must have 2 channels, got 1"):
        corpus.verify()


@pytest.mark.messages
def test_words_are_checked(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="errors must be one of 'raise', 'skip', got 'drop'"):
        corpus.verify(errors="drop")  # type: ignore[arg-type]


def test_one_recording_may_be_checked(corpus: Corpus) -> None:
    path = corpus[0].audio
    assert check_audio(path, num_channels=4, sample_rate=24000).duration_s == 0.5
    with pytest.raises(ValueError, match=rf"{path} must have num_channels=2, got 4"):
        check_audio(path, num_channels=2)
    told = spoil(corpus)
    for name in list(told)[2:]:
        with pytest.raises(ValueError, match=told[name]):
            check_audio(path.with_name(f"{name}.wav"))


@given(
    frame=st.integers(0, 600),
    frame_s=st.sampled_from([0.1, 0.02, 0.05]),
    rate=st.sampled_from([8000, 24000, 44100, 48000]),
)
def test_a_label_lies_in_what_has_a_sample_of_its_frame(
    frame: int, frame_s: float, rate: int
) -> None:
    events = Events([frame], [0], [[1, 0, 0]], frame_s=frame_s)
    begin = round(frame * frame_s * rate)
    check_labels(events, num_samples=begin + 1, sample_rate=rate)
    if begin:
        with pytest.raises(ValueError, match=f"got one in frame {frame} of"):
            check_labels(events, num_samples=begin, sample_rate=rate)
    with pytest.raises(ValueError, match="labels must be of classes below 0, got 0"):
        check_labels(events, num_samples=begin + 1, sample_rate=rate, num_classes=0)


def test_a_training_split_takes_rooms_out(tmp_path: Path) -> None:
    corpus = read_corpus(
        publish(tmp_path, "starss23"), "starss23", split=SPLITS["starss23"]["development"]
    )
    assert [clip.room for clip in corpus.train] == [21, 4]
    assert [clip.room for clip in corpus.train.select(lambda clip: clip.room != 21)] == [4]
