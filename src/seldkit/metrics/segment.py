"""Segment-based counting: one second of one class at a time, instance by instance."""

import torch
from torch import Tensor

from seldkit._typing import Float, Int
from seldkit.metrics.counts import Counts, error_kinds, per_clip
from seldkit.metrics.measures import exact_angle, is_spatial_miss, match_by_class, polar_angle
from seldkit.metrics.timeline import JoinedClips, lay_out, number, sum_by


def count_segments(
    clips: JoinedClips, *, counting: str, angle_threshold_deg: float, block_frames: int
) -> Counts:
    """Count clips as the scripts of dcase2022 and dcase2023 do.

    A clip is cut into blocks of one second, the last of which is read whole even where it
    reaches beyond the clip's frames; what lies beyond is left out. In each block and class:

    1. The number of references, and of predictions, is the largest number in any one frame.
    2. In each frame that has both, predictions are matched to references at the smallest sum of
       angles, and each angle is filed under the reference's place among the rows of its class in
       that frame. So an instance is a place in the row order, whichever source stands there.
    3. An instance that was matched in any frame counts in `DE_TP`, and its mean angle over those
       frames adds to `total_DE`; it is a `TP` up to the threshold, published as 20 degrees, and
       `FP_spatial` beyond.
    4. More predictions than references are `FP`, fewer are `FN`, by the difference of the numbers.
    5. Where both are there but never in the same frame, `FN` is the number of *predictions*
       (as published; the references' number was probably meant) and `FP` is none.
    6. An instance that was never matched though the numbers agree is counted nowhere.

    `counting="corrected"` replaces rules 4 to 6: predictions beyond the matched instances are `FP`
    and references beyond them `FN`. It also measures exact angles.

    `DE_FP` and `DE_FN` are `FP` and `FN`. In each block, over all classes, substitutions `S`
    pair false positives (spatial misses among them) with false negatives; what is left over is
    insertions `I` or deletions `D`. `Nref` and `Nsys` are the numbers of references and
    predictions.

    Args:
        clips: Clips of any frame length.
        counting: `"published"` or `"corrected"`.
        angle_threshold_deg: Largest angle of a hit.
        block_frames: Frames of a block, published as 10 of 100 ms.

    Returns:
        Counts by published name; `S`, `D`, `I` and `N`, all references, know no classes.
    """
    clips = clips.scored(block_frames)
    line = lay_out(clips, block_frames)
    measure = polar_angle if counting == "published" else exact_angle
    references, predictions, pairs = match_by_class(clips, line, measure)

    # Rule 1: simultaneous instances, [segment].
    num_references, num_predictions = line.most(references.size), line.most(predictions.size)

    # Rules 2 and 3.
    segment = line.segment[line.reference[pairs.reference]]
    segment, angle = _mean_angles(segment, references.position[pairs.reference], pairs.cost)
    far = is_spatial_miss(angle, angle_threshold_deg, counting)
    num_matched, misses, total = (
        sum_by(segment, values, len(line.block))
        for values in (torch.ones_like(segment), far.long(), angle)
    )

    # Rules 4 to 6.
    if counting == "published":
        never_met = (num_references > 0) & (num_predictions > 0) & (num_matched == 0)
        surplus = num_predictions - num_references
        extra = surplus.clamp(min=0).masked_fill(never_met, 0)
        missing = torch.where(never_met, num_predictions, (-surplus).clamp(min=0))
    else:
        extra = (num_predictions - num_matched).clamp(min=0)
        missing = num_references - num_matched

    by_class = {
        "TP": num_matched - misses,
        "FP": extra,
        "FP_spatial": misses,
        "FN": missing,
        "Nref": num_references,
        "Nsys": num_predictions,
        "total_DE": total,
        "DE_TP": num_matched,
        "DE_FP": extra,
        "DE_FN": missing,
    }
    overall = error_kinds(*map(line.by_block, (extra + misses, missing, num_references)))
    return per_clip(line, by_class, overall)


def count_segments_without_spatial(
    clips: JoinedClips, *, counting: str, angle_threshold_deg: float, block_frames: int
) -> Counts:
    """Count clips as the script of dcase2021 does.

    The rules are those of [`count_segments`][seldkit.metrics.segment.count_segments], but for the
    third: an instance beyond the threshold is a `FP` like any other.
    """
    by_class, overall = count_segments(
        clips,
        counting=counting,
        angle_threshold_deg=angle_threshold_deg,
        block_frames=block_frames,
    )
    merged = dict(by_class)
    merged["FP"] = merged["FP"] + merged.pop("FP_spatial")
    return Counts(merged, overall)


def count_classes(
    clips: JoinedClips, *, counting: str, angle_threshold_deg: float, block_frames: int
) -> Counts:
    """Count clips as the script of dcase2020 does.

    Clips are cut into blocks of one second as in
    [`count_segments`][seldkit.metrics.segment.count_segments], and a class is there in a block or
    not. In each block and class:

    1. `Nref` counts whether it is in the reference, `Nsys` whether it is in the prediction.
    2. In each frame that has both, predictions are matched to references at the smallest sum of
       angles, and that *sum* is the frame's error. `counting="corrected"` takes the mean.
    3. Where some frame has both, `DE_TP` grows by one and `total_DE` by the mean error of these
       frames; up to the threshold it is a `TP` and beyond a `FN`, not a `FP`.
    4. Otherwise a class in the reference is a `FN`; one in the prediction alone is a `FP`.

    `S`, `D` and `I` are made of the block's `FP` and `FN` over all classes.
    """
    clips = clips.scored(block_frames)
    line = lay_out(clips, block_frames)
    measure = polar_angle if counting == "published" else exact_angle
    references, predictions, pairs = match_by_class(clips, line, measure)
    in_reference, in_prediction = line.most(references.size) > 0, line.most(predictions.size) > 0

    # Rules 2 and 3.
    cell = line.reference[pairs.reference]
    error = sum_by(cell, pairs.cost, line.num_cells)
    num_pairs = cell.bincount(minlength=line.num_cells)
    if counting == "corrected":
        error = error / num_pairs.clamp(min=1)
    num_frames = line.by_segment((num_pairs > 0).long())
    met = num_frames > 0
    angle = line.by_segment(error) / num_frames.clamp(min=1)
    hits = met & ~is_spatial_miss(angle, angle_threshold_deg, counting)

    # Rule 4.
    extra = in_prediction & ~in_reference
    missing = in_reference & ~hits
    flags = {
        "TP": hits,
        "FP": extra,
        "FN": missing,
        "Nref": in_reference,
        "Nsys": in_prediction,
        "DE_TP": met,
    }
    by_class = {name: flag.long() for name, flag in flags.items()}
    by_class["total_DE"] = angle
    overall = error_kinds(*(line.by_block(by_class[name]) for name in ("FP", "FN", "Nref")))
    return per_clip(line, by_class, overall)


def _mean_angles(
    segment: Int[Tensor, " pair"], place: Int[Tensor, " pair"], angle: Float[Tensor, " pair"]
) -> tuple[Int[Tensor, " instance"], Float[Tensor, " instance"]]:
    """Return the segment and the mean angle of each instance that was matched in any frame."""
    num_places = int(place.max()) + 1 if len(place) else 1
    instance, (of_pair,) = number(segment * num_places + place)
    total = sum_by(of_pair, angle, len(instance))
    return instance // num_places, total / of_pair.bincount(minlength=len(instance))
