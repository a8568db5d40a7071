"""What the description of a saved pipeline holds: calls of builders and settings, as JSON."""

import re
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

import torch

from seldkit.pipeline.folder import HASH
from seldkit.pipeline.known import Builder
from seldkit.pipeline.plain import from_plain

VERSION = 1
"""Of the description: a higher one is of a later library."""

PARTS = ("extractor", "model", "format", "standardize", "postprocess")
SETTINGS = ("window_s", "hop_s", "label_rate", "classes")
OPTIONAL = ("standardize", "postprocess")


def build(call: Mapping[str, Any], own: Mapping[str, Builder], inner: Mapping[str, Builder]) -> Any:
    """Build what a call says, without touching the state of random numbers.

    Args:
        call: As a description holds it.
        own: Builders of such a part, by name.
        inner: Builders of what stands in arguments, by name.

    Raises:
        KeyError: If a builder is unknown; the error lists the known ones.
        ValueError: If the call is damaged, or a builder does not take the arguments.
    """

    def make(known: Mapping[str, Builder], name: str, arguments: dict[str, Any]) -> Any:
        if name not in known:
            raise KeyError(f"builder {name!r} is unknown; known are {sorted(known)}")
        try:
            return known[name](**arguments)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} cannot be called again: {error}") from error

    with torch.random.fork_rng(devices=[]):
        arguments = from_plain({"dict": list(call["arguments"].items())}, partial(make, inner))
        return make(own, call["builder"], arguments)


def check_description(description: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless a description has the version and the entries of this library."""
    number, written_by = description.get("version"), description.get("seldkit")
    here = version("seldkit")
    if number is None or not isinstance(written_by, str):
        raise ValueError(
            "it does not say its version: it is none of a pipeline, or was written before"
            " pipelines stored all arguments; save the pipeline again"
        )
    if type(number) is not int or number < 1:
        raise ValueError(f"version must be a whole number from 1, got {number!r}")
    if number > VERSION or _release(written_by) > _release(here):
        raise ValueError(
            f"it was written by seldkit {written_by} (version {number} of the description), which"
            f" is newer than this seldkit {here} (version {VERSION}): update seldkit"
        )
    wanted = {HASH, "seldkit", "version", "kept", *PARTS, *SETTINGS}
    missing, unknown = sorted(wanted - description.keys()), sorted(description.keys() - wanted)
    if missing or unknown:
        raise ValueError(
            f"its entries are not those of a pipeline: missing {missing}, unknown {unknown}"
        )
    for part in PARTS:
        call = description[part]
        if not (call is None and part in OPTIONAL) and not _is_call(call):
            raise ValueError(f"{part} must be a builder and its arguments, got {call!r:.80}")
    kept = description["kept"]
    if not _is_nested(kept, 2):
        raise ValueError(f"kept must hold settings of parts, got {kept!r:.80}")
    if not isinstance(description[HASH], str):
        raise ValueError(f"{HASH} must be a text, got {description[HASH]!r:.80}")


def _is_call(value: object) -> bool:
    if not (isinstance(value, dict) and value.keys() == {"builder", "arguments"}):
        return False
    return isinstance(value["builder"], str) and isinstance(value["arguments"], dict)


def _is_nested(value: object, depth: int) -> bool:
    """Return whether something is dictionaries in dictionaries, so deep."""
    if not isinstance(value, dict):
        return False
    return depth == 0 or all(_is_nested(one, depth - 1) for one in value.values())


def _release(text: str) -> list[int]:
    """Return the numbers of a version, such as 0, 1 and 0."""
    return [int(number) for number in re.findall(r"\d+", text)[:3]]
