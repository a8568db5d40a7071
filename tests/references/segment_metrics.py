"""The segment metrics of dcase2022 and dcase2023, rule by rule in plain loops.

Slow and meant to be read: an oracle for tests and the yardstick of `benchmarks/metrics.py`.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Row = tuple[int, int, float, float]
"""Frame, class, azimuth and elevation in degrees."""

Array = NDArray[np.float64]
Instances = dict[tuple[int, int], list[tuple[float, float]]]

EPS = 2.2e-16


class Counts:
    """Every count, one entry for each class; the three kinds of error over all classes."""

    def __init__(self, num_classes: int) -> None:
        self.hits = np.zeros(num_classes)
        self.spatial_misses = np.zeros(num_classes)
        self.extra = np.zeros(num_classes)
        self.missing = np.zeros(num_classes)
        self.references = np.zeros(num_classes)
        self.angles = np.zeros(num_classes)
        self.matches = np.zeros(num_classes)
        self.substitutions = self.deletions = self.insertions = 0


def add_clip(
    counts: Counts, prediction: Sequence[Row], reference: Sequence[Row], num_frames: int
) -> None:
    """Count one clip of `num_frames`, in whole blocks of ten frames."""
    predicted, expected = by_frame_and_class(prediction), by_frame_and_class(reference)
    for start in range(0, num_frames, 10):
        frames = range(start, start + 10)
        block_extra = block_missing = 0
        for cls in range(len(counts.references)):
            extra, missing = add_block_of_class(counts, predicted, expected, frames, cls)
            block_extra += extra
            block_missing += missing
        counts.substitutions += min(block_extra, block_missing)
        counts.deletions += max(0, block_missing - block_extra)
        counts.insertions += max(0, block_extra - block_missing)


def add_block_of_class(
    counts: Counts, predicted: Instances, expected: Instances, frames: range, cls: int
) -> tuple[int, int]:
    """Count one class in one block and return its false positives and false negatives."""
    num_references = max(len(expected.get((frame, cls), [])) for frame in frames)
    num_predictions = max(len(predicted.get((frame, cls), [])) for frame in frames)
    counts.references[cls] += num_references

    angles_of_place = defaultdict(list)
    for frame in frames:
        if (frame, cls) in expected and (frame, cls) in predicted:
            for place, angle in matched_angles(expected[frame, cls], predicted[frame, cls]):
                angles_of_place[place].append(angle)

    if num_references and num_predictions and not angles_of_place:
        counts.missing[cls] += num_predictions
        return 0, num_predictions

    misses = 0
    for angles in angles_of_place.values():
        angle = sum(angles) / len(angles)
        counts.angles[cls] += angle
        counts.matches[cls] += 1
        if angle <= 20:
            counts.hits[cls] += 1
        else:
            misses += 1
    extra = max(0, num_predictions - num_references)
    missing = max(0, num_references - num_predictions)
    counts.spatial_misses[cls] += misses
    counts.extra[cls] += extra
    counts.missing[cls] += missing
    return extra + misses, missing


def matched_angles(
    expected: list[tuple[float, float]], predicted: list[tuple[float, float]]
) -> list[tuple[int, float]]:
    """Match one class in one frame; return the place of each matched reference and its angle."""
    azimuth, elevation = np.array(expected).T[:, :, np.newaxis] * np.pi / 180
    other_azimuth, other_elevation = np.array(predicted).T[:, np.newaxis, :] * np.pi / 180
    angles = angle_deg(azimuth, elevation, other_azimuth, other_elevation)
    pairs = linear_sum_assignment(angles)
    return [(int(i), float(angles[i, j])) for i, j in zip(*pairs, strict=True)]


def angle_deg(azimuth: Array, elevation: Array, azimuth2: Array, elevation2: Array) -> Array:
    """Return the angle in degrees between directions given in radians."""
    cosine = np.sin(elevation) * np.sin(elevation2)
    cosine = cosine + np.cos(elevation) * np.cos(elevation2) * np.cos(np.abs(azimuth - azimuth2))
    degrees: Array = np.arccos(np.clip(cosine, -1, 1)) * 180 / np.pi
    return degrees


def by_frame_and_class(rows: Sequence[Row]) -> Instances:
    """Gather the directions of each frame and class in row order."""
    instances = defaultdict(list)
    for frame, cls, azimuth, elevation in rows:
        instances[frame, cls].append((azimuth, elevation))
    return dict(instances)


def last_frame(reference: Sequence[Row]) -> int:
    """Return the number of frames that the published readers find: the largest index."""
    return max((row[0] for row in reference), default=0)


def scores(counts: Counts, average: str) -> dict[str, float]:
    """Return ER, F, LE, LR and SELD."""
    errors_and_hits = counts.hits, counts.spatial_misses, counts.extra, counts.missing
    located = np.array([*errors_and_hits, counts.angles, counts.matches])
    if average == "micro":
        located = located.sum(axis=1, keepdims=True)
    f_scores, errors, recalls = [], [], []
    for hits, misses, extra, missing, angles, matches in located.T:
        f_scores.append(hits / (hits + misses + 0.5 * (extra + missing) + EPS))
        errors.append(angles / matches if matches else 180.0)
        recalls.append(matches / (matches + missing + EPS))
    wrong = counts.substitutions + counts.deletions + counts.insertions
    error_rate = wrong / (counts.references.sum() + EPS)
    f_score, error, recall = (float(np.mean(values)) for values in (f_scores, errors, recalls))
    seld = (error_rate + (1 - f_score) + error / 180 + (1 - recall)) / 4
    return {"ER": float(error_rate), "F": f_score, "LE": error, "LR": recall, "SELD": float(seld)}
