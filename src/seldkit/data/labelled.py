"""The recordings of a corpus beside their labels."""

from collections.abc import Collection
from os import PathLike
from pathlib import Path

from seldkit._checks import integer
from seldkit.data.splits import clip_name
from seldkit.events import Events
from seldkit.io import read_events
from seldkit.io.audio import SUFFIXES


def labelled_clips(
    audio: str | PathLike[str],
    labels: str | PathLike[str],
    *,
    format: str = "dcase2023",
    folds: Collection[int] | None = None,
) -> list[tuple[Path, Events]]:
    """Pair the recordings in a folder with their labels, as `read_chunks` takes them.

    A recording belongs to the label file that has its name, but for the suffix; either may lie at
    any depth. Labels without a recording are left out, so that a part of a corpus will do.

    Args:
        audio: Folder of WAV, FLAC or OGG files, `foa_dev` for instance.
        labels: Folder of CSV files, `metadata_dev` for instance; the same folder will do.
        format: Format of the labels, as of [`read_events`][seldkit.io.read_events].
        folds: Folds to take, such as those of a [`Split`][seldkit.data.Split], by what
            [`clip_name`][seldkit.data.clip_name] reads; all if None, whatever the names.

    Returns:
        Path and events of each clip, in the order of their names.

    Raises:
        FileNotFoundError: If there is no such folder, or a recording has no labels.
        TypeError: If a fold is no integer.
        ValueError: If there is no recording, a fold has none, two files share a name, a name says
            no fold, or labels cannot be read.

    Examples:
        >>> import tempfile
        >>> from seldkit import synth
        >>> folder = tempfile.mkdtemp()
        >>> scenes = synth.SceneSynthesizer(duration_s=1.0, anechoic=True)
        >>> _ = list(synth.write_scenes(scenes, folder, 2, num_workers=0))
        >>> [path.name for path, events in labelled_clips(folder, folder)]
        ['scene_00000.flac', 'scene_00001.flac']
    """
    recordings = _by_name(Path(audio), SUFFIXES)
    tables = _by_name(Path(labels), (".csv",))
    if folds is not None:
        wanted = {integer("folds", fold) for fold in folds}
        fold_of = {name: clip_name(path).fold for name, path in recordings.items()}
        if empty := wanted - set(fold_of.values()):
            raise ValueError(f"folds must have recordings in {audio}, got {sorted(empty)}")
        recordings = {name: path for name, path in recordings.items() if fold_of[name] in wanted}
    if not recordings:
        raise ValueError(f"there are no recordings in {audio}")
    if lacking := [str(path) for name, path in recordings.items() if name not in tables]:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise FileNotFoundError(
            f"there are no labels in {labels} for {', '.join(lacking[:3])}{more}"
        )
    return [(path, read_events(tables[name], format=format)) for name, path in recordings.items()]


def _by_name(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Return the files below a folder by their names without suffix, sorted."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (path.stem, path)):
        # Some systems put a file of their own, beginning with a dot, beside each.
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file():
            if path.stem in found:
                raise ValueError(f"names must differ, got {found[path.stem]} and {path}")
            found[path.stem] = path
    return found
