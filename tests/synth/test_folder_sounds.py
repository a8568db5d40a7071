"""Where sounds come from: folders, tables, folds, and the built-in ones."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.arrays import ArrayGeometry
from seldkit.io import write_audio
from seldkit.synth import ArrayMixtures, BuiltinSounds, FolderSounds, SceneSynthesizer, Sounds


def draw(sounds: Sounds, label: int, seed: int = 0, rate: int = 24000) -> NDArray[np.float32]:
    return sounds.draw(label, np.random.default_rng(seed), rate)


def record(path: Path, *channels: float, seconds: float = 0.5, rate: int = 24000) -> None:
    """Write a recording whose channels are sines of the given amplitudes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sine = torch.sin(2 * torch.pi * 440 * torch.arange(int(seconds * rate)) / rate)
    write_audio(path, torch.stack([a * sine for a in channels or (0.5,)]), rate)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        record(tmp_path / "dog" / f"{number}.wav", 0.1 * (number + 1))
    record(tmp_path / "cat" / "deep" / "a.FLAC", 0.9)
    record(tmp_path / "cat" / "b.flac", 0.9)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "notes.txt").write_text("no recording")
    return tmp_path


@pytest.fixture
def table(folder: Path) -> Path:
    rows = [f"dog/{n}.wav,dog,{n}" for n in range(4)] + ["cat/b.flac,cat,0", "cat/b.flac,cat,1"]
    (folder / "metadata.csv").write_text("\n".join(["file,class,fold", *rows]))
    return folder


def test_labels_are_in_sorted_order_of_names(folder: Path) -> None:
    sounds = FolderSounds(folder)
    assert sounds.classes == ("cat", "dog")
    assert len(sounds) == 6
    assert np.abs(draw(sounds, 0)).max() == pytest.approx(0.9, abs=1e-3)


def test_a_draw_may_choose_any_recording_of_the_class(folder: Path) -> None:
    sounds = FolderSounds(folder)
    peaks = {round(float(np.abs(draw(sounds, 1, seed)).max()), 2) for seed in range(40)}
    assert peaks == {0.1, 0.2, 0.3, 0.4}


def test_folds_choose_the_recordings_but_not_the_classes(table: Path) -> None:
    sounds = FolderSounds(table, folds=(1,))
    assert sounds.classes == ("cat", "dog")
    assert len(sounds) == 2
    assert np.abs(draw(sounds, 1)).max() == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_classes_may_be_chosen_and_ordered(kind: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(kind)
    sounds = FolderSounds(folder, classes=("dog", "cat"))
    assert (sounds.classes, sounds.absent) == (("dog", "cat"), ())
    assert np.array_equal(draw(sounds, 1), draw(FolderSounds(folder), 0))
    assert sounds.fingerprint() != FolderSounds(folder).fingerprint()
    assert FolderSounds(folder, classes=["dog"]).classes == ("dog",)


def test_a_class_that_is_missing_is_named_or_keeps_its_number(table: Path) -> None:
    names = ("owl", "dog", "wolf")
    with pytest.raises(ValueError, match=r"classes must be some of cat, dog, .* got owl, wolf: "):
        FolderSounds(table, classes=names)
    with pytest.raises(ValueError, match=r"classes must be some of cat, dog, .* got owl, wolf: "):
        FolderSounds(table, classes=("owl", "wolf"), missing="keep")
    sounds = FolderSounds(table, classes=names, missing="keep", folds=(1, 2))
    assert (sounds.classes, sounds.absent, len(sounds)) == (names, ("owl", "wolf"), 2)
    assert draw(sounds, 1).any()
    with pytest.raises(ValueError, match="has no recordings of class 'wolf'"):
        draw(sounds, 2)
    scenes = SceneSynthesizer(sounds, duration_s=9.0, anechoic=True, class_weights={"dog": 2.0})
    assert scenes.scene(0)[1].label.unique().tolist() == [1]
    with pytest.raises(ValueError, match="class_weights must name classes of dog, got owl"):
        SceneSynthesizer(sounds, anechoic=True, class_weights={"owl": 2.0})
    pair = ArrayGeometry.line(2, spacing_m=0.1)
    assert ArrayMixtures(pair, sounds, num_sounds=1).mixture(0).label == 1
    with pytest.raises(ValueError, match="num_sounds must be at most the 1 classes, got 2"):
        ArrayMixtures(pair, sounds)


@pytest.mark.messages
def test_classes_are_a_list_of_names(folder: Path) -> None:
    with pytest.raises(TypeError, match="classes must be a sequence of names, got 'dog'"):
        FolderSounds(folder, classes="dog")
    for names in ((), ("dog", "dog")):
        with pytest.raises(ValueError, match="classes must be names, each once, got"):
            FolderSounds(folder, classes=names)
    with pytest.raises(ValueError, match="missing must be one of 'error', 'keep', got 'skip'"):
        FolderSounds(folder, missing="skip")  # type: ignore[arg-type]


def test_folders_are_divided_by_the_names_of_their_files(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for number in range(40):
            record(tmp_path / name / f"{number}.wav", seconds=0.01)
    parts = [FolderSounds(tmp_path, folds=(fold,)) for fold in range(1, 6)]
    assert {part.classes for part in parts} == {("cat", "dog")}
    assert sum(map(len, parts)) == len(FolderSounds(tmp_path)) == 80
    assert all(6 <= len(part) <= 28 for part in parts)
    found = {fold: set(files(part)) for fold, part in enumerate(parts)}
    assert found[3] == {
        f"{c}/{n}.wav"
        for c in ("cat", "dog")
        for n in range(40)
        if hashlib.sha256(f"{c}/{n}.wav".encode()).digest()[0] % 5 == 3
    }
    record(tmp_path / "dog" / "new.wav", seconds=0.01)
    for fold, before in found.items():
        assert set(files(FolderSounds(tmp_path, folds=(fold + 1,)))) - before <= {"dog/new.wav"}


def files(sounds: FolderSounds) -> list[str]:
    """Return the files that may be drawn."""
    return [p.relative_to(sounds.folder).as_posix() for c in sounds._recordings.values() for p in c]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 9])
def test_a_class_of_few_files_has_some_to_train_and_some_to_test_with(
    tmp_path: Path, count: int
) -> None:
    for number in range(count):
        record(tmp_path / "dog" / f"{number}.wav", seconds=0.01)
    train = FolderSounds(tmp_path, folds=("1", "2", "3", "5"))
    test = FolderSounds(tmp_path, folds=("4",))
    assert not set(files(train)) & set(files(test))
    assert len(train) + len(test) == count
    if count > 2:
        assert len(FolderSounds(tmp_path, folds=(3,))) >= 1


def test_one_file_of_a_class_is_too_few_for_two_parts(tmp_path: Path) -> None:
    record(tmp_path / "dog" / "a.wav")
    assert len(FolderSounds(tmp_path, folds=(1,))) == 1
    with pytest.raises(ValueError, match=r"'dog' has no recordings in .* folds 4: 1 WAV, FLAC or"):
        FolderSounds(tmp_path, folds=(4,))


def test_a_table_may_begin_with_a_mark_of_its_encoding(table: Path) -> None:
    text = (table / "metadata.csv").read_text()
    (table / "metadata.csv").write_text(text, encoding="utf-8-sig")
    assert len(FolderSounds(table, folds=(1,))) == 2
    (table / "metadata.csv").write_text(text, encoding="utf-16")
    with pytest.raises(ValueError, match=r"metadata.csv must be a CSV file in UTF-8"):
        FolderSounds(table)


@pytest.mark.messages
def test_channels_that_cancel_and_unknown_classes_are_named(tmp_path: Path) -> None:
    record(tmp_path / "dog" / "a.wav", 0.5, -0.5)
    with pytest.raises(ValueError, match=r"a\.wav is silent: its two channels cancel each other"):
        draw(FolderSounds(tmp_path), 0)
    for sounds in (FolderSounds(tmp_path), BuiltinSounds()):
        for label in (-1, len(sounds.classes)):
            with pytest.raises(ValueError, match=r"label must lie in 0\.\..*, got "):
                draw(sounds, label)
        with pytest.raises(TypeError, match="sample_rate must be an integer, got True"):
            draw(sounds, 0, rate=True)
        with pytest.raises(TypeError, match=r"label must be an integer, got 0\.0"):
            draw(sounds, 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sample_rate must be at least 8000, got 4000"):
        draw(BuiltinSounds(), 0, rate=4000)


def test_repr_tells_one_choice_of_folds_from_another(table: Path) -> None:
    assert repr(FolderSounds(table, folds={"1", "0"})).endswith("folds=('0', '1'))")
    assert str(table) in repr(FolderSounds(table))


def test_recordings_are_resampled(folder: Path) -> None:
    assert len(draw(FolderSounds(folder), 0, rate=48000)) == 24000


def test_the_channels_of_a_stereo_recording_are_averaged(tmp_path: Path) -> None:
    record(tmp_path / "dog" / "a.wav", 0.5, 0.1)
    assert np.abs(draw(FolderSounds(tmp_path), 0)).max() == pytest.approx(0.3, abs=1e-3)


def test_a_small_cache_changes_nothing_but_time(folder: Path) -> None:
    large, small = FolderSounds(folder), FolderSounds(folder, cache_mb=0.05)
    for seed in range(12):
        np.testing.assert_array_equal(draw(large, 1, seed), draw(small, 1, seed))


def test_the_cache_stays_at_home_when_the_sounds_travel(folder: Path) -> None:
    sounds = FolderSounds(folder)
    empty = len(pickle.dumps(sounds))
    expected = draw(sounds, 1)
    packed = pickle.dumps(sounds)
    assert len(packed) == empty
    np.testing.assert_array_equal(draw(pickle.loads(packed), 1), expected)


def test_real_recordings(data: Callable[[str], Path]) -> None:
    sounds = FolderSounds(data("events"), folds=(1,))
    assert len(sounds.classes) == 12
    assert draw(sounds, sounds.classes.index("speech")).std() > 0.01


@pytest.mark.parametrize("name", BuiltinSounds().classes)
def test_two_builtin_sounds_of_a_class_differ(name: str) -> None:
    label = BuiltinSounds().classes.index(name)
    first, again, other = (draw(BuiltinSounds(), label, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or not np.allclose(first, other)
    assert np.isfinite(first).all()
    assert np.abs(first).max() == pytest.approx(1)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_builtin_sounds_come_at_any_rate(rate: int) -> None:
    for label in range(len(BuiltinSounds().classes)):
        for seed in range(4):
            assert 0.3 < len(draw(BuiltinSounds(), label, seed, rate)) / rate < 6


def test_builtin_classes_can_be_told_apart_by_their_spectra() -> None:
    """The nearest mean of spectral envelope and rhythm finds the class of most new sounds."""
    sounds = BuiltinSounds()
    labels = range(len(sounds.classes))
    mean = [np.mean([_sketch(draw(sounds, k, seed)) for seed in range(8)], axis=0) for k in labels]
    right = [
        np.argmin([np.linalg.norm(_sketch(draw(sounds, k, seed)) - m) for m in mean]) == k
        for k in labels
        for seed in range(100, 104)
    ]
    assert np.mean(right) > 0.8


def _sketch(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return log power in bands and the spread of power over time."""
    frames = sound[: len(sound) // 240 * 240].reshape(-1, 240)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(240))))
    bands = np.log10([band.mean() + 1e-6 for band in np.array_split(power.sum(axis=0), 12)])
    flow = np.log10(power.sum(axis=1) + 1e-3)
    return np.concatenate((bands - bands.max(), [2 * flow.std()]))


@pytest.mark.messages
def test_folders_that_cannot_be_used_are_named(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match=r"empty must hold a folder for each class"):
        FolderSounds(empty)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        FolderSounds(tmp_path / "nowhere")
    (folder / "cow").mkdir()
    with pytest.raises(ValueError, match=r"class 'cow' has no recordings"):
        FolderSounds(folder)
    with pytest.raises(ValueError, match=r"cache_mb must be positive, got 0"):
        FolderSounds(folder, cache_mb=0)


@pytest.mark.messages
def test_folds_that_cannot_be_used_are_named(table: Path) -> None:
    with pytest.raises(ValueError, match=r"folds must be some of 0, 1, 2, 3, got 1, 7"):
        FolderSounds(table, folds=(1, 7))
    with pytest.raises(ValueError, match=r"folds must be some of 0, 1, 2, 3, got none"):
        FolderSounds(table, folds=())
    with pytest.raises(ValueError, match=r"class 'cat' has no recordings in .* in the folds 3"):
        FolderSounds(table, folds=(3,))
    with pytest.raises(TypeError, match=r"folds must be a collection, such as \(1, 2\), got '12'"):
        FolderSounds(table, folds="12")
    (table / "metadata.csv").unlink()
    with pytest.raises(ValueError, match=r"folds must be some of 1, 2, 3, 4, 5, got 6"):
        FolderSounds(table, folds=(6,))
    with pytest.raises(ValueError, match=r"class 'cat' has no recordings in .* folds 3: 2 WAV, FL"):
        FolderSounds(table, folds=(3,))


@pytest.mark.messages
@pytest.mark.parametrize("text", ["", "file,class\n", "name,class\nx,dog", "file,class\n,dog"])
def test_a_table_without_the_columns_is_named(folder: Path, text: str) -> None:
    (folder / "metadata.csv").write_text(text)
    with pytest.raises(
        ValueError, match=r"metadata.csv must have rows with, each, the columns .*file"
    ):
        FolderSounds(folder)


@pytest.mark.messages
def test_a_table_that_names_a_missing_file(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file,class\ndog/0.wav,dog\ndog/9.wav,dog")
    with pytest.raises(FileNotFoundError, match=r"metadata.csv names dog/9.wav"):
        FolderSounds(folder)


@pytest.mark.messages
@pytest.mark.parametrize("kind", ["unreadable", "empty", "silent", "wide"])
def test_recordings_that_cannot_be_used_are_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "dog" / "bad.wav"
    record(path, *[0.0 if kind == "silent" else 0.5] * (4 if kind == "wide" else 1))
    if kind == "unreadable":
        path.write_text("no audio")
    if kind == "empty":
        path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(ValueError, match=r"bad\.wav"):
        draw(FolderSounds(tmp_path), 0)
