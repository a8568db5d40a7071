"""How much audio a second of work makes, and where the time goes.

Run with `python benchmarks/synth.py [FOLDER] [SCENES]`: about a minute. It makes scenes of 10 s in
rooms of T60 0.15 to 0.45 s with at most two sources, on one thread, from the recordings in the
folder or from the built-in sounds, and prints the share of the time for each part.
`benchmarks/synth.py 1` is its smallest form.
"""

import cProfile
import pstats
import sys
from time import perf_counter

import torch

from seldkit.synth import SceneSynthesizer

PARTS = {
    "impulse responses": ("image_responses", "diffuse_tail"),
    "convolution": ("_convolve", "_cross_fade"),
    "direct sound": ("direct_sound",),
    "sounds and paths": ("draw_voices",),
    "ambient noise": ("diffuse_noise",),
}


def audio_per_second(synthesizer: SceneSynthesizer, scenes: int) -> float:
    """Return the seconds of audio made in a second."""
    start = perf_counter()
    for index in range(scenes):
        synthesizer.scene(1, index)
    return scenes * synthesizer.duration_s / (perf_counter() - start)


def shares(synthesizer: SceneSynthesizer, scenes: int) -> dict[str, float]:
    """Return each part's share of the time."""
    with cProfile.Profile() as profile:
        for index in range(scenes):
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
    words = sys.argv[1:]
    scenes = int(words.pop()) if words and words[-1].isdigit() else 24
    sounds = words[0] if words else None
    for name, synthesizer in {
        "static": SceneSynthesizer(sounds, moving=0),
        "moving": SceneSynthesizer(sounds, moving=1),
        "anechoic": SceneSynthesizer(sounds, moving=0, anechoic=True),
    }.items():
        audio_per_second(synthesizer, scenes)  # reads the recordings
        speed = max(audio_per_second(synthesizer, scenes) for _ in range(2))
        parts_of_time = shares(synthesizer, scenes)
        parts = ", ".join(f"{part} {share:.0%}" for part, share in parts_of_time.items())
        print(f"{name}: {speed:.0f} s of audio per second of work; {parts}")


if __name__ == "__main__":
    main()
