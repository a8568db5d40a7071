"""Mixtures of far sounds as an array of microphones records them in the open."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from os import PathLike
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_floating, check_positive, check_shape
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.geometry import unit_vector
from seldkit.synth.excerpt import at_level, excerpt
from seldkit.synth.labels import FRAMES_PER_S
from seldkit.synth.ranges import (
    Range,
    checked_positive,
    checked_range,
    checked_seeds,
    checked_value,
)
from seldkit.synth.receiver import check_array
from seldkit.synth.sounds import Sounds, as_sounds, draw_sound, drawable

_RINGING = 64
_SOUNDING_DB = 30.0


def array_plane_wave(
    signal: Float[Tensor, " sample"],
    direction: Float[Tensor, "axis=3"],
    array: ArrayGeometry,
    *,
    sample_rate: int,
    speed_of_sound: float = SPEED_OF_SOUND,
) -> Float[Tensor, "channel sample"]:
    """Return what the microphones of an array record of a far source.

    Each hears the signal with its [delay][seldkit.arrays.ArrayGeometry.delays], exact to a fraction
    of a sample; before and after the signal is silence.

    Args:
        signal: The sound at the centre of the array.
        direction: Unit vector towards the source.
        array: Where the microphones are.
        sample_rate: In hertz.
        speed_of_sound: In metres per second.

    Raises:
        TypeError: If signal or direction hold integers.
        ValueError: If a shape is wrong, or a number is not positive.

    Examples:
        >>> pair = ArrayGeometry.line(2, spacing_m=0.343)  # 1 ms apart
        >>> click = torch.tensor([0.0, 0, 0, 0, 1, 0, 0, 0, 0])
        >>> left = torch.tensor([0.0, 1.0, 0.0])
        >>> array_plane_wave(click, left, pair, sample_rate=4000).argmax(dim=1)
        tensor([2, 6])
    """
    from scipy.fft import next_fast_len

    check_shape("signal", signal, "sample")
    check_shape("direction", direction, "axis", axis=3)
    check_floating(signal=signal, direction=direction)
    check_positive(sample_rate=sample_rate, speed_of_sound=speed_of_sound)
    wide = signal.to(torch.promote_types(signal.dtype, torch.float32))
    towards = direction.to(signal.device, torch.float64)
    delay = array.delays(towards, speed_of_sound=speed_of_sound) * sample_rate
    # The silence around it takes up what the delays push out, and the ringing of fractions.
    margin = _RINGING + math.ceil(float(delay.abs().max()))
    length = next_fast_len(len(signal) + 2 * margin, real=True)
    padded = functional.pad(wide, (margin, length - len(signal) - margin))
    hertz = torch.fft.rfftfreq(length, dtype=torch.float64, device=signal.device)
    turns = torch.outer(delay, hertz)
    spectrum = torch.fft.rfft(padded)
    shifted = spectrum * torch.exp(-2j * torch.pi * turns).to(spectrum)
    recorded: Tensor = torch.fft.irfft(shifted, length)[:, margin : margin + len(signal)]
    return recorded.to(signal.dtype)


class ArrayMixture(NamedTuple):
    """A mixture of sounds, one of which is the target.

    Attributes:
        waveform: What the microphones record, `float32 [channel, sample]`.
        target: What they would record of the target alone.
        label: Class of the target.
        direction: Index of its direction.
    """

    waveform: Float[Tensor, "channel sample"]
    target: Float[Tensor, "channel sample"]
    label: int
    direction: int


@dataclass(frozen=True)
class ArrayMixtures:
    """Makes mixtures of sounds from different directions around an array of microphones.

    A mixture has a target and quieter sounds of other classes from other directions, each with its
    onset drawn so that it lies within the mixture, or, if longer, cut to a piece. Sources are far
    and there are no walls. Noise is white and independent in each microphone.

    A mixture depends on nothing but the settings, the sounds, the seed and the index. Waveforms are
    scaled down together where the mixture would go beyond full scale.

    Args:
        array: Where the microphones are.
        sounds: A folder (see [`FolderSounds`][seldkit.synth.FolderSounds]), an object such as
            `FolderSounds(folder, folds=(1, 2))`, or None for the built-in sounds.
        num_sounds: Sounds in a mixture: the target and the others.
        azimuths_deg: Azimuth of each direction, counter-clockwise from the front; all different.
        elevation_deg: Elevation of all directions.
        duration_s: Length of a mixture.
        sample_rate: In hertz.
        level_db: Level of the target, in dB of full scale: root mean square over the frames of
            100 ms within 30 dB of its loudest.
        other_db: Level of each other sound to that of the target, in dB.
        snr_db: Power of all sounds over the whole mixture, at the first microphone, to that of the
            noise; None for no noise.

    Raises:
        TypeError: If the array, a number, a range or the sounds are of the wrong kind.
        ValueError: If a number or a range is out of bounds, or there are not as many classes and
            directions as sounds.

    Examples:
        >>> mixtures = ArrayMixtures(ArrayGeometry.circle(8, radius_m=0.05))
        >>> mixture = mixtures.mixture(seed=7)
        >>> mixture.waveform.shape, mixtures.classes[mixture.label]
        (torch.Size([8, 67072]), 'siren')
    """

    array: ArrayGeometry
    sounds: Sounds | str | PathLike[str] | None = None
    _: KW_ONLY
    num_sounds: int = 2
    azimuths_deg: Sequence[float] = (0.0, 45.0, 90.0, 135.0, 180.0, -135.0, -90.0, -45.0)
    elevation_deg: float = 0.0
    duration_s: float = 4.192
    sample_rate: int = 16000
    level_db: Range = (-32.0, -24.0)
    other_db: Range = (-9.0, -3.0)
    snr_db: float | None = 15.0
    _sounds: Sounds = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_array(self.array)
        check_count(num_sounds=self.num_sounds, sample_rate=self.sample_rate)
        settings: dict[str, object] = {
            "_sounds": as_sounds(self.sounds),
            "num_sounds": int(self.num_sounds),
            "azimuths_deg": tuple(checked_value("azimuths_deg", a) for a in self.azimuths_deg),
            "elevation_deg": checked_value("elevation_deg", self.elevation_deg),
            "duration_s": checked_positive("duration_s", self.duration_s),
            "sample_rate": int(self.sample_rate),
            "level_db": checked_range("level_db", self.level_db),
            "other_db": checked_range("other_db", self.other_db),
            "snr_db": None if self.snr_db is None else checked_value("snr_db", self.snr_db),
        }
        for name, value in settings.items():
            object.__setattr__(self, name, value)
        if len({azimuth % 360 for azimuth in self.azimuths_deg}) < len(self.azimuths_deg):
            raise ValueError(f"azimuths_deg must be different, got {self.azimuths_deg}")
        if self.num_samples < 1:
            raise ValueError(f"duration_s must hold a sample, got {self.duration_s}")
        for name, things in (
            ("classes", drawable(self._sounds)),
            ("azimuths_deg", self.azimuths_deg),
        ):
            if len(things) < self.num_sounds:
                raise ValueError(
                    f"num_sounds must be at most the {len(things)} {name}, got {self.num_sounds}"
                )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label `i` is the i-th name."""
        return self._sounds.classes

    @property
    def num_samples(self) -> int:
        """Samples in a mixture."""
        return round(self.duration_s * self.sample_rate)

    def mixture(self, seed: int, index: int = 0) -> ArrayMixture:
        """Return the mixture of a seed and an index.

        Args:
            seed: Whole number, not negative; one for each set of mixtures.
            index: Number of the mixture in the set, not negative.

        Raises:
            ValueError: If a recording cannot be used.
        """
        generator = np.random.default_rng(checked_seeds(seed, index))
        count = self.num_sounds
        labels = generator.choice(drawable(self._sounds), count, replace=False).tolist()
        places = generator.choice(len(self.azimuths_deg), count, replace=False).tolist()
        target_db = generator.uniform(*self.level_db)
        others_db = target_db + generator.uniform(*self.other_db, count - 1)
        target, *others = (
            self._recording(generator, *sound)
            for sound in zip(labels, places, [target_db, *others_db.tolist()], strict=True)
        )
        mix = torch.stack((target, *others)).sum(dim=0)
        if self.snr_db is not None:
            noise = generator.standard_normal(mix.shape, dtype=np.float32)
            power = mix[0].square().mean() * 10 ** (-self.snr_db / 10)
            mix = mix + power.sqrt() * torch.from_numpy(noise)
        scale = mix.abs().max().clamp(min=1.0)
        return ArrayMixture(mix / scale, target / scale, labels[0], places[0])

    def _recording(
        self, generator: np.random.Generator, label: int, place: int, level_db: float
    ) -> Float[Tensor, "channel sample"]:
        """Return one sound from one direction, at a random time."""
        rate, frame = self.sample_rate, math.ceil(self.sample_rate / FRAMES_PER_S)
        sound = draw_sound(self._sounds, label, generator, rate)
        piece = excerpt(sound, generator, num_samples=self.num_samples, sample_rate=rate)
        dry = torch.from_numpy(at_level(piece, level_db, frame=frame, range_db=_SOUNDING_DB))
        spare = self.num_samples - len(dry)
        onset = int(generator.integers(spare + 1))
        signal = functional.pad(dry, (onset, spare - onset))
        azimuth = torch.tensor(self.azimuths_deg[place], dtype=torch.float64)
        direction = unit_vector(azimuth, self.elevation_deg)
        return array_plane_wave(signal, direction, self.array, sample_rate=rate)
