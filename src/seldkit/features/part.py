"""What reads the spectrum in an extractor: the base of every part, and its features run by run."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from seldkit._typing import Complex, Float
from seldkit.features.binding import BoundModule, describe
from seldkit.features.meaning import ChannelMeaning
from seldkit.features.real_spectrum import AnySpectrum
from seldkit.features.turning import ChannelSwap


@runtime_checkable
class PartStream(Protocol):
    """Features of one part, run of frames by run of frames."""

    def push(
        self, spectrum: Complex[Tensor, "batch channel _ freq"]
    ) -> Float[Tensor, "batch out _ bin"]:
        """Return the features that are known with these frames."""
        ...

    def flush(self) -> Float[Tensor, "batch out _ bin"]:
        """Return the features of the frames that are left at the end of the clip."""
        ...


class Part(BoundModule):
    """What reads the spectrum in a `FeatureExtractor`: the base of all parts and of your own.

    A part of your own has a `forward`. What else it says about itself, it says by setting these
    attributes, for the class or in its constructor, and by overriding these methods:

    - `num_bins` and `num_channels`, unless it keeps the bins and channels of the spectrum.
    - `lookback` and `lookahead`, on how many frames before and after it a frame's features depend.
      Where both are said it streams, and long clips are computed block by block, which is faster
      and takes less memory.
    - `reads_halves`, if it reads each frame by itself and no more of the spectrum than `.real`,
      `.imag` and `.shape`, which is then given as a `RealSpectrum` where that is faster.
    - `turn`, how its features follow when the sound field is turned.
    - `meaning`, what its channels mean, for augmentation; `meanings` where they differ.
    - `make`, for what depends on the length of the FFT and the sampling rate. What is in it, such
      as a [`MelFilterBank`][seldkit.features.MelFilterBank], is told them too.
    - `stream`, if its state reaches back without end; `whole_clip`, `per_frame` and `per_clip`, if
      a last step needs the features of the whole clip.

    It may be cast, and sits beside any other part. The spectrum is complex, or a
    [`RealSpectrum`][seldkit.features.RealSpectrum] when exported: a part that reads `.real`,
    `.imag` and `.shape` alone can do with both.

    Examples:
        >>> from seldkit.features import STFT, FeatureExtractor
        >>> class Magnitude(Part):
        ...     lookback = lookahead = 0
        ...
        ...     def forward(self, spectrum):
        ...         return (spectrum.real.square() + spectrum.imag.square()).sqrt()
        >>> extractor = FeatureExtractor(STFT(n_fft=512, hop_length=256), [Magnitude()])
        >>> extractor.num_channels, extractor.num_bins
        (4, 257)
    """

    num_bins: int | None = None
    """Number of bins of the result, or None for those of the spectrum."""
    lookback: int | None = None
    """On how many frames before it a frame's features depend; None if not known or without end."""
    lookahead: int | None = None
    """On how many frames after it they depend; None if not known or without end."""
    whole_clip: bool = False
    """Whether features of frames are not done before `per_clip` has seen those of the clip."""
    reads_halves: bool = False
    """Whether `.real`, `.imag` and `.shape` of the spectrum are all it reads. A class says it for
    itself alone: one that derives from it may read more."""
    reads_foa: bool = False
    """Whether it makes sense of first-order ambisonics alone."""
    meaning: ChannelMeaning | None = None
    """What each of its channels means, see [`ChannelMeaning`][seldkit.features.ChannelMeaning]."""

    def num_channels(self, in_channels: int) -> int:
        """Return the number of channels made of so many microphones or ambisonic channels."""
        return in_channels

    def meanings(self, in_channels: int) -> tuple[ChannelMeaning, ...]:
        """Return what each of the channels means that are made of so many.

        Raises:
            ValueError: If the part does not say it.
        """
        if self.meaning is None:
            raise ValueError(f"{describe(self)} must say its meaning to be augmented, got none")
        return (self.meaning,) * self.num_channels(in_channels)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of each clip."""
        raise NotImplementedError(f"{type(self).__name__} must have a method forward")

    def per_frame(self, spectrum: AnySpectrum) -> Float[Tensor, "batch out time bin"]:
        """Return the features before `per_clip`, which any run of frames has."""
        features: Tensor = self(spectrum)
        return features

    def per_clip(
        self, features: Float[Tensor, "batch out time bin"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of whole clips, from those of `per_frame`.

        Features that it has returned it must leave as they are.
        """
        return features

    def turn(
        self, features: Float[Tensor, "batch out time bin"], swap: ChannelSwap
    ) -> Float[Tensor, "batch out time bin"]:
        """Return the features of the audio whose channels are swapped.

        Raises:
            ValueError: If they cannot be told from those of the audio as it was.
        """
        raise ValueError(f"{describe(self)} cannot be turned: it has no method turn")

    def stream(self) -> PartStream:
        """Return a new stream, which takes the spectrum of some clips run of frames by run.

        A part whose state reaches back without end has a stream of its own.

        Raises:
            ValueError: If a frame's features depend on the whole clip.
        """
        if self.whole_clip:
            raise ValueError(f"{describe(self)} needs the whole clip, so it cannot stream")
        if not runs_in_blocks(self):
            raise ValueError(
                f"{describe(self)} must say its lookback and lookahead to stream,"
                f" got {self.lookback} and {self.lookahead}"
            )
        return WindowStream(self)


class WindowStream:
    """Features of one part, run of frames by run of frames, with the frames around each run.

    Args:
        part: A part whose frames depend on `lookback` and `lookahead` frames around them.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self._lookback, self._lookahead = part.lookback or 0, part.lookahead or 0
        self._held: Tensor | None = None  # frames that are to be read again
        self._done = 0  # how many of them have their features out
        self._none: Tensor | None = None  # features of no frame

    def push(self, spectrum: AnySpectrum) -> Float[Tensor, "batch out _ bin"]:
        """Return the features that are known with these frames."""
        if not self._lookback and not self._lookahead:
            features = self._features(spectrum)
            self._none = features[:, :, :0]
            return features
        assert isinstance(spectrum, Tensor)  # only parts that read each frame by itself read halves
        if self._held is not None and self._held.shape[2]:
            spectrum = torch.cat((self._held, spectrum), dim=2)
        return self._advance(spectrum, spectrum.shape[2] - self._lookahead)

    def flush(self) -> Float[Tensor, "batch out _ bin"]:
        """Return the features of the frames that are left."""
        if self._none is not None:
            return self._none
        assert self._held is not None  # a clip has a frame
        return self._advance(self._held, self._held.shape[2])

    def _advance(self, spectrum: Tensor, known: int) -> Tensor:
        done = self._done
        if known <= done:
            self._held = spectrum
            channels = self._part.num_channels(spectrum.shape[1])
            bins = self._part.num_bins or spectrum.shape[3]
            return spectrum.real.new_zeros(spectrum.shape[0], channels, 0, bins)
        features = self._features(spectrum)
        first = max(known - self._lookback, 0)
        self._held, self._done = spectrum[:, :, first:].clone(), known - first
        return features[:, :, done:known]

    def _features(self, spectrum: AnySpectrum) -> Tensor:
        features = checked(self._part, self._part.per_frame(spectrum), spectrum)
        if features.shape[2] != spectrum.shape[2]:
            raise RuntimeError(
                f"{describe(self._part)} must return a frame for each of {spectrum.shape[2]},"
                f" got {features.shape[2]}"
            )
        return features


def check_parts(parts: Iterable[Part]) -> None:
    """Raise `TypeError` unless all are parts, `ValueError` if there is none."""
    parts = list(parts)
    if not parts:
        raise ValueError("parts must hold at least one feature, got none")
    for part in parts:
        if not isinstance(part, Part):
            raise TypeError(f"parts must be seldkit.features.Part, got {type(part).__name__}")


def checked(part: Part, features: Tensor, spectrum: AnySpectrum) -> Tensor:
    """Return the features, or raise `RuntimeError` if they are not what the part says."""
    out, bins = part.num_channels(spectrum.shape[1]), part.num_bins or spectrum.shape[3]
    if features.ndim != 4 or features.shape[1] != out or features.shape[3] != bins:
        raise RuntimeError(
            f"{describe(part)} must return (batch, {out=}, time, bin={bins}), as it says,"
            f" got shape {tuple(features.shape)}"
        )
    return features


def runs_in_blocks(part: Part) -> bool:
    """Return whether runs of frames can be computed one by one."""
    return part.lookback is not None and part.lookahead is not None


def reads_halves(part: Part) -> bool:
    """Return whether a part is rather given a `RealSpectrum`: its own class says so."""
    return part.lookback == part.lookahead == 0 and vars(type(part)).get("reads_halves", False)
