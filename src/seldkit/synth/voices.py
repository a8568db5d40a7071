"""When things sound: voices that alternate between a pause and an event."""

from collections.abc import Callable, Sequence

import numpy as np

from seldkit.synth.labels import FRAMES_PER_S, PlacedSound
from seldkit.synth.ranges import Range

SHORTEST_S = 0.5

Draw = Callable[[int, Sequence[PlacedSound]], PlacedSound | None]


def draw_voices(
    generator: np.random.Generator,
    draw: Draw,
    *,
    num_voices: int,
    pause_s: Range,
    num_samples: int,
    sample_rate: int,
) -> list[PlacedSound]:
    """Return the sounds of all voices, by onset.

    The events of a voice share no label frame, so no frame has more events than there are voices.

    Args:
        generator: Source of randomness for the pauses.
        draw: From an onset and the sounds placed so far to a new sound, or None if there is none.
        num_voices: Most sounds at once.
        pause_s: Range of the pause before each sound.
        num_samples: Length of the scene; no sound starts in its last half second.
        sample_rate: In hertz.
    """
    frame = sample_rate // FRAMES_PER_S
    sounds: list[PlacedSound] = []
    for _ in range(num_voices):
        free = 0
        while True:
            onset = free + round(generator.uniform(*pause_s) * sample_rate)
            if onset > num_samples - round(SHORTEST_S * sample_rate):
                break
            sound = draw(onset, sounds)
            if sound is None:
                free = onset + frame
            else:
                sounds.append(sound)
                free = (sound.last_frame(sample_rate) + 1) * frame
    return sorted(sounds, key=lambda sound: sound.onset)


def classes_between(
    sounds: Sequence[PlacedSound], start: int, stop: int, sample_rate: int
) -> set[int]:
    """Return the classes that may have a label in the frames of the samples start..stop."""
    frame = sample_rate // FRAMES_PER_S
    return {
        sound.label
        for sound in sounds
        if sound.first_frame(sample_rate) <= stop // frame
        and sound.last_frame(sample_rate) >= start // frame
    }
