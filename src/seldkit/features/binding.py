"""Modules that are complete once the length of the FFT and the sampling rate are known.

Both are said once, to the transform or to any part; an extractor gives them to all others when it
is built, and compares where several say them.
"""

from collections.abc import Iterable, Sequence

from torch import nn

from seldkit._checks import check_count, integer
from seldkit.features.precision import PreciseModule


class BoundModule(PreciseModule):
    """A module whose tables or bins depend on FFT length and sampling rate."""

    n_fft: int | None
    sample_rate: int | None
    _bound = False

    def bind(self, n_fft: int, sample_rate: int | None) -> None:
        """Make what depends on FFT length and sampling rate, if it is not made yet.

        Raises:
            ValueError: If the settings do not fit them, or the rate is not known.
        """
        if self._bound:
            return
        if sample_rate is None:
            name = type(self).__name__
            raise ValueError(f"sample_rate must be said by the STFT or a part for {name}, got none")
        check_count(n_fft=n_fft, sample_rate=sample_rate)
        n_fft, sample_rate = integer("n_fft", n_fft), integer("sample_rate", sample_rate)
        self._make(n_fft, sample_rate)
        self.n_fft, self.sample_rate, self._bound = n_fft, sample_rate, True

    def _say(self, n_fft: int | None, sample_rate: int | None) -> None:
        """Keep what the constructor was given, and make what can be made."""
        self.n_fft, self.sample_rate = n_fft, sample_rate
        for name, value in (("n_fft", n_fft), ("sample_rate", sample_rate)):
            if value is not None:
                check_count(**{name: value})
        if n_fft is not None and sample_rate is not None:
            self.bind(n_fft, sample_rate)

    def _make(self, n_fft: int, sample_rate: int) -> None:
        raise NotImplementedError

    def _check_bound(self) -> None:
        if not self._bound:
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
    for owner in modules:
        for module in owner.modules():
            take = getattr(module, "bind", None)
            if take is not None:
                take(n_fft, sample_rate)


def describe(module: object) -> str:
    """Return a module's name and settings in one line."""
    settings = module.extra_repr() if isinstance(module, nn.Module) else ""
    return f"{type(module).__name__}({settings})"


def _agreed(name: str, modules: Iterable[nn.Module]) -> int | None:
    """Return the one value that modules have for an attribute, or None if they have none."""
    said: dict[int, nn.Module] = {}
    for module in modules:
        value = getattr(module, name, None)
        if value is not None:
            said.setdefault(value, module)
    if len(said) > 1:
        both = " and ".join(f"{value} of {describe(module)}" for value, module in said.items())
        raise ValueError(f"{name} must be one in the transform and all parts, got {both}")
    return next(iter(said), None)
