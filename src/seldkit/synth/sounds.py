"""Where the sounds of a scene come from, and what they must be."""

import hashlib
from collections.abc import Sequence
from os import PathLike
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.synth.builtin import BuiltinSounds
from seldkit.synth.folder_sounds import FolderSounds


@runtime_checkable
class Sounds(Protocol):
    """What a scene asks of its sounds: names of classes, and one sound of a class at a time.

    By their classes and their `fingerprint()`, a text that changes with what may be drawn,
    `write_scenes` knows sounds again. Those without that method are known by a sound of each class,
    and by their `repr` if they have one of their own. Classes that are named in `absent`, where
    sounds have that, are never drawn.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label `i` is the i-th name."""

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> Float[NDArray[np.float32], " sample"]:
        """Return a sound of a class, at any level; equal generators give equal sounds."""


def as_sounds(sounds: Sounds | str | PathLike[str] | None) -> Sounds:
    """Return sounds as an object: those of a folder, or the built-in ones for None.

    Raises:
        TypeError: If it is neither, or its classes are no list of names.
        ValueError: If it has no classes, or two of one name.
    """
    if sounds is None:
        return BuiltinSounds()
    if isinstance(sounds, str | PathLike):
        return FolderSounds(sounds)
    if not isinstance(sounds, Sounds):
        raise TypeError(f"sounds must be a folder or have classes and draw, got {sounds!r}")
    names = sounds.classes
    listed = isinstance(names, Sequence) and not isinstance(names, str)
    if not listed or not all(isinstance(name, str) for name in names):
        raise TypeError(f"the classes of sounds must be a list of names, got {names!r}")
    if not names:
        raise ValueError(f"sounds must have at least one class, got {sounds!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"the classes of sounds must have different names, got {names!r}")
    return sounds


def drawable(sounds: Sounds) -> list[int]:
    """Return the labels of the classes that there are sounds of."""
    absent = getattr(sounds, "absent", ())
    return [label for label, name in enumerate(sounds.classes) if name not in absent]


def draw_sound(
    sounds: Sounds, label: int, generator: np.random.Generator, sample_rate: int
) -> Float[NDArray[np.float32], " sample"]:
    """Return a sound of a class, or raise unless it is one: mono, of floats, finite, not silent."""
    sound = sounds.draw(label, generator, sample_rate)
    name = sounds.classes[label]
    if not isinstance(sound, np.ndarray) or not np.issubdtype(sound.dtype, np.floating):
        kind = getattr(sound, "dtype", type(sound).__name__)
        raise TypeError(
            f"sounds must draw arrays of floats, full scale 1, got {kind} of class {name!r}"
        )
    if sound.ndim != 1 or not np.isfinite(sound).all() or not sound.any():
        raise ValueError(
            f"sounds must draw mono sounds that are finite and not silent,"
            f" got another one of class {name!r}"
        )
    return sound.astype(np.float32, copy=False)


def fingerprint(sounds: Sounds, sample_rate: int) -> str:
    """Return a text that changes with what may be drawn; see `Sounds`."""
    own = getattr(sounds, "fingerprint", None)
    if own is not None:
        return str(own())
    total = hashlib.sha256()
    if type(sounds).__repr__ is not object.__repr__:  # which has but an address
        total.update(repr(sounds).encode())
    for label in drawable(sounds):
        total.update(draw_sound(sounds, label, np.random.default_rng(0), sample_rate).tobytes())
    return f"{type(sounds).__name__} {total.hexdigest()[:16]}"
