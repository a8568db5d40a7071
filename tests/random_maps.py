"""Energy maps at random, for the tests of what reads, draws and compares them."""

import numpy as np

from seldkit.events import EnergyMaps


def random_maps(
    seed: int, rows: int = 12, *, classes: int = 3, frames: int = 5, scores: bool = True
) -> EnergyMaps:
    """Return rows with one to six points each, that lie within a few degrees of each other."""
    generator = np.random.default_rng(seed)
    row = np.repeat(np.arange(rows), generator.integers(1, 7, rows))
    azimuth = generator.uniform(-180, 180, rows)[row] + generator.normal(0, 4, len(row))
    elevation = generator.uniform(-89, 89, rows)[row] + generator.normal(0, 4, len(row))
    return EnergyMaps(
        np.sort(generator.integers(0, frames, rows)),
        generator.integers(0, classes, rows),
        row,
        (azimuth + 180) % 360 - 180,
        elevation.clip(-90, 90),
        generator.uniform(0.1, 1, len(row)),
        distance=generator.uniform(0.5, 5, rows),
        score=generator.random(rows) if scores else None,
        num_frames=frames,
    )
