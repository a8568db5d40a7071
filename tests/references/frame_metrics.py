"""The frame metrics of dcase2024, rule by rule in plain loops.

Slow and meant to be read: an oracle for tests and the yardstick of `benchmarks/metrics.py`.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from seldkit.events import Events

Row = tuple[int, int, float, float, float, float]
"""Frame, class, x, y, z and distance in metres."""

Place = tuple[float, float, float, float]
Instances = dict[tuple[int, int], list[Place]]
Array = NDArray[np.float64]

EPS = 2.2e-16


class Counts:
    """Every count, one entry for each class; the three kinds of error over all classes."""

    def __init__(self, num_classes: int) -> None:
        self.hits = np.zeros(num_classes)
        self.spatial_misses = np.zeros(num_classes)
        self.extra = np.zeros(num_classes)
        self.missing = np.zeros(num_classes)
        self.references = np.zeros(num_classes)
        self.matches = np.zeros(num_classes)
        self.angles = np.zeros(num_classes)
        self.distances = np.zeros(num_classes)
        self.relative_distances = np.zeros(num_classes)
        self.substitutions = self.deletions = self.insertions = 0


def add_clip(
    counts: Counts, prediction: Sequence[Row], reference: Sequence[Row], num_frames: int
) -> None:
    """Count one clip of `num_frames`."""
    predicted, expected = by_frame_and_class(prediction), by_frame_and_class(reference)
    for frame in range(num_frames):
        frame_extra = frame_missing = 0
        for cls in range(len(counts.references)):
            there, said = expected.get((frame, cls), []), predicted.get((frame, cls), [])
            misses = add_pairs(counts, cls, there, said) if there and said else 0
            extra, missing = max(0, len(said) - len(there)), max(0, len(there) - len(said))
            counts.references[cls] += len(there)
            counts.extra[cls] += extra
            counts.missing[cls] += missing
            frame_extra += extra + misses
            frame_missing += missing
        counts.substitutions += min(frame_extra, frame_missing)
        counts.deletions += max(0, frame_missing - frame_extra)
        counts.insertions += max(0, frame_extra - frame_missing)


def add_pairs(counts: Counts, cls: int, there: list[Place], said: list[Place]) -> int:
    """Count the matched pairs of a class in a frame and return how many are too far apart."""
    angles = angles_deg(there, said)
    misses = 0
    for i, j in zip(*linear_sum_assignment(angles), strict=True):
        distance = there[i][3]
        error = abs(distance - said[j][3])
        counts.matches[cls] += 1
        counts.angles[cls] += angles[i, j]
        counts.distances[cls] += error
        counts.relative_distances[cls] += error / (distance + EPS)
        if angles[i, j] <= 20 and error / (distance + EPS) <= 1:
            counts.hits[cls] += 1
        else:
            misses += 1
    counts.spatial_misses[cls] += misses
    return misses


def angles_deg(there: list[Place], said: list[Place]) -> Array:
    """Return the angle of each reference to each prediction, `[reference, prediction]`."""
    a, b = (np.array(places)[:, :3] for places in (there, said))
    a, b = (v / np.sqrt((v**2).sum(axis=1, keepdims=True) + 1e-10) for v in (a, b))
    cosine = (a[:, np.newaxis] * b[np.newaxis]).sum(axis=2)
    degrees: Array = np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi
    return degrees


def by_frame_and_class(rows: Sequence[Row]) -> Instances:
    """Gather the places of each frame and class in row order."""
    instances = defaultdict(list)
    for frame, cls, x, y, z, distance in rows:
        instances[frame, cls].append((x, y, z, distance))
    return dict(instances)


def to_rows(events: Events) -> list[Row]:
    """Return the rows of events that have distances."""
    assert events.distance is not None
    columns = events.frame, events.label, *events.direction.unbind(dim=1), events.distance
    return list(zip(*(column.tolist() for column in columns), strict=True))


def scores(counts: Counts) -> dict[str, float]:
    """Return the scores of all classes together."""
    hits, matches, missing = (x.sum() for x in (counts.hits, counts.matches, counts.missing))
    wrong = counts.substitutions + counts.deletions + counts.insertions
    error_rate = wrong / (counts.references.sum() + EPS)
    surplus = (counts.extra.sum() + missing) / 2
    f_score = hits / (hits + counts.spatial_misses.sum() + surplus + EPS)
    angle, distance, relative = (
        x.sum() / matches for x in (counts.angles, counts.distances, counts.relative_distances)
    )
    found = {
        "ER": error_rate,
        "F": f_score,
        "DOAE": angle,
        "DistE": distance,
        "RDE": relative,
        "LR": matches / (matches + missing + EPS),
        "SELD": (1 - f_score + angle / 180 + relative) / 3,
    }
    return {name: float(score) for name, score in found.items()}
