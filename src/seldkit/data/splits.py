"""How the recordings of the DCASE corpora are divided, by what their names say."""

import re
from os import PathLike
from pathlib import Path
from typing import NamedTuple

Fold = int | str
"""A number that names of files tell, or a word where the folder tells it: `eval`, `train`."""

NAME = re.compile(r"(?:split|fold)(\d+)(?:_(?:ir|room)(\d+))?(?:[_.]|$)")


class ClipName(NamedTuple):
    """What the name of a recording says.

    Attributes:
        fold: Its fold, which TAU Spatial Sound Events 2019 calls split.
        room: Its room, or None where the name does not say it.
    """

    fold: int
    room: int | None


def clip_name(path: str | PathLike[str]) -> ClipName:
    """Return the fold and the room of a recording, by the name of its audio or label file.

    Args:
        path: File, or its name with or without the suffix: `split1_ir0_ov1_7.wav`,
            `fold3_room21_mix001.csv`.

    Raises:
        ValueError: If the name begins with no fold.

    Examples:
        >>> clip_name("metadata_dev/dev-train-tau/fold3_room9_mix001.csv")
        ClipName(fold=3, room=9)
    """
    found = NAME.match(Path(path).name)
    if found is None:
        raise ValueError(f"path must be named splitN_... or foldN_..., got {str(path)!r}")
    fold, room = found.groups()
    return ClipName(int(fold), None if room is None else int(room))


class Split(NamedTuple):
    """Folds of each part; a part without folds is left to you.

    Attributes:
        train: Folds to train with.
        validation: Folds by which to choose.
        test: Folds to test with.
    """

    train: tuple[Fold, ...]
    validation: tuple[Fold, ...]
    test: tuple[Fold, ...]


_STARSS = {
    "development": Split(train=(3,), validation=(), test=(4,)),
    "baseline": Split(train=(1, 2, 3), validation=(4,), test=(4,)),
}
_L3DAS = {
    "official": Split(train=("train",), validation=("dev",), test=("test",)),
    "development": Split(train=("train",), validation=(), test=("dev",)),
}

SPLITS = {
    "tau2019": {
        "at2seld": Split(train=(2, 3), validation=(1,), test=(0,)),
        "official_eval": Split(train=(2, 3, 4), validation=(1,), test=(0,)),
        "cv1": Split(train=(3, 4), validation=(2,), test=(1,)),
        "cv2": Split(train=(1, 4), validation=(3,), test=(2,)),
        "cv3": Split(train=(1, 2), validation=(4,), test=(3,)),
        "cv4": Split(train=(2, 3), validation=(1,), test=(4,)),
    },
    "nigens2020": {
        "development": Split(train=(3, 4, 5, 6), validation=(2,), test=(1,)),
        "official_eval": Split(train=(2, 3, 4, 5, 6), validation=(1,), test=("eval",)),
    },
    "nigens2021": {
        "development": Split(train=(1, 2, 3, 4), validation=(5,), test=(6,)),
        "official_eval": Split(train=(1, 2, 3, 4, 5), validation=(6,), test=("eval",)),
    },
    "starss22": _STARSS,
    "starss23": _STARSS,
    "dcase2025": {
        "development": Split(train=(3,), validation=(), test=(4,)),
        "baseline": Split(train=(1, 3), validation=(4,), test=(4,)),
    },
    "l3das21": _L3DAS,
    "l3das22": _L3DAS,
    "l3das23": _L3DAS,
}
"""Published splits by corpus and name.

- TAU Spatial Sound Events 2019: split 0 is the evaluation set. `official_eval` and the four
  cross-validations `cv1` to `cv4` are those of the official baseline; `at2seld` is as the AT2SELD
  report states it, the same as `official_eval` without split 4.
- TAU-NIGENS Spatial Sound Events 2020 and 2021: the development sets, and with `official_eval` the
  evaluation sets, as the official baselines use them.
- STARSS22 and STARSS23, and the stereo sound of 2025 made of them: the `baseline` adds synthetic
  recordings, folds 1 and 2, in 2025 fold 1, and validates with the test fold. `development` has the
  real ones alone; take some rooms out of fold 3 to validate.
- L3DAS21 to L3DAS23: the parts are folders. The `development` is that of the official baselines,
  which test on `dev` and take a part of the training set to validate; `official` has the test set.
"""
