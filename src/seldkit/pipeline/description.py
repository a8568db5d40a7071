"""What the description of a saved pipeline holds: calls of builders and settings, as JSON."""

import re
from collections.abc import Mapping
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


def build(call: Mapping[str, Any], functions: Mapping[str, Builder]) -> Any:
    """Build what a description says, without touching the state of random numbers.

    Raises:
        KeyError: If a builder is not among the functions; the error lists them.
        ValueError: If the call is damaged, or the builder does not take the arguments.
    """

    def make(name: str, arguments: dict[str, Any]) -> Any:
        if name not in functions:
            raise KeyError(f"builder {name!r} is unknown; known are {sorted(functions)}")
        try:
            return functions[name](**arguments)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} cannot be called again: {error}") from error

    with torch.random.fork_rng(devices=[]):
        return from_plain(dict(call), make)


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
    wanted = {HASH, "seldkit", "version", "training", *PARTS, *SETTINGS}
    missing, unknown = sorted(wanted - description.keys()), sorted(description.keys() - wanted)
    if missing or unknown:
        raise ValueError(
            f"its entries are not those of a pipeline: missing {missing}, unknown {unknown}"
        )
    for part in PARTS:
        call = description[part]
        if call is None and part in OPTIONAL:
            continue
        if not (isinstance(call, dict) and call.keys() == {"builder", "arguments"}):
            raise ValueError(f"{part} must be a builder and its arguments, got {call!r:.80}")
    if not isinstance(description["training"], dict):
        raise ValueError(f"training must be an object, got {description['training']!r:.80}")


def _release(text: str) -> list[int]:
    """Return the numbers of a version, such as 0, 1 and 0."""
    return [int(number) for number in re.findall(r"\d+", text)[:3]]
