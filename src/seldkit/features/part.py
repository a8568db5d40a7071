"""What an extractor asks of the parts that read its spectrum."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from seldkit._typing import Complex, Float

Features = Callable[[Tensor], Tensor]


@runtime_checkable
class Part(Protocol):
    """What reads the spectrum in a `FeatureExtractor`: a module with these members.

    A part may say more about itself, by members that are optional:

    - `lookback` and `lookahead`: on how many frames before and after it a frame's features depend,
      0 if missing. Where all parts state both, long clips are computed block by block, which is
      faster and takes less memory.
    - `per_clip`: a function of the features of whole clips, applied after `per_frame(spectrum)`, or
      None. A part that has one cannot stream.
    - `stream()`: for parts whose state reaches back without limit. It returns an object whose
      `push(spectrum)` and `flush()` return features, all `channel time freq`, possibly no frames;
      or raises `ValueError`.

    The spectrum is complex, or a [`RealSpectrum`][seldkit.features.RealSpectrum] when exported: a
    part that reads `.real`, `.imag` and `.shape` alone can do with both.
    """

    @property
    def num_bins(self) -> int | None:
        """Number of bins of the result, or None for those of the spectrum."""
        ...

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many microphones or ambisonic channels."""
        ...

    def __call__(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of each clip."""
        ...


@runtime_checkable
class PartStream(Protocol):
    """Features of one part, run of frames by run of frames."""

    def push(self, spectrum: Complex[Tensor, "channel time freq"]) -> Float[Tensor, "out _ bin"]:
        """Return the features that are known with these frames."""
        ...

    def flush(self) -> Float[Tensor, "out _ bin"]:
        """Return the features of the frames that are left at the end of the clip."""
        ...


def reach(part: Part) -> tuple[int, int]:
    """Return on how many frames before and after it a frame's features depend."""
    return getattr(part, "lookback", 0), getattr(part, "lookahead", 0)


def per_clip(part: Part) -> Features | None:
    """Return the step of a part that needs the features of whole clips, if it has one."""
    step: Features | None = getattr(part, "per_clip", None)
    return step


def per_frame(part: Part) -> Features:
    """Return what a part does before that step."""
    return part if per_clip(part) is None else part.per_frame  # type: ignore[attr-defined]


def runs_in_blocks(part: Part) -> bool:
    """Return whether a part states that runs of frames can be computed one by one."""
    return hasattr(part, "lookback") and hasattr(part, "lookahead") and not hasattr(part, "stream")


def describe(part: Part) -> str:
    """Return a part's name and settings in one line."""
    settings = part.extra_repr() if isinstance(part, nn.Module) else ""
    return f"{type(part).__name__}({settings})"
