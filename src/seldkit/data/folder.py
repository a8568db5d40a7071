"""The recordings in a folder of one's own beside their labels."""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path

from seldkit._checks import check_choice
from seldkit._files import finished
from seldkit.data._manifests import scene_classes
from seldkit.data.clip import Clip
from seldkit.data.corpus import Corpus
from seldkit.data.soundness import check_labelled
from seldkit.data.splits import Fold, Split, clip_name
from seldkit.io import read_events
from seldkit.io.audio import SUFFIXES
from seldkit.io.editions import find_edition
from seldkit.io.row_checks import CHECKS, Check

LABELS = (".csv",)


def read_folder(
    audio: str | PathLike[str],
    labels: str | PathLike[str] | None = None,
    *,
    format: str = "dcase2023",
    classes: Sequence[str] | None = None,
    split: Split | None = None,
    check: Check = "raise",
) -> Corpus:
    """Return the clips of a folder of one's own: recordings, and label files of their names.

    Recordings and labels may lie at any depth, beside each other or in folders of their own. Labels
    without a recording are left out, so that a part of a corpus will do. Where names begin with
    `foldN_` or `splitN_`, as in the corpora of DCASE, they tell the folds.

    Args:
        audio: Folder of WAV, FLAC or OGG files.
        labels: Folder of CSV files; that of the audio if None.
        format: Format of the labels, as of [`read_events`][seldkit.io.read_events].
        classes: Names of the classes, by number. Default: those that the manifest of
            [made scenes][seldkit.synth.write_scenes] tells, or that event lists of the format have
            as published, else unknown.
        split: Folds of the parts.
        check: What to do about doubtful labels, as for `read_events`.

    Raises:
        FileNotFoundError: If there is no such folder, or a recording has no labels.
        ValueError: If there is no recording, two files share a name, the format is unknown, or
            manifests tell of different classes.

    Examples:
        >>> import tempfile
        >>> from seldkit import synth
        >>> folder = tempfile.mkdtemp()
        >>> scenes = synth.SceneSynthesizer(duration_s=1.0, anechoic=True)
        >>> _ = list(synth.write_scenes(scenes, folder, 2, num_workers=0))
        >>> corpus = read_folder(folder)
        >>> [clip.audio.name for clip in corpus], corpus.classes[:2]
        (['scene_00000.flac', 'scene_00001.flac'], ('bell', 'bird'))
    """
    audio = Path(audio)
    labels = audio if labels is None else Path(labels)
    heard, written = list(files_below(audio)), list(files_below(labels))
    if classes is None:
        beside = audio.parent.iterdir() if audio.parent == labels.parent != labels else ()
        classes = scene_classes([*heard, *written, *beside])
    edition = find_edition(format, classes=classes)
    check_choice("check", check, CHECKS)
    names = edition.classes
    recordings = by_name(heard, SUFFIXES)
    if not recordings:
        raise ValueError(f"there are no recordings in {audio}")
    tables = by_name(written, LABELS)
    read = partial(read_events, format=format, check=check, classes=classes)
    clips = [
        Clip(name, path, tables.get(name), read=read, classes=names, fold=_fold(name))
        for name, path in recordings.items()
    ]
    check_labelled(clips, folder=labels)
    return Corpus(audio.name, clips, classes=names, split=split)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth, through links too, but for hidden ones.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = finished(folders)
        # Some systems put a file of their own, beginning with a dot, beside each.
        yield from (Path(place, name) for name in names if not name.startswith("."))


def by_name(
    paths: Iterable[Path], suffixes: Collection[str], *, beginning: str = "", ending: str = ""
) -> dict[str, Path]:
    """Return files by the names of their clips, sorted.

    Args:
        paths: Files; those of other suffixes or other names are left out.
        suffixes: Of the names, in small letters.
        beginning: What comes before the name of the clip.
        ending: What comes behind it.

    Raises:
        ValueError: If two are of one clip.
    """
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: (path.stem, path)):
        stem = path.stem
        if path.suffix.lower() not in suffixes:
            continue
        if not (stem.startswith(beginning) and stem.endswith(ending)):
            continue
        name = stem.removeprefix(beginning).removesuffix(ending)
        if name in found:
            raise ValueError(f"names must differ, got {found[name]} and {path}")
        found[name] = path
    return found


def _fold(name: str) -> Fold | None:
    try:
        return clip_name(name).fold
    except ValueError:
        return None
