"""Folds by the names of files, and the published splits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seldkit.data import SPLITS, clip_name


@pytest.mark.parametrize(
    ("name", "fold", "room"),
    [
        ("split1_ir0_ov1_7.wav", 1, 0),
        ("split0_12.csv", 0, None),
        ("fold6_room2_mix049_ov2", 6, 2),
        ("fold3_room21_mix001.csv", 3, 21),
        ("fold4_room10.csv", 4, 10),
        ("fold12", 12, None),
    ],
)
def test_names_tell_fold_and_room(name: str, fold: int, room: int | None) -> None:
    for path in (name, f"fold9_room9/{name}", Path("deep", name)):
        assert clip_name(path) == (fold, room)


@pytest.mark.messages
@pytest.mark.parametrize("name", ["mix001.wav", "manifold3_room1", "fold_3", "fold3x", "fold4/a"])
def test_other_names_are_errors(name: str) -> None:
    with pytest.raises(ValueError, match=r"path must be named splitN_\.\.\. or foldN_\.\.\., got"):
        clip_name(name)


def test_real_recordings_lie_in_rooms_of_one_fold(data: Callable[[str], Path]) -> None:
    names = [clip_name(path) for path in data("starss22_metadata").rglob("*.csv")]
    assert [sum(name.fold == fold for name in names) for fold in (3, 4)] == [67, 54]
    rooms = [{name.room for name in names if name.fold == fold} for fold in (3, 4)]
    assert None not in rooms[0] | rooms[1]
    assert not rooms[0] & rooms[1]


def test_training_never_sees_the_test() -> None:
    for splits in SPLITS.values():
        for split in splits.values():
            assert not set(split.train) & {*split.validation, *split.test}


def test_cross_validation_tests_every_fold_and_validates_with_the_next() -> None:
    splits = [SPLITS["tau2019"][f"cv{fold}"] for fold in (1, 2, 3, 4)]
    assert [split.test for split in splits] == [(1,), (2,), (3,), (4,)]
    assert [split.validation for split in splits] == [(2,), (3,), (4,), (1,)]
    assert all(sorted(sum(split, ())) == [1, 2, 3, 4] for split in splits)
