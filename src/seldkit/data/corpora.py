"""The published corpora, read from their trees."""

from collections.abc import Collection, Iterable
from functools import partial
from os import PathLike
from pathlib import Path

from seldkit._checks import check_choice
from seldkit.data._manifests import scene_classes
from seldkit.data.clip import Clip
from seldkit.data.corpus import Corpus
from seldkit.data.folder import LABELS, by_name, files_below
from seldkit.data.published import PUBLISHED, Published, find_published
from seldkit.data.soundness import check_labelled
from seldkit.data.splits import Split, clip_name
from seldkit.io import read_events
from seldkit.io.audio import SUFFIXES
from seldkit.io.row_checks import CHECKS, Check


def read_corpus(
    root: str | PathLike[str],
    name: str,
    *,
    split: str | Split | None = None,
    audio: str | None = None,
    check: Check = "raise",
) -> Corpus:
    """Return the clips of a published corpus.

    | name | corpus | recordings below | labels below |
    | --- | --- | --- | --- |
    | `tau2019` | TAU Spatial Sound Events 2019 | `foa_dev`, `foa_eval` | `metadata_dev`, ... |
    | `nigens2020`, `nigens2021` | TAU-NIGENS Spatial Sound Events | the same | the same |
    | `starss22`, `starss23` | STARSS22, STARSS23 | the same | the same |
    | `dcase2025` | DCASE2025 Task3 Stereo SELD Dataset | `stereo_dev`, ... | the same |
    | `l3das21` | L3DAS21, task 2 | `L3DAS_Task2_train`, `_dev`, `_test` | these folders |
    | `l3das22`, `l3das23` | the same of later years | `L3DAS22_Task2_train`, ... | these folders |

    Other usual names will do: `starss`, `dcase2023`, `tau-nigens-2020`. These folders may lie at
    any depth below the root, and below them files may be nested as published or not at all: a
    recording and its labels belong together by their names. Labels without a recording are left
    out. A recording without labels is an error, unless it is one of the evaluation set.

    The fold of a clip is the number that its name tells. Recordings of `foa_eval` and its like are
    of fold `"eval"` (0 in `tau2019`, as their names say), and those of L3DAS of fold `"train"`,
    `"dev"` or `"test"`, by their folder.

    L3DAS has two microphones, 20 cm apart. Positions are counted from the first, A, which is what
    `audio="foa"` reads; `audio="foa_b"` is the second. Clips of both have the same names and order,
    so that eight channels are `torch.cat` of the two.

    Args:
        root: Folder that holds the tree.
        name: Which corpus it is.
        split: How to divide it: one of [`SPLITS`][seldkit.data.SPLITS], by its name, or one of your
            own. `train`, `validation` and `test` of the result follow it.
        audio: Which recordings: `"foa"` or `"mic"`, in 2025 `"stereo"`, in L3DAS `"foa"` or
            `"foa_b"`. Default: the first of these that the corpus has.
        check: What to do about doubtful labels, as for [`read_events`][seldkit.io.read_events].

    Raises:
        FileNotFoundError: If a folder is missing, with how the published tree looks, or labels are.
        ValueError: If the corpus, the split or the kind of recordings is unknown, the error lists
            those that are known; if two files share a name, or a name tells no fold; or if scenes
            were made in the tree that have other classes.

    Examples:
        >>> import tempfile, torch
        >>> from seldkit.io import write_audio
        >>> root = Path(tempfile.mkdtemp())
        >>> for fold in (3, 4):
        ...     for folder in ("foa_dev", "metadata_dev"):
        ...         (root / folder).mkdir(exist_ok=True)
        ...     clip = f"fold{fold}_room{fold}_mix001"
        ...     write_audio(root / "foa_dev" / f"{clip}.wav", torch.zeros(4, 2400), 24000)
        ...     _ = (root / "metadata_dev" / f"{clip}.csv").write_text("0,1,0,90,0,150")
        >>> corpus = read_corpus(root, "starss23", split="development")
        >>> corpus.train, corpus.test
        (Corpus('starss23', 1 clip of fold 3), Corpus('starss23', 1 clip of fold 4))
        >>> corpus.classes[int(corpus[0].events().label)]
        'male_speech'
    """
    name = find_published(name)
    published = PUBLISHED[name]
    if isinstance(split, str):
        check_choice("split", split, published.splits)
        split = published.splits[split]
    kind = next(iter(published.audio)) if audio is None else audio
    check_choice("audio", kind, published.audio)
    check_choice("check", check, CHECKS)
    root = Path(root)
    files = list(files_below(root))
    made = scene_classes(files, "manifest_fold")
    if made not in (None, published.classes):
        raise ValueError(
            f"scenes in {root} must have the classes of {name}, {', '.join(published.classes)}, got"
            f" {', '.join(made or ())}: read_folder reads them as they are"
        )
    recordings = published.audio[kind]
    heard = _below(files, root, recordings.folders)
    paths = by_name(heard, SUFFIXES, ending=recordings.ending)
    if not paths:
        raise FileNotFoundError(_told(root, published, recordings.folders, "recordings"))
    written = _below(files, root, published.labels)
    tables = by_name(written, LABELS, beginning=published.beginning)
    fold_of = {
        clip: clip_name(clip).fold if (fold := recordings.folders[heard[path]]) is None else fold
        for clip, path in paths.items()
    }
    read = partial(read_events, format=published.format, check=check)
    clips = [
        Clip(clip, path, tables.get(clip), read=read, classes=published.classes, fold=fold_of[clip])
        for clip, path in paths.items()
    ]
    must = [clip for clip in clips if clip.fold != published.evaluation]
    if must and not tables:
        raise FileNotFoundError(_told(root, published, published.labels, "labels"))
    check_labelled(must, folder=root)
    return Corpus(
        name,
        clips,
        classes=published.classes,
        split=split,
        num_channels=recordings.num_channels,
    )


def _below(files: Iterable[Path], root: Path, folders: Collection[str]) -> dict[Path, str]:
    """Return the files that lie below one of some folders, and which."""
    found = {}
    for path in files:
        for part in path.relative_to(root).parts[:-1]:
            if part in folders:
                found[path] = part
                break
    return found


def _told(root: Path, published: Published, folders: Iterable[str], what: str) -> str:
    """Return what is missing from a tree, and how it looks as published."""
    tree = "\n  ".join(published.tree)
    return (
        f"there are no {what} below {' or '.join(folders)} in {root}; {published.title} holds,"
        f" for instance:\n  {tree}"
    )
