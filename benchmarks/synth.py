"""How much audio a second of work makes, and where the time goes.

Run with `PYTHONPATH=. python benchmarks/synth.py [FOLDER]`: about a minute, with `--quick` some
seconds. It makes scenes of 10 s in rooms of
T60 0.15 to 0.45 s with at most two sources, on one thread, from the recordings in the folder or
from the built-in sounds, and prints the share of the time for each part.
"""

import argparse
import cProfile
import pstats
from time import perf_counter

import torch

from benchmarks.measuring import arguments
from seldkit.synth import SceneSynthesizer

PARTS = {
    "impulse responses": ("image_responses", "diffuse_tail"),
    "convolution": ("convolve", "_cross_fade"),
    "direct sound": ("direct_sound",),
    "sounds and paths": ("draw_voices",),
    "ambient noise": ("diffuse_noise",),
}


def audio_per_second(synthesizer: SceneSynthesizer, num_scenes: int) -> float:
    """Return the seconds of audio made in a second."""
    start = perf_counter()
    for index in range(num_scenes):
        synthesizer.scene(1, index)
    return num_scenes * synthesizer.duration_s / (perf_counter() - start)


def shares(synthesizer: SceneSynthesizer, num_scenes: int) -> dict[str, float]:
    """Return each part's share of the time."""
    with cProfile.Profile() as profile:
        for index in range(num_scenes):
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
    parser = argparse.ArgumentParser()
    parser.add_argument("sounds", nargs="?", help="folder of recordings; the built-in ones if none")
    given = arguments(parser)
    num_scenes = 1 if given.quick else 24
    torch.set_num_threads(1)
    for name, synthesizer in {
        "static": SceneSynthesizer(given.sounds, moving=0),
        "moving": SceneSynthesizer(given.sounds, moving=1),
        "anechoic": SceneSynthesizer(given.sounds, moving=0, anechoic=True),
    }.items():
        audio_per_second(synthesizer, num_scenes)  # reads the recordings
        speed = max(audio_per_second(synthesizer, num_scenes) for _ in range(2))
        each = shares(synthesizer, num_scenes)
        parts = ", ".join(f"{part} {share:.0%}" for part, share in each.items())
        print(f"{name}: {speed:.0f} s of audio per second of work; {parts}")


if __name__ == "__main__":
    main()
