"""Labelled scenes: recordings placed around microphones in a room."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from os import PathLike

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import require
from seldkit._typing import Float
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.events import Events
from seldkit.synth.excerpt import at_level, excerpt, without_rumble
from seldkit.synth.labels import FRAMES_PER_S, PlacedSound, label_events, sounding_power
from seldkit.synth.noise import diffuse_noise
from seldkit.synth.places import MeasuredPlace, Place, SimulatedPlace, measured_places
from seldkit.synth.ranges import Range, checked_seeds
from seldkit.synth.receiver import receiver
from seldkit.synth.recorded_noise import RecordedNoise
from seldkit.synth.room import draw_room
from seldkit.synth.room_responses import RoomResponses
from seldkit.synth.scene_settings import checked_settings, checked_weights
from seldkit.synth.sounds import Sounds, as_sounds, draw_sound, drawable
from seldkit.synth.trajectory import Point, Region
from seldkit.synth.voices import classes_between, draw_voices

WALL_M = 0.2


@dataclass(frozen=True)
class SceneSynthesizer:
    """Makes labelled scenes, each in another room, out of mono sounds.

    A scene has `max_polyphony` voices; each alternates between a pause and an event, so that there
    are never more events at once. An event is a piece of a sound, at a random place in a random
    shoebox room, where it stays or moves. Ambient noise comes from all directions. The waveform is
    first-order ambisonics in ACN order (W, Y, Z, X), SN3D normalised, or what the microphones of an
    open array record. It is never beyond full scale: a scene whose peak would be is scaled down.

    In place of simulated rooms there may be measured ones: scene after scene takes the next room of
    `responses`, and events stay at places where a response was measured.

    Labels tell the truth about the sound. An event is labelled in the frames of 100 ms whose direct
    sound, as it arrives, is within `label_range_db` of the event's loudest frame and stronger than
    the noise in the first channel; reverberation alone is not labelled. Direction and distance are
    those at the frame's centre. Rows are sorted by frame, then source, numbered by onset.

    A scene depends on nothing but the settings, the sounds, the seed and the index: in any
    process, with any number of threads, it has the same bytes. Every range is drawn from uniformly,
    and places that the room does not hold are drawn anew. Sounds lose what lies below 40 Hz.

    Args:
        sounds: A folder (see [`FolderSounds`][seldkit.synth.FolderSounds]), an object such as
            `FolderSounds(folder, folds=(1, 2))`, or None for the built-in sounds.
        array: Microphones of an open array; None for first-order ambisonics.
        responses: Measured rooms in place of simulated ones: a folder or a SOFA file, see
            [`RoomResponses`][seldkit.synth.RoomResponses].
        noise: Folder of recorded ambient noise with the channels of the scenes, at any depth, in
            place of made noise.
        class_weights: How often a class is drawn, by its name; 1 for those that are not named.
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
        snr_db: Power of the events on the first channel over the frames that have any, to that of
            the ambient noise; None for no noise.
        noise_tilt_db: Slope of made noise's spectrum, in dB per octave.
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
        ValueError: If a range is reversed or out of bounds, a number makes no scene, or measured
            rooms are to be without echoes, recorded by an array, or hold no place in the ranges.

    Examples:
        >>> synthesizer = SceneSynthesizer(duration_s=2.0, anechoic=True)
        >>> waveform, events = synthesizer.scene(seed=7)
        >>> waveform.shape, events.num_frames
        (torch.Size([4, 48000]), 20)
    """

    sounds: Sounds | str | PathLike[str] | None = None
    _: KW_ONLY
    array: ArrayGeometry | None = None
    responses: RoomResponses | str | PathLike[str] | None = None
    noise: str | PathLike[str] | None = None
    class_weights: Mapping[str, float] | None = None
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
    _sounds: Sounds = field(init=False, repr=False, compare=False)
    _rooms: tuple[MeasuredPlace, ...] = field(init=False, repr=False, compare=False, default=())
    _noise: RecordedNoise | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        own = checked_settings(vars(self))
        own["_sounds"] = sounds = as_sounds(self.sounds)
        own["class_weights"] = checked_weights(
            self.class_weights, [sounds.classes[label] for label in drawable(sounds)]
        )
        channels = receiver(self.array).num_channels
        own["_noise"] = None if self.noise is None else RecordedNoise(self.noise, channels)
        for name, value in own.items():
            object.__setattr__(self, name, value)
        responses = self.responses
        if responses is not None:
            if self.anechoic or self.array is not None:
                raise ValueError("responses must go without anechoic and array: they are of rooms")
            if not isinstance(responses, RoomResponses):
                responses = RoomResponses(responses)
            places = measured_places(responses, self._region(), self.sample_rate)
            object.__setattr__(self, "_rooms", places)
        elif not self.anechoic:
            require("pyroomacoustics", "synth")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label `i` is the i-th name."""
        return self._sounds.classes

    @property
    def num_frames(self) -> int:
        """Label frames in a scene."""
        return round(self.duration_s * FRAMES_PER_S)

    def scene(self, seed: int, index: int = 0) -> tuple[Float[Tensor, "channel sample"], Events]:
        """Return the scene of a seed and an index: its waveform and its events.

        Args:
            seed: Whole number, not negative; one for each set of scenes.
            index: Number of the scene in the set, not negative.

        Raises:
            ValueError: If a recording cannot be used, or no room has a place for an event.
        """
        seeds = np.random.SeedSequence(checked_seeds(seed, index)).spawn(3)
        plan, tails, ambience = (np.random.default_rng(child) for child in seeds)
        place = self._draw_place(plan, index)
        sounds = draw_voices(
            plan,
            partial(self._draw_sound, plan, place),
            num_voices=self.max_polyphony,
            pause_s=self.pause_s,
            num_samples=self.num_frames * self._frame,
            sample_rate=self.sample_rate,
        )
        channels = receiver(self.array).num_channels
        mix = np.zeros((channels, self.num_frames * self._frame), dtype=np.float32)
        power = np.zeros((len(sounds), self.num_frames))
        for number, sound in enumerate(sounds):
            direct, parts = place.record(sound.dry, sound.trajectory, tails)
            power[number] = sounding_power(
                direct,
                sound.onset,
                frame=self._frame,
                num_frames=self.num_frames,
                range_db=self.label_range_db,
            )
            for part in parts:
                _add(mix, part, sound.onset)
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

    def _region(self, low: float | Point = -math.inf, high: float | Point = math.inf) -> Region:
        """Return where events may be, within a box around the microphones."""
        corners = (np.broadcast_to(np.float64(corner), 3) for corner in (low, high))
        return Region(self.azimuth_deg, self.elevation_deg, self.distance_m, *corners)

    def _draw_place(self, generator: np.random.Generator, index: int) -> Place:
        """Return where a scene takes place."""
        if self._rooms:
            return self._rooms[index % len(self._rooms)]
        room, region = None, self._region()
        if not self.anechoic:
            room = draw_room(
                generator, size_m=self.room_m, t60_s=self.t60_s, image_order=self.image_order
            )
            centre = np.array(room.receiver_m)
            region = self._region(WALL_M - centre, np.array(room.size_m) - WALL_M - centre)
        return SimulatedPlace(
            room,
            region,
            receiver(self.array),
            turn_deg_s=self.turn_deg_s,
            speed_m_s=self.speed_m_s,
            sample_rate=self.sample_rate,
        )

    def _draw_sound(
        self,
        generator: np.random.Generator,
        place: Place,
        onset: int,
        others: Sequence[PlacedSound],
    ) -> PlacedSound | None:
        """Return a sound that starts at `onset`, or None where all classes are taken."""
        longest = round(generator.uniform(*self.event_s) * self.sample_rate)
        free = set(drawable(self._sounds))
        if not self.same_class_overlap:
            delay = math.ceil(self.distance_m[1] / SPEED_OF_SOUND * self.sample_rate)
            end = onset + longest + delay + 1
            free -= classes_between(others, onset, end, self.sample_rate)
        label = self._draw_label(generator, sorted(free))
        if label is None:
            return None
        recording = draw_sound(self._sounds, label, generator, self.sample_rate)
        piece = excerpt(recording, generator, num_samples=longest, sample_rate=self.sample_rate)
        dry = at_level(
            without_rumble(piece, self.sample_rate),
            generator.uniform(*self.level_db),
            frame=self._frame,
            range_db=self.label_range_db,
        )
        moving = bool(generator.random() < self.moving)
        trajectory = place.draw_trajectory(
            generator, seconds=len(dry) / self.sample_rate, moving=moving
        )
        return PlacedSound(label, onset, dry, trajectory)

    def _draw_label(self, generator: np.random.Generator, free: list[int]) -> int | None:
        """Return one of some classes, or None if none of them is ever drawn."""
        if self.class_weights is None:
            return int(generator.choice(free)) if free else None
        weights = np.array([self.class_weights[self.classes[label]] for label in free])
        return int(generator.choice(free, p=weights / weights.sum())) if weights.any() else None

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
        if self._noise is not None:
            noise = self._noise.draw(generator, len(omni), self.sample_rate)
        else:
            heard_by = receiver(self.array)
            noise = diffuse_noise(
                generator, len(omni), self.sample_rate, tilt_db=tilt, receiver=heard_by
            )
        return np.float32(gain) * noise


def _add(mix: NDArray[np.float32], sound: NDArray[np.float32], onset: int) -> None:
    """Add a sound to a mix from an onset on, and drop what lies beyond the mix's end."""
    inside = mix[:, onset : onset + sound.shape[1]]
    inside += sound[:, : inside.shape[1]]
