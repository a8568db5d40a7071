"""What scenes on the disk were made with, and what they hold."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from seldkit._files import replacing, version
from seldkit.arrays import ArrayGeometry
from seldkit.synth.scene import SceneSynthesizer
from seldkit.synth.scene_files import Tree
from seldkit.synth.sounds import fingerprint
from seldkit.synth.statistics import SceneStatistics


def keep_settings(path: Path, settings: dict[str, Any], *, begun: bool) -> None:
    """Write what scenes are made with, or raise unless it is what is written there.

    Args:
        path: The manifest.
        settings: By name, of what JSON can hold.
        begun: Whether there were scenes already.

    Raises:
        ValueError: If the manifest tells other settings, or none where there are scenes.
    """
    if not path.exists():
        if begun:
            raise ValueError(f"{path.parent} holds scenes of unknown settings: there is no {path}")
        with replacing(path, overwrite=False) as draft:
            _write(draft, {"settings": settings})
    # Read in any case: another process may have been the first.
    there = _read(path).get("settings")
    there = there if isinstance(there, dict) else {}
    others = [
        f"{name} {_told(there, name)}, not {_told(settings, name)}"
        for name in settings | there
        if _told(there, name) != _told(settings, name)
    ]
    if others:
        raise ValueError(
            f"{path.parent} holds scenes of other settings, see {path}: {'; '.join(others)}"
        )


def keep_statistics(path: Path, total: SceneStatistics, classes: tuple[str, ...]) -> None:
    """Write what the scenes hold beside what they were made with, unless more are counted there."""
    manifest = _read(path)
    if manifest.get("num_scenes", 0) < total.num_scenes:
        with replacing(path) as draft:
            counted = {"num_scenes": total.num_scenes, "statistics": total.to_dict(classes)}
            _write(draft, {"settings": manifest["settings"], **counted})


def settings_of(synthesizer: SceneSynthesizer, tree: Tree, seed: int) -> dict[str, Any]:
    """Return all that the bytes of scenes depend on."""
    own = {
        each.name: getattr(synthesizer, each.name)
        for each in fields(synthesizer)
        if each.name not in ("sounds", "responses", "noise") and not each.name.startswith("_")
    }
    if isinstance(synthesizer.array, ArrayGeometry):
        own["array"] = synthesizer.array.positions.tolist()
    rooms, noise = synthesizer._rooms, synthesizer._noise
    return own | {
        "responses": rooms[0].responses.fingerprint() if rooms else None,
        "noise": None if noise is None else noise.fingerprint(),
        "classes": synthesizer.classes,
        "sounds": fingerprint(synthesizer._sounds, synthesizer.sample_rate),
        "layout": tree.layout,
        "file_type": tree.file_type,
        "fold": tree.fold,
        "seed": seed,
        "version": version(),
    }


def _told(settings: dict[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "unknown"


def _read(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text
        raise ValueError(f"{path} must be JSON, as it was written: {error}") from error
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} must be a JSON object, as it was written")
    return manifest


def _write(draft: Path, manifest: dict[str, Any]) -> None:
    draft.write_text(_text(manifest) + "\n", encoding="utf-8")


def _text(value: object, depth: int = 0) -> str:
    """Return JSON with a line for each setting and each class."""
    if not isinstance(value, dict) or depth == 3 or not value:
        return json.dumps(value, ensure_ascii=False)
    space = " " * (depth + 1)
    lines = [f"{space}{json.dumps(name)}: {_text(value[name], depth + 1)}" for name in value]
    return "{\n" + ",\n".join(lines) + f"\n{' ' * depth}}}"
