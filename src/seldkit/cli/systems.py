"""Which trained system a command means: by its name, or by the folder it was saved in."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from seldkit.pipeline import Pipeline

DEFAULT = "everyday12"
"""The system that is taken where none is named."""


def trained_names() -> Sequence[str]:
    """Return the names of the trained systems that come with the library."""
    return ()


def add_model(parser: argparse.ArgumentParser, *, option: bool) -> None:
    """Add the system that a command works with, as an option or in its place."""
    told = "trained system: the folder that Pipeline.save wrote, or a name that 'seldkit models'"
    if option:
        default = f" (default: {DEFAULT})" if DEFAULT in trained_names() else ""
        parser.add_argument("--model", metavar="DIR|NAME", help=f"{told} lists{default}")
    else:
        parser.add_argument("model", metavar="MODEL", help=f"{told} lists")


def load_system(model: str | None) -> Pipeline:
    """Return a trained system.

    Raises:
        OSError: If a file of a folder cannot be read.
        ValueError: If there is neither a folder nor a system of this name, or none is named and
            there is no default, or the folder cannot be loaded.
    """
    names = trained_names()
    if model is None:
        if DEFAULT not in names:
            raise ValueError("--model must name the folder of a saved pipeline, got none")
        model = DEFAULT
    if not Path(model).is_dir():
        known = f" or one of {', '.join(names)}" if names else ""
        raise ValueError(f"a system must be the folder of a saved pipeline{known}, got {model!r}")
    try:
        return Pipeline.load(model)
    except KeyError as error:  # a builder of one's own
        raise ValueError(
            f"{model} needs parts that the command line does not know: {error.args[0]}"
        ) from error
