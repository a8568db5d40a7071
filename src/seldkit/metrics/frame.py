"""Frame-based counting: one class in one frame at a time."""

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.events import Events
from seldkit.metrics.angles import cartesian_angle_deg
from seldkit.metrics.matching import gather_cells, match_cells
from seldkit.metrics.scores import EPS, Counts

THRESHOLD_DEG = 20.0
"""A match farther apart than this is a spatial miss."""


def count_frames(
    prediction: Events,
    reference: Events,
    num_frames: int,
    num_classes: int,
    *,
    relative_distance_threshold: float,
) -> Counts:
    """Count one clip as the script of dcase2024 does.

    In each frame and class:

    1. Predictions are matched to references at the smallest sum of angles; distances have no say.
    2. Each pair counts in `DE_TP`, and its angle adds to `total_DE`, its difference of distances to
       `total_distance` and that difference over the reference's distance to `total_relative`.
    3. A pair is `FP_spatial` if its angle is beyond 20 degrees or its relative distance error is
       beyond the threshold, else `TP`.
    4. More predictions than references are `FP`, fewer are `FN`, by the difference of the numbers.

    `DE_FP` and `DE_FN` are `FP` and `FN`. In each frame, over all classes, substitutions `S` pair
    false positives (spatial misses among them) with false negatives; what is left over is
    insertions `I` or deletions `D`. `Nref` is the number of references.

    Args:
        prediction: Predicted events, labels below `num_classes`.
        reference: Reference events, labels below `num_classes`.
        num_frames: How many frames of the clip to score; what lies beyond is left out.
        num_classes: Number of classes.
        relative_distance_threshold: Largest relative distance error of a hit.

    Returns:
        Counts by name, `[cls]`; `S`, `D`, `I` and `clips_without_distance` are scalars. The latter
        is 1 where either side has events of unknown distance: there the angle alone decides, and
        `total_distance` and `total_relative` of the classes that have pairs are nan.
    """
    references, predictions = (
        gather_cells(events.frame * num_classes + events.label, num_frames * num_classes)
        for events in (reference, prediction)
    )
    pairs = match_cells(
        references,
        predictions,
        lambda row, col: cartesian_angle_deg(reference.direction[row], prediction.direction[col]),
    )

    # Rules 2 and 3; a comparison with nan is false.
    there = _distance(reference)[pairs.reference]
    distance_error = (there - _distance(prediction)[pairs.prediction]).abs()
    relative_error = distance_error / (there + EPS)
    far = (pairs.cost > THRESHOLD_DEG) | (relative_error > relative_distance_threshold)
    cell = reference.frame[pairs.reference] * num_classes + reference.label[pairs.reference]
    shape = (num_frames, num_classes)
    matches, misses = (
        rows.bincount(minlength=num_frames * num_classes).reshape(shape)
        for rows in (cell, cell[far])
    )
    totals = torch.stack((pairs.cost, distance_error, relative_error))
    angle, distance, relative = _sum_by_class(totals, cell % num_classes, num_classes)

    # Rule 4.
    surplus = (predictions.size - references.size).reshape(shape)
    extra, missing = surplus.clamp(min=0), (-surplus).clamp(min=0)

    unknown = any(len(events) and events.distance is None for events in (reference, prediction))
    false_positives = (extra + misses).sum(dim=1)
    false_negatives = missing.sum(dim=1)
    return {
        "TP": (matches - misses).sum(dim=0),
        "FP": extra.sum(dim=0),
        "FP_spatial": misses.sum(dim=0),
        "FN": missing.sum(dim=0),
        "Nref": references.size.reshape(shape).sum(dim=0),
        "total_DE": angle,
        "total_distance": distance,
        "total_relative": relative,
        "DE_TP": matches.sum(dim=0),
        "DE_FP": extra.sum(dim=0),
        "DE_FN": missing.sum(dim=0),
        "S": torch.minimum(false_positives, false_negatives).sum(),
        "D": (false_negatives - false_positives).clamp(min=0).sum(),
        "I": (false_positives - false_negatives).clamp(min=0).sum(),
        "clips_without_distance": torch.tensor(int(unknown)),
    }


def _distance(events: Events) -> Float[Tensor, " event"]:
    unknown = torch.full((len(events),), torch.nan, dtype=torch.float64)
    return unknown if events.distance is None else events.distance


def _sum_by_class(
    values: Float[Tensor, "value pair"], label: Int[Tensor, " pair"], num_classes: int
) -> Float[Tensor, "value cls"]:
    return values.new_zeros(len(values), num_classes).index_add(1, label, values)
