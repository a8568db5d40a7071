"""Modules that are complete once the length of the FFT and the sampling rate are known.

Both are said once, to the transform or to any part; an extractor gives them to all others when it
is built, and compares where several say them.
"""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from seldkit._checks import check_count, integer
from seldkit.features.precision import PreciseModule


class BoundModule(PreciseModule):
    """A module that is told FFT length and sampling rate, and shows how it was constructed.

    A constructor keeps its arguments under their names, as `repr` reads them there.
    """

    n_fft: int | None = None
    """Length of the FFT that it is made for, in samples; None if unknown or of no matter."""
    sample_rate: int | None = None
    """Sampling rate that it is made for, in hertz; None if unknown or of no matter."""
    needs_rate: bool = False
    """Whether it is made for one FFT length and sampling rate, and of no use before."""
    _made_for: tuple[int, int | None] | None = None

    def bind(self, n_fft: int, sample_rate: int | None) -> None:
        """Take the length of the FFT and the sampling rate, as extractors say them when built.

        Raises:
            ValueError: If the settings do not fit them, or the rate is needed and not known.
        """
        if self.needs_rate and sample_rate is None:
            name = type(self).__name__
            raise ValueError(f"sample_rate must be said by the STFT or a part for {name}, got none")
        n_fft = _count("n_fft", n_fft)
        rate = None if sample_rate is None else _count("sample_rate", sample_rate)
        made_for = n_fft, rate if self.needs_rate else None
        if self._made_for == made_for:
            return
        self.make(n_fft, rate)
        self._made_for = made_for
        if self.needs_rate:
            self.n_fft, self.sample_rate = n_fft, rate

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Make what depends on them, such as tables; nothing, unless a subclass has something.

        Args:
            n_fft: Length of the FFT, in samples.
            sample_rate: Sampling rate, in hertz; None where nobody says it, but not if `needs_rate`
                is true.
        """

    def _settings(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, as far as they are kept."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        parameters, words, by_name = inspect.signature(type(self)).parameters, [], False
        for name, value in self._settings().items():
            parameter = parameters[name]
            by_name |= parameter.default is None or parameter.kind is parameter.KEYWORD_ONLY
            if isinstance(value, nn.Module):  # torch shows it below
                by_name = True
            else:
                words.append(f"{name}={value!r}" if by_name else repr(value))
        return ", ".join(words)

    def _say(self, n_fft: int | None, sample_rate: int | None) -> None:
        """Keep what the constructor was given, and make what can be made."""
        for name, value in (("n_fft", n_fft), ("sample_rate", sample_rate)):
            if value is not None:
                setattr(self, name, _count(name, value))
        if n_fft is not None and (sample_rate is not None or not self.needs_rate):
            self.bind(n_fft, sample_rate)

    def _check_bound(self) -> None:
        if self._made_for is None:
            raise RuntimeError(
                f"{type(self).__name__} must be given n_fft and sample_rate, or be part of a"
                " FeatureExtractor, before it is used"
            )


def bind(modules: Sequence[nn.Module]) -> None:
    """Give all modules, and the modules in them, one FFT length and sampling rate.

    Whoever says none takes those of the others.

    Raises:
        ValueError: If two of them say different ones, or one cannot do with those.
    """
    every = [module for owner in modules for module in owner.modules()]
    n_fft, sample_rate = _agreed("n_fft", every), _agreed("sample_rate", every)
    assert n_fft is not None  # the transform says it
    for module in every:
        if isinstance(module, BoundModule):
            module.bind(n_fft, sample_rate)


def describe(module: nn.Module) -> str:
    """Return a module's name and settings in one line."""
    return f"{type(module).__name__}({module.extra_repr()})"


def _count(name: str, value: object) -> int:
    check_count(**{name: value})
    return integer(name, value)


def _agreed(name: str, modules: Iterable[nn.Module]) -> int | None:
    """Return the one value that modules have for an attribute, or None if they have none.

    Modules of any kind: one of another library in a part may have it too.
    """
    said: dict[Any, nn.Module] = {}
    for module in modules:
        value = getattr(module, name, None)
        if value is not None:
            said.setdefault(value, module)
    if len(said) > 1:
        both = " and ".join(f"{value} of {describe(module)}" for value, module in said.items())
        raise ValueError(f"{name} must be one in the transform and all parts, got {both}")
    return next(iter(said), None)
