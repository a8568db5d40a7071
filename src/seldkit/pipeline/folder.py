"""The two files of a saved pipeline, which are replaced together or not at all."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

try:
    import fcntl
except ModuleNotFoundError:  # a system without locks of this kind
    fcntl = None  # type: ignore[assignment]

from seldkit._files import flush, flush_names

DESCRIPTION, WEIGHTS = "pipeline.json", "weights.safetensors"
HASH = "weights_sha256"
"""The entry of the description that tells which weights are its own."""


def write(folder: Path, description: dict[str, Any], weights: bytes) -> None:
    """Write description and weights, of which the description gets the hash.

    Both are written as drafts, then the weights are moved, then the description. Its draft is named
    by the hash of its weights: whoever is killed between the moves leaves weights that lead to the
    draft, so the folder holds the old pipeline until the weights are moved, and the new one since.
    Writers wait for one another.
    """
    digest = hashlib.sha256(weights).hexdigest()
    text = json.dumps(description | {HASH: digest}, indent=2, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder, exclusive=True):
        _finish(folder)
        drafts = folder / f"{uuid4().hex}.draft", _draft(folder, digest)
        try:
            for draft, content in zip(drafts, (weights, text.encode()), strict=True):
                _write(draft, content)
            flush_names(folder)
        except BaseException:  # such as a full disk
            for draft in drafts:
                draft.unlink(missing_ok=True)
            raise
        drafts[0].replace(folder / WEIGHTS)
        flush_names(folder)
        drafts[1].replace(folder / DESCRIPTION)
        flush_names(folder)


def read(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return the description and the weights that belong together.

    Raises:
        FileNotFoundError: If there is no pipeline; the error names those in folders below.
        ValueError: If a file is damaged, or the weights are not those of the description.
    """
    if not folder.is_dir():
        hint = f"; give the folder, {folder.parent}" if folder.is_file() else ""
        raise FileNotFoundError(f"there is no folder {folder}{hint}")
    with _locked(folder, exclusive=False):
        path = folder / WEIGHTS
        weights = path.read_bytes() if path.is_file() else None
        digest = None if weights is None else hashlib.sha256(weights).hexdigest()
        draft = None if digest is None else _draft(folder, digest)
        description = _parsed(folder / DESCRIPTION)
        unfinished = description is None or description.get(HASH) != digest
        if draft is not None and unfinished and draft.is_file():
            description = _parsed(draft)
    if description is None:
        below = chain.from_iterable(folder.glob(f"{'*/' * n}{DESCRIPTION}") for n in (1, 2, 3))
        found = sorted(str(path.parent) for path in below)
        hint = f"; there is one in {', '.join(found[:5])}" if found else f": no {DESCRIPTION}"
        raise FileNotFoundError(f"{folder} holds no pipeline{hint}")
    if weights is None:
        raise FileNotFoundError(f"{folder} holds a {DESCRIPTION}, but no {WEIGHTS}")
    return description, weights


def _parsed(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged, it is no JSON: {error}") from error
    if not isinstance(description, dict):
        raise ValueError(f"{path} describes no pipeline: it holds a {type(description).__name__}")
    return description


def _draft(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.json.draft"


def _finish(folder: Path) -> None:
    """Do what a writer left undone that was killed between its moves, and drop other drafts."""
    drafts = list(folder.glob("*.draft"))
    if drafts and (folder / WEIGHTS).is_file():
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
        own = None
        with suppress(ValueError):
            own = _parsed(folder / DESCRIPTION)
        if _draft(folder, digest) in drafts and (own is None or own.get(HASH) != digest):
            _draft(folder, digest).replace(folder / DESCRIPTION)
            flush_names(folder)
    for draft in drafts:
        draft.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    flush(path)


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Open a folder as a file, where the system can."""
    if fcntl is None:
        yield None
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        yield number
    finally:
        os.close(number)  # which ends a lock


@contextmanager
def _locked(folder: Path, *, exclusive: bool) -> Iterator[None]:
    """Keep other writers, or all others, off a folder; the lock ends with its process."""
    with _opened(folder) as number:
        if number is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(number, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
