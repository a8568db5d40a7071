"""How much audio a second of work makes, and where the time goes.

Run with `python benchmarks/synth.py [FOLDER]`: about a minute. It makes scenes of 10 s in rooms of
T60 0.15 to 0.45 s with at most two sources, on one thread, from the recordings in the folder or
from the built-in sounds, and prints the share of the time for each part.
"""

import cProfile
import pstats
import sys
from time import perf_counter

import torch

from seldkit.synth import SceneSynthesizer

SCENES = 24
PARTS = {
    "impulse responses": ("image_responses", "diffuse_tail"),
    "convolution": ("_convolve", "_cross_fade"),
    "direct sound": ("direct_sound",),
    "sounds and paths": ("draw_voices",),
    "ambient noise": ("diffuse_noise",),
}


def audio_per_second(synthesizer: SceneSynthesizer) -> float:
    """Return the seconds of audio made in a second."""
    start = perf_counter()
    for index in range(SCENES):
        synthesizer.scene(1, index)
    return SCENES * synthesizer.duration_s / (perf_counter() - start)


def shares(synthesizer: SceneSynthesizer) -> dict[str, float]:
    """Return each part's share of the time."""
    with cProfile.Profile() as profile:
        for index in range(SCENES):
            synthesizer.scene(1, index)
    seconds = {
        name: function.cumtime
        for name, function in pstats.Stats(profile).get_stats_profile().func_profiles.items()
    }
    parts = {
        part: sum(seconds.get(name, 0.0) for name in names) / seconds["scene"]
        for part, names in PARTS.items()
    }
    return parts | {"rest": 1 - sum(parts.values())}


def main() -> None:
    """Print the speed and the shares for sources that stay, that move, and without a room."""
    torch.set_num_threads(1)
    sounds = sys.argv[1] if len(sys.argv) > 1 else None
    for name, synthesizer in {
        "static": SceneSynthesizer(sounds, moving=0),
        "moving": SceneSynthesizer(sounds, moving=1),
        "anechoic": SceneSynthesizer(sounds, moving=0, anechoic=True),
    }.items():
        audio_per_second(synthesizer)  # reads the recordings
        speed = max(audio_per_second(synthesizer) for _ in range(2))
        parts = ", ".join(f"{part} {share:.0%}" for part, share in shares(synthesizer).items())
        print(f"{name}: {speed:.0f} s of audio per second of work; {parts}")


if __name__ == "__main__":
    main()
