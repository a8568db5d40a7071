"""Published corpora are read from their trees."""

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
import torch

from seldkit.data import SPLITS, read_corpus
from seldkit.data.published import PUBLISHED, find_published
from seldkit.io import read_audio, write_audio
from trees import TREES, publish

EVERY = pytest.mark.parametrize("name", TREES)


def test_there_is_a_tree_and_a_split_for_every_corpus() -> None:
    assert set(TREES) == set(PUBLISHED) == set(SPLITS)


@EVERY
def test_a_clip_has_its_sound_its_labels_and_its_fold(name: str, tmp_path: Path) -> None:
    tree = TREES[name]
    publish(tmp_path, name)
    for number, (kind, path) in enumerate(tree.audio.items()):
        corpus = read_corpus(tmp_path, name, audio=kind)
        found = {clip.name: clip for clip in corpus}
        assert corpus.name == name
        assert [*found] == sorted(found)
        assert len(found) == len(tree.clips)
        for fold, below in tree.clips:
            clip = found[Path(below).name]
            assert clip.fold == fold
            assert clip.audio == tmp_path / path(below, fold)
            assert clip.labels == tmp_path / tree.table(below, fold)
            assert clip.classes == corpus.classes
            events = clip.events()
            assert events.frame[0] == 0
            assert set(events.label.tolist()) == {1}
            assert events.azimuth_deg[0] == 90
            assert events.frame_s == (0.02 if name == "tau2019" else 0.1)
            waveform, _ = read_audio(clip.audio)
            assert waveform.shape[0] == corpus.num_channels
            assert abs(float(waveform[0, 0]) - 0.1 * (number + 1)) < 1e-3
    assert corpus.verify().skipped == {}
    first = next(iter(tree.audio))
    assert read_corpus(tmp_path, name) == read_corpus(tmp_path, name, audio=first)


@EVERY
@pytest.mark.parametrize("form", ["flat", "deep"])
def test_nesting_does_not_matter(name: str, form: str, tmp_path: Path) -> None:
    nested = read_corpus(publish(tmp_path / "nested", name), name)
    other = read_corpus(publish(tmp_path / "other", name, **{form: True}), name)
    pairs = [(clip.name, clip.fold) for clip in nested]
    assert [(clip.name, clip.fold) for clip in other] == pairs
    assert [clip.events() for clip in other] == [clip.events() for clip in nested]


@EVERY
def test_every_clip_is_in_one_part_of_a_split(name: str, tmp_path: Path) -> None:
    publish(tmp_path, name)
    for split_name, split in SPLITS[name].items():
        corpus = read_corpus(tmp_path, name, split=split_name)
        parts = {
            part: [clip.name for clip in getattr(corpus, part)]
            for part, folds in split._asdict().items()
            if folds
        }
        for (one, its), (other, others) in combinations(parts.items(), 2):
            if {one, other} == {"validation", "test"} and split_name == "baseline":
                assert its == others  # as the official baselines do
            else:
                assert not set(its) & set(others)
        used = {*split.train, *split.validation, *split.test}
        there = [clip.name for clip in corpus if clip.fold in used]
        assert sorted({clip for part in parts.values() for clip in part}) == there
        assert read_corpus(tmp_path, name, split=split).train == corpus.train


@pytest.mark.parametrize("name", ["l3das21", "l3das22", "l3das23"])
def test_two_microphones_make_eight_channels(name: str, tmp_path: Path) -> None:
    publish(tmp_path, name)
    pairs = zip(
        *(read_corpus(tmp_path, name, audio=kind) for kind in ("foa", "foa_b")), strict=True
    )
    for a, b in pairs:
        assert (a.name, a.fold, a.labels) == (b.name, b.fold, b.labels)
        both = torch.cat([read_audio(clip.audio)[0] for clip in (a, b)])
        assert (both[:, 0] * 10).round().tolist() == [1, 1, 1, 1, 2, 2, 2, 2]


@EVERY
def test_evaluation_recordings_may_lack_labels(name: str, tmp_path: Path) -> None:
    corpus = read_corpus(publish(tmp_path, name, labelled=False), name)
    silent = [clip for clip in corpus if clip.labels is None]
    assert len(silent) == (name != "dcase2025")
    for clip in silent:
        with pytest.raises(FileNotFoundError, match=f"there are no labels for {clip.audio}"):
            clip.events()
    assert len(corpus.verify()) == len(corpus)


@EVERY
def test_a_missing_part_is_named_and_how_the_tree_looks(name: str, tmp_path: Path) -> None:
    tree = TREES[name]
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        read_corpus(tmp_path / "none", name)
    with pytest.raises(FileNotFoundError, match="there are no recordings below") as caught:
        read_corpus(tmp_path, name)
    path = next(iter(tree.audio.values()))
    folders = [path(clip, fold).split("/")[0] for fold, clip in tree.clips]
    assert [folder for folder in folders if folder not in str(caught.value)] == []
    assert re.search(r"instance:\n  .*\.wav\n  .*\.csv$", str(caught.value), re.DOTALL)
    publish(tmp_path, name)
    for fold, clip in tree.clips:
        (tmp_path / tree.table(clip, fold)).rename(tmp_path / f"{Path(clip).name}.csv")
    with pytest.raises(FileNotFoundError, match="there are no labels below"):
        read_corpus(tmp_path, name)


def test_recordings_without_labels_and_double_names_are_named(tmp_path: Path) -> None:
    publish(tmp_path, "starss23")
    table = tmp_path / "metadata_dev/dev-test-tau/fold4_room2_mix001.csv"
    text = table.read_text()
    table.unlink()
    with pytest.raises(FileNotFoundError, match=r"there are no labels in .* for .*fold4_room2_mix"):
        read_corpus(tmp_path, "starss23")
    table.write_text(text)
    (tmp_path / "metadata_dev/dev-test-tau/fold4_room9_mix009.csv").write_text(text)
    assert len(read_corpus(tmp_path, "starss23")) == 6  # labels alone are left out
    write_audio(tmp_path / "foa_dev/fold4_room2_mix001.flac", torch.zeros(4, 100), 24000)
    with pytest.raises(ValueError, match=r"names must differ, got .*fold4.*wav and .*fold4.*flac"):
        read_corpus(tmp_path, "starss23")


def test_a_split_without_its_folds_is_named(tmp_path: Path) -> None:
    publish(tmp_path, "starss23")
    for folder in ("foa_dev", "metadata_dev"):
        (tmp_path / folder / "dev-train-synth").rename(tmp_path / f"{folder}-synth")
    corpus = read_corpus(tmp_path, "starss23", split="baseline")
    with pytest.raises(
        ValueError, match=r"starss23 has no clips of folds 1, 2: there are folds 3, 4, 'eval'"
    ):
        _ = corpus.train
    assert len(read_corpus(tmp_path, "starss23", split="development").train) == 2


def test_links_are_followed_and_never_for_ever(tmp_path: Path) -> None:
    publish(tmp_path / "disk", "starss23")
    root = tmp_path / "root"
    root.mkdir()
    for folder in ("foa_dev", "metadata_dev"):
        (root / folder).symlink_to(tmp_path / "disk" / folder)
    (tmp_path / "disk/foa_dev/back").symlink_to(tmp_path / "disk/foa_dev")
    assert len(read_corpus(root, "starss23")) == 5


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("starss", "starss23"),
        ("STARSS22", "starss22"),
        ("dcase2023", "starss23"),
        ("DCASE2024", "starss23"),
        ("dcase2022-task3", "starss22"),
        ("tau-nigens-2020", "nigens2020"),
        ("TAU-NIGENS Spatial Sound Events 2021", "nigens2021"),
        ("DCASE 2019", "tau2019"),
        ("stereo2025", "dcase2025"),
        ("L3DAS22_Task2", "l3das22"),
    ],
)
def test_usual_names_resolve(alias: str, name: str) -> None:
    assert find_published(alias) == name


def test_names_are_told_apart() -> None:
    names = [key for name, corpus in PUBLISHED.items() for key in (name, *corpus.aliases)]
    assert len(names) == len(set(names))
    assert [find_published(name) for name in PUBLISHED] == [*PUBLISHED]


@pytest.mark.messages
def test_unknown_words_list_the_known_ones(tmp_path: Path) -> None:
    publish(tmp_path, "starss23")
    for arguments, message in (
        ({"name": "l3das"}, r"name must be one of 'tau2019', .*'l3das23', got 'l3das'"),
        ({"split": "cv1"}, "split must be one of 'development', 'baseline', got 'cv1'"),
        ({"audio": "stereo"}, "audio must be one of 'foa', 'mic', got 'stereo'"),
        ({"check": "no"}, "check must be one of 'raise', .*, got 'no'"),
    ):
        with pytest.raises(ValueError, match=message):
            read_corpus(tmp_path, **{"name": "starss23", **arguments})  # type: ignore[arg-type]


def test_doubtful_labels_may_be_let_through(tmp_path: Path) -> None:
    publish(tmp_path, "starss23")
    table = tmp_path / "metadata_dev/dev-test-tau/fold4_room2_mix001.csv"
    table.write_text("0,1,0,190,10,150\n")
    (clip,) = read_corpus(tmp_path, "starss23").in_folds(4)
    with pytest.raises(ValueError, match=r"fold4_room2_mix001\.csv"):
        clip.events()
    (clip,) = read_corpus(tmp_path, "starss23", check="off").in_folds(4)
    assert clip.events().azimuth_deg.round().tolist() == [-170]


def test_the_real_labels_are_read_whole(data: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "metadata_dev").symlink_to(data("starss22_metadata"))
    for table in data("starss22_metadata").rglob("*.csv"):
        path = tmp_path / "foa_dev" / table.parent.name / f"{table.stem}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # nobody listens
    corpus = read_corpus(tmp_path, "starss22", split="development")
    assert (len(corpus), len(corpus.train), len(corpus.test)) == (121, 67, 54)
    assert repr(corpus) == "Corpus('starss22', 121 clips of folds 3, 4)"
    events = [clip.events() for clip in corpus]
    assert sum(map(len, events)) > 220_000
    assert {int(label) for each in events for label in each.label.unique()} == set(range(13))
    rooms = [{clip.room for clip in part} for part in (corpus.train, corpus.test)]
    assert not rooms[0] & rooms[1]
