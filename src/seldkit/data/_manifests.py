"""The classes of made scenes, as the manifests tell that `synth.write_scenes` leaves with them."""

import json
from collections.abc import Iterable
from pathlib import Path


def scene_classes(files: Iterable[Path], beginning: str = "manifest") -> tuple[str, ...] | None:
    """Return the classes that manifests among some files tell, None where there is no manifest.

    Args:
        files: Files, most of which are something else.
        beginning: Of the names of manifests.

    Raises:
        ValueError: If two tell of different classes.
    """
    found: dict[tuple[str, ...], Path] = {}
    for path in sorted(files):
        if path.name.startswith(beginning) and path.suffix == ".json" and (names := _told(path)):
            found.setdefault(names, path)
    if len(found) > 1:
        (one, path), (other, another) = list(found.items())[:2]
        raise ValueError(
            f"scenes must be of the same classes, got {', '.join(one)} by {path} and"
            f" {', '.join(other)} by {another}"
        )
    return next(iter(found), None)


def _told(path: Path) -> tuple[str, ...]:
    """Return the classes that a manifest tells, none if it is that of something else."""
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["settings"]["classes"]
    except (KeyError, TypeError, ValueError):
        return ()
    listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if listed else ()
