"""Labelled scenes: recordings placed around a first-order ambisonics microphone in a room."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from os import PathLike

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_count, check_number, require
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.events import Events
from seldkit.synth.excerpt import at_level, excerpt, without_rumble
from seldkit.synth.labels import FRAMES_PER_S, PlacedSound, label_events, sounding_power
from seldkit.synth.noise import diffuse_noise
from seldkit.synth.ranges import Range, checked_positive, checked_range, checked_seeds
from seldkit.synth.render import direct_sound, reverberation
from seldkit.synth.room import Room, draw_room
from seldkit.synth.sounds import Sounds, as_sounds, draw_sound
from seldkit.synth.trajectory import Region, draw_trajectory
from seldkit.synth.voices import classes_between, draw_voices

WALL_M = 0.2
RANGES = (
    "event_s",
    "pause_s",
    "level_db",
    "snr_db",
    "noise_tilt_db",
    "azimuth_deg",
    "elevation_deg",
    "distance_m",
    "turn_deg_s",
    "speed_m_s",
    "t60_s",
)


@dataclass(frozen=True)
class SceneSynthesizer:
    """Makes labelled scenes, each in another room, out of mono sounds.

    A scene has `max_polyphony` voices; each alternates between a pause and an event, so that there
    are never more events at once. An event is a piece of a sound, at a random place in a random
    shoebox room, where it stays or moves. Ambient noise comes from all directions. The waveform is
    in ACN order (W, Y, Z, X), SN3D normalised, and never beyond full scale: a scene whose peak
    would be is scaled down.

    Labels tell the truth about the sound. An event is labelled in the frames of 100 ms whose direct
    sound, as it arrives, is within `label_range_db` of the event's loudest frame and stronger than
    the ambient noise; reverberation alone is not labelled. Direction and distance are those at the
    frame's centre. Rows are sorted by frame, then source; the sources are numbered by onset.

    A scene depends on nothing but the settings, the sounds, the seed and the index: in any
    process, with any number of threads, it has the same bytes. Every range is drawn from uniformly,
    and places that the room does not hold are drawn anew. Sounds lose what lies below 40 Hz.

    Args:
        sounds: A folder (see [`FolderSounds`][seldkit.synth.FolderSounds]), an object such as
            `FolderSounds(folder, folds=(1, 2))`, or None for the built-in sounds.
        duration_s: Length of a scene; a multiple of 0.1 s.
        sample_rate: In hertz; a multiple of 10.
        max_polyphony: Most events in a frame.
        same_class_overlap: Whether events of one class may sound at once.
        anechoic: Leave the room out, and pyroomacoustics with it: only the direct sound.
        moving: Probability that an event moves; where the room is too narrow for that, it stays.
        event_s: Length of events; from a longer sound a piece is taken, a shorter one stays.
        pause_s: Pause of a voice before each event.
        level_db: Level of events at one metre, in dB of full scale: root mean square over the
            frames that are loud enough to be labelled.
        snr_db: Power of the events on W over the frames that have any, to that of the ambient
            noise; None for no noise.
        noise_tilt_db: Slope of the noise's spectrum, in dB per octave.
        azimuth_deg: Azimuth of events, in degrees.
        elevation_deg: Elevation of events, in degrees.
        distance_m: Distance of events, in metres.
        turn_deg_s: Angular speed of events that circle the microphone, in degrees per second.
        speed_m_s: Speed of events that move straight on, in metres per second.
        room_m: Length, width and height of the room, in metres.
        t60_s: Reverberation time, in seconds.
        image_order: Most reflections of an image source; later ones are a diffuse tail.
        label_range_db: How far below its loudest frame an event is still labelled.

    Raises:
        ModuleNotFoundError: If rooms are asked for without pyroomacoustics (the extra `synth`).
        TypeError: If a number, a range or the sounds are of the wrong kind.
        ValueError: If a range is reversed or out of bounds, or a number makes no scene.

    Examples:
        >>> synthesizer = SceneSynthesizer(duration_s=2.0, anechoic=True)
        >>> waveform, events = synthesizer.scene(seed=7)
        >>> waveform.shape, events.num_frames
        (torch.Size([4, 48000]), 20)
    """

    sounds: Sounds | str | PathLike[str] | None = None
    _: KW_ONLY
    duration_s: float = 10.0
    sample_rate: int = 24000
    max_polyphony: int = 2
    same_class_overlap: bool = False
    anechoic: bool = False
    moving: float = 0.25
    event_s: Range = (1.0, 4.0)
    pause_s: Range = (0.2, 3.0)
    level_db: Range = (-32.0, -24.0)
    snr_db: Range | None = (15.0, 30.0)
    noise_tilt_db: Range = (-6.0, -2.0)
    azimuth_deg: Range = (-180.0, 180.0)
    elevation_deg: Range = (-40.0, 40.0)
    distance_m: Range = (0.8, 3.5)
    turn_deg_s: Range = (10.0, 60.0)
    speed_m_s: Range = (0.3, 1.5)
    room_m: tuple[Range, Range, Range] = ((4.0, 9.0), (3.5, 7.0), (2.5, 3.5))
    t60_s: Range = (0.15, 0.45)
    image_order: int = 12
    label_range_db: float = 30.0
    _sounds: Sounds = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check()
        if not self.anechoic:
            require("pyroomacoustics", "synth")
        object.__setattr__(self, "_sounds", as_sounds(self.sounds))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label `i` is the i-th name."""
        return self._sounds.classes

    @property
    def num_frames(self) -> int:
        """Label frames in a scene."""
        return round(self.duration_s * FRAMES_PER_S)

    def scene(self, seed: int, index: int = 0) -> tuple[Float[Tensor, "channel=4 sample"], Events]:
        """Return the scene of a seed and an index: its waveform and its events.

        Args:
            seed: Whole number, not negative; one for each set of scenes.
            index: Number of the scene in the set, not negative.

        Raises:
            ValueError: If a recording cannot be used, or no room has a place for an event.
        """
        seeds = np.random.SeedSequence(checked_seeds(seed, index)).spawn(3)
        plan, tails, ambience = (np.random.default_rng(child) for child in seeds)
        room, region = self._draw_place(plan)
        sounds = draw_voices(
            plan,
            partial(self._draw_sound, plan, region),
            num_voices=self.max_polyphony,
            pause_s=self.pause_s,
            num_samples=self.num_frames * self._frame,
            sample_rate=self.sample_rate,
        )
        mix = np.zeros((4, self.num_frames * self._frame), dtype=np.float32)
        power = np.zeros((len(sounds), self.num_frames))
        for number, sound in enumerate(sounds):
            direct = direct_sound(sound.dry, sound.trajectory, self.sample_rate)
            power[number] = sounding_power(
                direct[0],
                sound.onset,
                frame=self._frame,
                num_frames=self.num_frames,
                range_db=self.label_range_db,
            )
            _add(mix, direct, sound.onset)
            if room is not None:
                wet = reverberation(sound.dry, sound.trajectory, room, tails, self.sample_rate)
                _add(mix, wet, sound.onset)
        if self.snr_db is not None:
            active = np.flatnonzero((power > 0).any(axis=0))
            noise = self._draw_noise(ambience, self.snr_db, mix[0], active)
            power[power <= np.square(noise[0]).mean()] = 0
            mix += noise
        mix /= max(1.0, np.abs(mix).max())
        return torch.from_numpy(mix), label_events(sounds, power > 0, self.sample_rate)

    @property
    def _frame(self) -> int:
        return self.sample_rate // FRAMES_PER_S

    def _draw_place(self, generator: np.random.Generator) -> tuple[Room | None, Region]:
        """Return a room with a microphone, or None, and where around it events may be."""
        if self.anechoic:
            room, low, high = None, np.full(3, -np.inf), np.full(3, np.inf)
        else:
            room = draw_room(
                generator, size_m=self.room_m, t60_s=self.t60_s, image_order=self.image_order
            )
            low = WALL_M - np.array(room.receiver_m)
            high = np.array(room.size_m) - WALL_M - np.array(room.receiver_m)
        return room, Region(self.azimuth_deg, self.elevation_deg, self.distance_m, low, high)

    def _draw_sound(
        self,
        generator: np.random.Generator,
        region: Region,
        onset: int,
        others: Sequence[PlacedSound],
    ) -> PlacedSound | None:
        """Return a sound that starts at `onset`, or None where all classes are taken."""
        longest = round(generator.uniform(*self.event_s) * self.sample_rate)
        free = set(range(len(self.classes)))
        if not self.same_class_overlap:
            delay = math.ceil(self.distance_m[1] / SPEED_OF_SOUND * self.sample_rate)
            end = onset + longest + delay + 1
            free -= classes_between(others, onset, end, self.sample_rate)
        if not free:
            return None
        label = int(generator.choice(sorted(free)))
        recording = draw_sound(self._sounds, label, generator, self.sample_rate)
        piece = excerpt(recording, generator, num_samples=longest, sample_rate=self.sample_rate)
        dry = at_level(
            without_rumble(piece, self.sample_rate),
            generator.uniform(*self.level_db),
            frame=self._frame,
            range_db=self.label_range_db,
        )
        trajectory = draw_trajectory(
            generator,
            region,
            seconds=len(dry) / self.sample_rate,
            moving=generator.random() < self.moving,
            turn_deg_s=self.turn_deg_s,
            speed_m_s=self.speed_m_s,
        )
        return PlacedSound(label, onset, dry, trajectory)

    def _draw_noise(
        self,
        generator: np.random.Generator,
        snr_db: Range,
        omni: NDArray[np.float32],
        active: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return ambient noise at a random level below that of the active frames."""
        frames = np.square(omni, dtype=np.float64).reshape(-1, self._frame)[active]
        loudness = frames.mean() if len(active) else 10 ** (np.mean(self.level_db) / 10)
        gain = math.sqrt(loudness * 10 ** (-generator.uniform(*snr_db) / 10))
        tilt = generator.uniform(*self.noise_tilt_db)
        noise = diffuse_noise(generator, len(omni), self.sample_rate, tilt_db=tilt)
        return np.float32(gain) * noise

    def _check(self) -> None:
        """Take numbers of any kind as Python's, and refuse those that make no scene."""
        settings: dict[str, object] = {}
        for name in ("max_polyphony", "sample_rate", "image_order"):
            check_count(**{name: getattr(self, name)})
            settings[name] = int(getattr(self, name))
        for name in ("duration_s", "label_range_db"):
            settings[name] = checked_positive(name, getattr(self, name))
        for name in RANGES:
            limits = getattr(self, name)
            if limits is not None or name != "snr_db":
                settings[name] = checked_range(name, limits)
        if len(self.room_m) != 3:
            raise ValueError(f"room_m must be (length, width, height), got {self.room_m}")
        sides = zip(("length", "width", "height"), self.room_m, strict=True)
        settings["room_m"] = tuple(checked_range(f"{s} in room_m", limits) for s, limits in sides)
        check_number(moving=self.moving)
        settings["moving"] = float(self.moving)
        for name, value in settings.items():
            object.__setattr__(self, name, value)
        if self.sample_rate % FRAMES_PER_S:
            raise ValueError(f"sample_rate must be a multiple of 10, got {self.sample_rate}")
        if self.num_frames < 1 or abs(self.num_frames / FRAMES_PER_S - self.duration_s) > 1e-9:
            raise ValueError(f"duration_s must be a multiple of 0.1, got {self.duration_s}")
        if not 0 <= self.moving <= 1:
            raise ValueError(f"moving must be a probability, 0 to 1, got {self.moving}")


def _add(mix: NDArray[np.float32], sound: NDArray[np.float32], onset: int) -> None:
    """Add a sound to a mix from an onset on, and drop what lies beyond the mix's end."""
    inside = mix[:, onset : onset + sound.shape[1]]
    inside += sound[:, : inside.shape[1]]
