"""Which trained system a command means: by its name, or by the folder it was saved in."""

import argparse
from pathlib import Path

from seldkit.pipeline import Pipeline
from seldkit.pretrained import load, names

DEFAULT = "everyday12"
"""The system that is taken where none is named."""


def add_model(parser: argparse.ArgumentParser, *, option: bool) -> None:
    """Add the system that a command works with, as an option or in its place."""
    told = "trained system: the folder that Pipeline.save wrote, or a name that 'seldkit models'"
    if option:
        told = f"{told} lists (default: {DEFAULT})"
        parser.add_argument("--model", metavar="DIR|NAME", default=DEFAULT, help=told)
    else:
        parser.add_argument("model", metavar="MODEL", help=f"{told} lists")


def load_system(model: str) -> Pipeline:
    """Return a trained system.

    Raises:
        OSError: If a file of a folder cannot be read.
        ValueError: If there is neither a folder nor a system of this name, or the folder cannot be
            loaded.
    """
    if not Path(model).is_dir():
        if model in names():
            return load(model)
        raise ValueError(
            "a system must be the folder of a saved pipeline or one of"
            f" {', '.join(names())}, got {model!r}"
        )
    try:
        return Pipeline.load(model)
    except KeyError as error:  # a builder of one's own
        raise ValueError(
            f"the command line does not know all parts of a system: {error.args[0]}"
        ) from error
