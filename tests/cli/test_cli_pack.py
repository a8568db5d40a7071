"""`seldkit pack` makes a store of a folder, and tells what it could not pack."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data.recordings import record
from seldkit.data import Store

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    """Return a folder of two recordings beside their labels."""
    for name in ("a", "b"):
        record(write(f"own/{name}.csv", "3,1,0,90,0\n").with_suffix(".wav"))
    return tmp_path / "own"


def test_a_folder_of_ones_own(seldkit: Seldkit, write: Write, folder: Path) -> None:
    names = write("names.txt", "door\nbell\n")
    words = ("pack", folder, "store", "--classes", names)
    told = "2 clips, 0.00 h of 4 channels at 8000 Hz as int16, in store\n"
    assert seldkit(*words) == (0, told, "")
    assert seldkit(*words) == (0, told, "")
    store = Store("store")
    assert store.classes == ("door", "bell")
    assert [int(clip.events().frame) for clip in store] == [3, 3]
    code, _, err = seldkit("pack", folder, "store")
    assert code == 2
    assert "store of other settings: classes ('door', 'bell'), not ()" in err


def test_a_published_corpus(seldkit: Seldkit, tmp_path: Path, write: Write) -> None:
    for fold, part in ((3, "dev"), (4, "dev"), (7, "eval")):
        name = f"fold{fold}_room1_mix001"
        record(tmp_path / f"foa_{part}" / f"{name}.wav", 0.1)
        if part == "dev":
            write(f"metadata_dev/{name}.csv", "0,1,0,90,0,150\n")
    code, out, err = seldkit("pack", tmp_path, "store", "--corpus", "starss23")
    assert (code, err) == (0, "note: recordings without labels, left out: 1\n")
    assert out.startswith("2 clips")
    assert [clip.fold for clip in Store("store")] == [3, 4]


def test_a_bad_clip_is_an_error_or_skipped(seldkit: Seldkit, folder: Path) -> None:
    record(folder / "b.wav", channels=1)
    message = f"num_channels must be 4 in this store, got 1 in {folder / 'b.wav'}"
    code, out, err = seldkit("pack", folder, "store")
    assert (code, out) == (2, "")
    assert err.startswith(f"seldkit pack: error: {message}\n")
    code, out, err = seldkit("pack", folder, "store", "--skip")
    assert code == 0
    assert out.startswith("1 clip, ")
    assert err == (
        f"note: 1 of 2 clips were skipped; the first: {message}\nnote: skipped: {message}\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--corpus", "starss23", "--format", "dcase2023"), "--format is for a folder of one's"),
        (("--audio", "mic"), "--audio is for a published corpus, got mic without --corpus"),
        (("--sample-rate", "0"), "--sample-rate must be from 1 to 1000000, got 0"),
        (("--workers", "-1"), "--workers must be from 0 to 1000000, got -1"),
        (("--sample-rate", "4000", "--dtype", "int16"), "dtype='float32' holds them"),
        (("--corpus", "starss99"), "starss99"),
    ],
)
def test_wrong_options_are_named(
    seldkit: Seldkit, folder: Path, words: tuple[str, ...], message: str
) -> None:
    code, _, err = seldkit("pack", folder, "store", *words)
    assert code == 2
    assert message in err
