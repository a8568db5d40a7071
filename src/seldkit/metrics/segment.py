"""Segment-based counting: one second of one class at a time."""

import math

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.events import Events
from seldkit.metrics.angles import polar_angle_deg
from seldkit.metrics.matching import gather_cells, match_cells
from seldkit.metrics.scores import Counts

BLOCK_FRAMES = 10
"""Frames of 100 ms in a block of one second."""

THRESHOLD_DEG = 20.0
"""A match farther apart than this is a spatial miss."""


def count_segments(
    prediction: Events, reference: Events, num_frames: int, num_classes: int
) -> Counts:
    """Count one clip as the scripts of dcase2021 to dcase2023 do.

    The clip is cut into blocks of one second, the last of which is read whole even where it
    reaches beyond `num_frames`; what lies beyond is left out. In each block and class:

    1. The number of references, and of predictions, is the largest number in any one frame.
    2. In each frame that has both, predictions are matched to references at the smallest sum of
       angles, and each angle is filed under the reference's place among the rows of its class in
       that frame. So an instance is a place in the row order, whichever source stands there.
    3. An instance that was matched in any frame counts in `DE_TP`, and its mean angle over those
       frames adds to `total_DE`; it is a `TP` up to 20 degrees and `FP_spatial` beyond.
    4. More predictions than references are `FP`, fewer are `FN`, by the difference of the numbers.
    5. Where both are there but never in the same frame, `FN` is the number of *predictions*
       (as published; the references' number was probably meant) and `FP` is none.
    6. An instance that was never matched though the numbers agree is counted nowhere.

    `DE_FP` and `DE_FN` are `FP` and `FN`. In each block, over all classes, substitutions `S`
    pair false positives (spatial misses among them) with false negatives; what is left over is
    insertions `I` or deletions `D`. `Nref` is the number of references.

    Args:
        prediction: Predicted events, labels below `num_classes`.
        reference: Reference events, labels below `num_classes`.
        num_frames: How many frames of the clip to score.
        num_classes: Number of classes.

    Returns:
        Counts by published name, `[cls]`; `S`, `D` and `I` are scalars.
    """
    num_blocks = math.ceil(num_frames / BLOCK_FRAMES)
    shape = (num_blocks, BLOCK_FRAMES, num_classes)
    references, predictions = (
        gather_cells(events.frame * num_classes + events.label, math.prod(shape))
        for events in (reference, prediction)
    )
    pairs = match_cells(
        references,
        predictions,
        lambda row, col: polar_angle_deg(reference.direction[row], prediction.direction[col]),
    )

    # Rule 1: simultaneous instances, [block, cls].
    num_references = references.size.reshape(shape).amax(dim=1)
    num_predictions = predictions.size.reshape(shape).amax(dim=1)

    # Rules 2 and 3; a comparison with nan is false.
    place = references.position[pairs.reference]
    block = reference.frame[pairs.reference] // BLOCK_FRAMES
    segment = block * num_classes + reference.label[pairs.reference]
    angle = _mean_angles(segment, place, pairs.cost, num_blocks * num_classes)
    angle = angle.reshape(num_blocks, num_classes, angle.shape[-1])
    matched = ~angle.isnan()
    hits = (angle <= THRESHOLD_DEG).sum(dim=-1)
    misses = (angle > THRESHOLD_DEG).sum(dim=-1)

    # Rules 4 and 5.
    never_met = (num_references > 0) & (num_predictions > 0) & ~matched.any(dim=-1)
    surplus = num_predictions - num_references
    extra = surplus.clamp(min=0).masked_fill(never_met, 0)
    missing = torch.where(never_met, num_predictions, (-surplus).clamp(min=0))

    false_positives = (extra + misses).sum(dim=-1)
    false_negatives = missing.sum(dim=-1)
    return {
        "TP": hits.sum(dim=0),
        "FP": extra.sum(dim=0),
        "FP_spatial": misses.sum(dim=0),
        "FN": missing.sum(dim=0),
        "Nref": num_references.sum(dim=0),
        "total_DE": angle.nansum(dim=(0, 2)),
        "DE_TP": matched.sum(dim=(0, 2)),
        "DE_FP": extra.sum(dim=0),
        "DE_FN": missing.sum(dim=0),
        "S": torch.minimum(false_positives, false_negatives).sum(),
        "D": (false_negatives - false_positives).clamp(min=0).sum(),
        "I": (false_positives - false_negatives).clamp(min=0).sum(),
    }


def _mean_angles(
    segment: Int[Tensor, " pair"],
    place: Int[Tensor, " pair"],
    angle: Float[Tensor, " pair"],
    num_segments: int,
) -> Float[Tensor, "segment instance"]:
    """Return the mean angle of each instance, nan where it was never matched."""
    num_places = int(place.max()) + 1 if len(place) else 1
    instance = segment * num_places + place
    num_matches = instance.bincount(minlength=num_segments * num_places)
    total = torch.zeros(len(num_matches), dtype=torch.float64).index_add(0, instance, angle)
    return (total / num_matches).reshape(num_segments, num_places)
