"""What an extractor asks of the parts that read its spectrum."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from seldkit._typing import Complex, Float
from seldkit.features.binding import describe
from seldkit.features.turning import ChannelSwap

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
    - `sample_rate` and `n_fft`: the sampling rate and the length of the FFT that it was made for,
      or None. An extractor compares those of the part and of all modules in it with its own.
    - `bind(n_fft, sample_rate)`: called once those are known, when an extractor is built; the rate
      is None where nobody says it. Modules in the part may have it too, such as a
      [`MelFilterBank`][seldkit.features.MelFilterBank]. It raises `ValueError` for what does not
      fit.
    - `turn(features, swap)`: from features `batch channel time bin` and a
      [`ChannelSwap`][seldkit.features.ChannelSwap] of the audio to those of the swapped audio, or
      `ValueError` if they cannot be told from each other. Without it features cannot be turned.
    - `reads_foa`: true if it makes sense of first-order ambisonics alone.

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


def reads_foa(part: Part) -> bool:
    """Return whether a part makes sense of first-order ambisonics alone."""
    return bool(getattr(part, "reads_foa", False))


def turned(part: Part, features: Tensor, swap: ChannelSwap) -> Tensor:
    """Return the features of the swapped audio, or raise `ValueError` if the part cannot tell."""
    turn = getattr(part, "turn", None)
    if turn is None:
        raise ValueError(f"{describe(part)} cannot be turned: it has no method turn")
    features = turn(features, swap)
    return features
