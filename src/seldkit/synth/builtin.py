"""Procedural sounds: enough to make scenes on a machine that has no recordings."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seldkit._checks import integer
from seldkit._typing import Float
from seldkit.synth.ranges import checked_label

LOWEST_RATE = 8000
"""In hertz: below, the band does not hold a bird."""

Sound = NDArray[np.float64]


class BuiltinSounds:
    """Eight classes of sounds made from formulas, each with random parameters.

    Two sounds of one class differ in pitch, rhythm, length and colour, but a listener would call
    them by one name. They last from under half a second to over five seconds.

    Examples:
        >>> BuiltinSounds().classes
        ('bell', 'bird', 'engine', 'footsteps', 'hiss', 'knock', 'siren', 'telephone')
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return tuple(sorted(MAKERS))

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> Float[NDArray[np.float32], " sample"]:
        """Return a new sound of a class.

        Args:
            label: Class, from 0.
            generator: Chooses the parameters.
            sample_rate: Rate of the returned samples, in hertz; at least 8000.

        Raises:
            ValueError: If there is no such class, or the rate is too low for some.
        """
        if integer("sample_rate", sample_rate) < LOWEST_RATE:
            raise ValueError(f"sample_rate must be at least {LOWEST_RATE}, got {sample_rate}")
        sound = MAKERS[self.classes[checked_label(label, self.classes)]](generator, sample_rate)
        sound /= np.abs(sound).max()
        return sound.astype(np.float32)

    def fingerprint(self) -> str:
        """Return a text that changes with what may be drawn, but for the library's version."""
        return repr(self)

    def __repr__(self) -> str:
        return "BuiltinSounds()"


def _bell(g: np.random.Generator, rate: int) -> Sound:
    """Partials of a church bell over its strike note, each dying away at its own pace."""
    ratios = np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.51, 3.0, 4.1, 5.4]) * g.normal(1, 0.01, 9)
    strike_hz, fade_s = g.uniform(350, 1100), g.uniform(0.35, 0.9)
    gains = g.uniform(0.3, 1.0, 9) / np.sqrt(ratios)
    time = _time(4 * fade_s, rate)
    partials = [
        gain * np.exp(-time * np.sqrt(ratio) / fade_s) * _tone(strike_hz * ratio * time)
        for ratio, gain in zip(ratios, gains, strict=True)
        if strike_hz * ratio < 0.45 * rate
    ]
    return _repeat(g, np.sum(partials, axis=0), times=(1, 3), every_s=(0.5, 0.9), rate=rate)


def _bird(g: np.random.Generator, rate: int) -> Sound:
    """Short whistles that glide up or down, in quick succession."""
    low_hz, glide, length_s = g.uniform(1800, 3500), g.uniform(1.2, 1.9), g.uniform(0.06, 0.16)
    time = _time(length_s, rate)
    rise = time / length_s if g.random() < 0.5 else 1 - time / length_s
    pitch_hz = low_hz * glide**rise
    whistle = np.sin(np.pi * time / length_s) ** 2 * _voice(pitch_hz, rate, (1.0, 0.25, 0.1))
    return _repeat(g, whistle, times=(4, 10), every_s=(0.15, 0.32), rate=rate)


def _engine(g: np.random.Generator, rate: int) -> Sound:
    """Harmonics of a firing rate that wavers, and noise that pulses with it."""
    time = _time(g.uniform(2.0, 4.0), rate)
    wobble = 1 + g.uniform(0.02, 0.15) * np.sin(2 * np.pi * g.uniform(0.2, 0.8) * time)
    firing_hz = g.uniform(35, 80) * wobble
    harmonics = 1 / np.arange(1, 31) ** g.uniform(0.5, 0.9) * g.uniform(0.4, 1.0, 30)
    rumble = _voice(firing_hz, rate, harmonics)
    pulse = 1 + 0.8 * np.sin(2 * np.pi * np.cumsum(firing_hz) / rate)
    return rumble + g.uniform(0.2, 0.5) * pulse * _noise(g, len(time), rate, 100, 1200)


def _footsteps(g: np.random.Generator, rate: int) -> Sound:
    """A heel's thump and the scuff that follows it, at walking pace."""
    time = _time(0.22, rate)
    thump = np.exp(-time / 0.02) * _tone(g.uniform(80, 160) * time)
    scuff = _noise(g, len(time), rate, g.uniform(500, 1200), g.uniform(3500, 7000))
    shape = np.exp(-time / 0.04) + 0.7 * np.exp(-(((time - 0.1) / 0.03) ** 2))
    step = thump + g.uniform(0.7, 1.4) * shape * scuff
    return _repeat(g, step, times=(4, 8), every_s=(0.35, 0.6), rate=rate)


def _hiss(g: np.random.Generator, rate: int) -> Sound:
    """Steam: bursts of bright noise with soft edges."""
    time = _time(g.uniform(0.4, 1.2), rate)
    edge_s = g.uniform(0.03, 0.1)
    shape = np.clip(np.minimum(time, time[-1] - time) / edge_s, 0, 1)
    burst = shape * _noise(g, len(time), rate, g.uniform(2500, 5000), 0.5 * rate)
    return _repeat(g, burst, times=(1, 3), every_s=(1.3, 1.6), rate=rate)


def _knock(g: np.random.Generator, rate: int) -> Sound:
    """Knuckles on a wooden door: damped modes, several times in a row."""
    time = _time(0.15, rate)
    modes_hz = g.uniform(180, 420) * np.array([1.0, 1.9, 2.8, 4.3]) * g.normal(1, 0.04, 4)
    fades_s = g.uniform(0.012, 0.03) / np.array([1.0, 1.4, 2.0, 3.0])
    modes = [
        np.exp(-time / fade) * _tone(mode * time)
        for mode, fade in zip(modes_hz, fades_s, strict=True)
    ]
    click = np.exp(-time / 0.002) * g.standard_normal(len(time))
    wood = np.sum(modes, axis=0) + 0.5 * click
    return _repeat(g, wood, times=(3, 7), every_s=(0.14, 0.3), rate=rate)


def _siren(g: np.random.Generator, rate: int) -> Sound:
    """A rich tone whose pitch wails up and down."""
    time = _time(g.uniform(2.0, 4.0), rate)
    swing = np.sin(2 * np.pi * g.uniform(0.3, 1.5) * time + g.uniform(0, 2 * np.pi))
    pitch_hz = g.uniform(650, 1000) * g.uniform(1.3, 1.7) ** swing
    return _voice(pitch_hz, rate, 1 / np.arange(1, 10) ** g.uniform(0.6, 1.1))


def _telephone(g: np.random.Generator, rate: int) -> Sound:
    """An electronic ring: two notes that alternate many times a second."""
    time = _time(g.uniform(0.6, 1.0), rate)
    note = np.floor(time * g.uniform(20, 36)) % 2
    pitch_hz = g.uniform(950, 1500) * np.where(note == 0, 1.0, g.uniform(1.2, 1.4))
    ring = np.clip((time[-1] - time) / 0.02, 0, 1) * _voice(pitch_hz, rate, (1, 0, 0.6, 0, 0.3))
    return _repeat(g, ring, times=(2, 3), every_s=(1.15, 1.5), rate=rate)


MAKERS: dict[str, Callable[[np.random.Generator, int], Sound]] = {
    "bell": _bell,
    "bird": _bird,
    "engine": _engine,
    "footsteps": _footsteps,
    "hiss": _hiss,
    "knock": _knock,
    "siren": _siren,
    "telephone": _telephone,
}


def _time(seconds: float, rate: int) -> Sound:
    return np.arange(round(seconds * rate)) / rate


def _tone(cycles: Sound) -> Sound:
    return np.sin(2 * np.pi * cycles)


def _voice(pitch_hz: Sound, rate: int, gains: Sound | tuple[float, ...]) -> Sound:
    """Return a tone with harmonics, those beyond the band left out."""
    turn = np.exp(2j * np.pi * np.cumsum(pitch_hz) / rate)
    harmonic, voice = np.ones_like(turn), np.zeros(len(turn))
    for number, gain in enumerate(gains, start=1):
        harmonic *= turn
        voice += gain * harmonic.imag * (pitch_hz * number < 0.45 * rate)
    return voice


def _noise(g: np.random.Generator, length: int, rate: int, low_hz: float, high_hz: float) -> Sound:
    """Return noise of unit power that falls off by 12 dB an octave beyond two frequencies."""
    hertz = np.fft.rfftfreq(length, 1 / rate)
    band = 1 / (1 + (low_hz / np.maximum(hertz, 1)) ** 2) / (1 + (hertz / high_hz) ** 2)
    noise: Sound = np.fft.irfft(np.fft.rfft(g.standard_normal(length)) * band, length)
    noise /= noise.std()
    return noise


def _repeat(
    g: np.random.Generator,
    sound: Sound,
    *,
    times: tuple[int, int],
    every_s: tuple[float, float],
    rate: int,
) -> Sound:
    """Return a sound several times over, not quite evenly and not quite equally loud."""
    number, every = g.integers(times[0], times[1] + 1), g.uniform(*every_s) * rate
    onsets = (np.arange(number) + g.uniform(0, 0.12, number)) * every
    total = np.zeros(int(onsets[-1]) + len(sound))
    for onset in onsets.astype(int):
        total[onset : onset + len(sound)] += g.uniform(0.6, 1.0) * sound
    return total
