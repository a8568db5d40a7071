"""Frame-based counting: one class in one frame at a time."""

import torch

from seldkit.geometry import within
from seldkit.metrics.counts import Counts, error_kinds, per_clip
from seldkit.metrics.measures import (
    Measure,
    cartesian_angle,
    exact_angle,
    folded_azimuth,
    is_spatial_miss,
    match_by_class,
)
from seldkit.metrics.scores import EPS
from seldkit.metrics.timeline import JoinedClips, lay_out, sum_by


def count_frames(
    clips: JoinedClips,
    *,
    angle_threshold_deg: float,
    relative_distance_threshold: float,
    counting: str,
) -> Counts:
    """Count clips as the script of dcase2024 does.

    In each frame and class:

    1. Predictions are matched to references at the smallest sum of angles; distances have no say.
    2. Each pair counts in `DE_TP`, and its angle adds to `total_DE`, its difference of distances to
       `total_distance` and that difference over the reference's distance to `total_relative`.
    3. A pair is `FP_spatial` if its angle or its relative distance error is beyond its threshold,
       else `TP`.
    4. More predictions than references are `FP`, fewer are `FN`, by the difference of the numbers.

    `DE_FP` and `DE_FN` are `FP` and `FN`. In each frame, over all classes, substitutions `S` pair
    false positives (spatial misses among them) with false negatives; what is left over is
    insertions `I` or deletions `D`. `Nref` and `Nsys` are the numbers of references and
    predictions.

    Args:
        clips: Clips of any frame length.
        angle_threshold_deg: Largest angle of a hit, published as 20 degrees.
        relative_distance_threshold: Largest relative distance error of a hit, published as 1.
        counting: `"published"`, or `"corrected"` to measure exact angles.

    Returns:
        Counts by name; `S`, `D`, `I`, `N` (all references) and `clips_without_distance` know no
        classes. The latter is 1 where either side has events of unknown distance: there the angle
        alone decides, and `total_distance` and `total_relative` of the classes that have pairs are
        nan.
    """
    measure = cartesian_angle if counting == "published" else exact_angle
    limits = angle_threshold_deg, relative_distance_threshold
    by_class, overall = _count(clips, measure, *limits, counting)
    return Counts({name: by_class[name] for name in by_class if name != "same_onscreen"}, overall)


def count_stereo_frames(
    clips: JoinedClips,
    *,
    angle_threshold_deg: float,
    relative_distance_threshold: float,
    require_onscreen: bool,
) -> Counts:
    """Count clips as the script of dcase2025 does.

    The rules are those of [`count_frames`][seldkit.metrics.frame.count_frames] with another
    measure, the difference of the azimuths mirrored to the front. `same_onscreen` counts the pairs
    whose on-screen flags are the same, and with `require_onscreen` any other pair is
    `FP_spatial`. `clips_without_onscreen` is 1 where either side has events without a flag.
    """
    limits = angle_threshold_deg, relative_distance_threshold
    counts = _count(clips, folded_azimuth, *limits, require_onscreen=require_onscreen)
    known = clips.reference.has_onscreen & clips.prediction.has_onscreen
    return Counts(counts.by_class, {**counts.overall, "clips_without_onscreen": (~known).long()})


def _count(
    clips: JoinedClips,
    measure: Measure,
    angle_threshold_deg: float,
    relative_distance_threshold: float,
    counting: str = "published",
    *,
    require_onscreen: bool = False,
) -> Counts:
    clips = clips.scored()
    line = lay_out(clips)
    reference, prediction = clips.reference, clips.prediction
    references, predictions, pairs = match_by_class(clips, line, measure)

    # Rules 2 and 3; a distance that is not known has no say.
    there = reference.distance[pairs.reference]
    distance_error = (there - prediction.distance[pairs.prediction]).abs()
    relative_error = distance_error / (there + EPS)
    same_flag = reference.onscreen[pairs.reference] == prediction.onscreen[pairs.prediction]
    far = is_spatial_miss(pairs.cost, angle_threshold_deg, counting)
    far |= ~within(relative_error.nan_to_num(nan=0.0), relative_distance_threshold)
    if require_onscreen:
        far |= ~same_flag

    # Rule 4.
    surplus = predictions.size - references.size
    extra, missing = surplus.clamp(min=0), (-surplus).clamp(min=0)

    cell = line.reference[pairs.reference]
    by_pair = {
        "TP": (~far).long(),
        "FP_spatial": far.long(),
        "DE_TP": torch.ones_like(cell),
        "total_DE": pairs.cost,
        "total_distance": distance_error,
        "total_relative": relative_error,
        "same_onscreen": same_flag.long(),
    }
    by_cell = {name: sum_by(cell, values, line.num_cells) for name, values in by_pair.items()}
    by_cell |= {
        "FP": extra,
        "FN": missing,
        "DE_FP": extra,
        "DE_FN": missing,
        "Nref": references.size,
        "Nsys": predictions.size,
    }
    wrong = extra + by_cell["FP_spatial"], missing, references.size
    overall = error_kinds(*map(line.by_block, wrong))
    known = reference.has_distance & prediction.has_distance
    return per_clip(line, by_cell, overall, clips_without_distance=(~known).long())
