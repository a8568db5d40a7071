"""What a pipeline needs of its parts, and the names of the classes."""

from collections.abc import Iterable, Set
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import nn

from seldkit._checks import integer
from seldkit.events import Events
from seldkit.features import FeatureExtractor

Decoded = TypeVar("Decoded", contravariant=True)


@runtime_checkable
class OutputFormat(Protocol[Decoded]):
    """What a pipeline needs of an output format.

    `OutputFormat[SELDOutput]` ends a class-wise or track-wise network, `OutputFormat[Tensor]` one
    of ACCDOA or multi-ACCDOA.
    """

    def decode(self, output: Decoded) -> Events:
        """Return the events of an output without the batch axis."""
        ...


def check_sizes(standardize: nn.Module, extractor: FeatureExtractor) -> None:
    """Raise `ValueError` unless features can be standardised."""
    for name in ("num_channels", "num_bins"):
        size, wanted = getattr(standardize, name, None), getattr(extractor, name)
        if size not in (None, wanted):
            raise ValueError(f"standardize must have {name}={wanted} of the features, got {size}")


def reach_of(postprocess: object) -> tuple[int, int]:
    """Return how many frames before and behind a frame post-processing reads.

    Raises:
        ValueError: If it does not say that, or reads without end.
    """
    reach = [getattr(postprocess, name, None) for name in ("lookback", "lookahead")]
    if None in reach:
        raise ValueError(
            "postprocess must read a number of frames before and behind a frame to stream, got"
            f" lookback={reach[0]} and lookahead={reach[1]} of {postprocess!r:.200}"
        )
    return integer("postprocess.lookback", reach[0]), integer("postprocess.lookahead", reach[1])


def class_names(classes: Any, format: OutputFormat[Any]) -> tuple[str, ...] | None:
    """Return the names of classes, checked."""
    if classes is None:
        return None
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the string {classes!r}")
    if not isinstance(classes, Iterable) or isinstance(classes, Set):  # without an order
        raise TypeError(f"classes must be a list of names, got {classes!r:.80}")
    names = tuple(classes)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise TypeError(f"classes must be names, got {wrong[0]!r}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"classes must be different, got twice {', '.join(map(repr, twice))}")
    number = getattr(format, "num_classes", len(names))
    if len(names) != number:
        raise ValueError(
            f"classes must be as many as the format has, num_classes={number}, got {len(names)}"
        )
    return tuple(map(str, names))
