"""The systems that lie in the package, each as the folder of a saved pipeline."""

from pathlib import Path

from seldkit.pipeline import Pipeline
from seldkit.pipeline.folder import DESCRIPTION

_BOX = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the trained systems, sorted.

    Examples:
        >>> names()
        ['everyday12']
    """
    return sorted(path.parent.name for path in _BOX.glob(f"*/{DESCRIPTION}"))


def load(name: str) -> Pipeline:
    """Return a trained system, ready to predict, in float32 on the processor.

    `"everyday12"` finds twelve everyday sounds and their directions in first-order ambisonics. It
    looks no further ahead than the end of a label frame, so it streams. Its
    [card](../models/everyday12.md) tells what it was trained with, its scores and what it is not
    for.

    Args:
        name: One of [`names`][seldkit.pretrained.names].

    Raises:
        KeyError: If there is no such system; the error lists the known ones.

    Examples:
        >>> import torch
        >>> pipeline = load("everyday12")
        >>> pipeline.classes[:4]
        ('baby_cry', 'chainsaw', 'clock_tick', 'dog_bark')
        >>> silence = torch.zeros(4, 24000)
        >>> len(pipeline.predict(silence, sample_rate=24000))
        0
    """
    known = names()
    if name not in known:
        raise KeyError(f"name must be one of {', '.join(known)}, got {name!r}")
    return Pipeline.load(_BOX / name).float()
