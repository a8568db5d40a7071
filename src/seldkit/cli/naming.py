"""Names for what `seldkit predict` hears, by a network that tags any recording."""

import argparse
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from seldkit.backbones import TaggingBackbone
from seldkit.compat import yamnet
from seldkit.events import Events
from seldkit.pipeline import NamedSpan, NamedStretch, name_recording, name_spans

MOST = 3
"""How many names a sound gets, at most."""


class Namer(NamedTuple):
    """A network that names sounds.

    Attributes:
        tagger: The network.
        names: What its classes are called.
    """

    tagger: TaggingBackbone
    names: list[str]

    def spans(self, events: Events, heard: Path | Tensor, rate: int | None) -> list[NamedSpan]:
        """Return the sounds that a system found in ambisonics, heard from their directions."""
        most = min(MOST, len(self.names))
        return name_spans(events, heard, rate, tagger=self.tagger, names=self.names, most=most)

    def stretches(self, heard: Path | Tensor, rate: int | None) -> list[NamedStretch]:
        """Return what sounds in a recording, from wherever."""
        return name_recording(heard, rate, tagger=self.tagger, names=self.names)


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add who names sounds."""
    parser.add_argument(
        "--names",
        choices=("yamnet",),
        help="also give sounds one of the 521 names that YAMNet knows, each heard from its"
        " direction, and tell what is heard from anywhere; recordings whose channels tell no"
        " directions get names alone",
    )


def load_namer(name: str | None) -> Namer | None:
    """Return the network of a name; None for None.

    Raises:
        ModuleNotFoundError: If its weights are not installed; the error says how to get them.
    """
    return None if name is None else Namer(*yamnet.load())
