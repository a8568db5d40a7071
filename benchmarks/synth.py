"""How many minutes of scenes a minute on one core makes, and where the time goes.

Run with `PYTHONPATH=. python benchmarks/synth.py [FOLDER]`: about two minutes, with `--quick` some
seconds. It makes scenes of 10 s in rooms of T60 0.15 to 0.45 s with at most two sources, on one
thread, from the recordings in the folder or from the built-in sounds, and prints the share of the
time for each part; then the same with the files written, by one process and by all.
"""

import argparse
import cProfile
import pstats
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import torch

from benchmarks.measuring import arguments
from benchmarks.rows import Row, tell
from seldkit.arrays import ArrayGeometry
from seldkit.synth import SceneSynthesizer, write_scenes

PARTS = {
    "impulse responses": ("image_responses", "diffuse_tail"),
    "convolution": ("convolve", "_cross_fade"),
    "direct sound": ("direct_sound",),
    "sounds and paths": ("draw_voices",),
    "ambient noise": ("diffuse_noise",),
}


def minutes_per_minute(synthesizer: SceneSynthesizer, num_scenes: int) -> float:
    """Return how much audio is made in the time that the processor works on it."""
    start = process_time()
    for index in range(num_scenes):
        synthesizer.scene(1, index)
    return num_scenes * synthesizer.duration_s / (process_time() - start)


def written_per_minute(
    synthesizer: SceneSynthesizer, num_scenes: int, num_workers: int | None
) -> float:
    """Return how much audio is made and written in the time that it takes, from the first file."""
    with TemporaryDirectory() as folder:
        files = write_scenes(synthesizer, folder, num_scenes + 1, num_workers=num_workers)
        next(files)
        start = perf_counter()
        made = sum(1 for _ in files)
        return made * synthesizer.duration_s / (perf_counter() - start)


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


def rows(quick: bool, sounds: str | None = None) -> Iterator[Row]:
    """Yield the speed for sources that stay, that move, and without a room."""
    num_scenes = 1 if quick else 24
    torch.set_num_threads(1)
    moving = SceneSynthesizer(sounds, moving=1)
    for name, synthesizer in {
        "static": SceneSynthesizer(sounds, moving=0),
        "moving": moving,
        "moving, four microphones": SceneSynthesizer(
            sounds, moving=1, array=ArrayGeometry.tetrahedron()
        ),
        "static, anechoic": SceneSynthesizer(sounds, moving=0, anechoic=True),
    }.items():
        minutes_per_minute(synthesizer, num_scenes)  # reads the recordings
        speed = max(minutes_per_minute(synthesizer, num_scenes) for _ in range(2))
        each = shares(synthesizer, num_scenes)
        parts = ", ".join(f"{part} {share:.0%}" for part, share in each.items())
        yield Row(f"scenes, {name}, one core", "real time", speed, note=parts)
    for name, workers in {"this process": 0, "all processors": None}.items():
        speed = written_per_minute(moving, max(num_scenes, 16 if workers is None else 1), workers)
        yield Row(f"scenes, moving, written by {name}", "real time", speed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("sounds", nargs="?", help="folder of recordings; the built-in ones if none")
    given = arguments(parser)
    tell(rows(given.quick, given.sounds))
