"""Detection and localisation apart: classes in seconds, directions in frames, as in dcase2019."""

import torch
from torch import Tensor

from seldkit._typing import Int
from seldkit.geometry import unit_vector
from seldkit.metrics.clips import Clips, Rows, lay_out, sum_by
from seldkit.metrics.counts import Counts, error_kinds
from seldkit.metrics.matching import gather_cells, match_cells
from seldkit.metrics.measures import exact_angle, polar_angle
from seldkit.metrics.scores import EPS

BLOCK_FRAMES = 50
"""Frames of 20 ms in a block of one second."""

GRID_DEG = 10
"""Step of the grid on which classes of directions lie."""


def count_apart(clips: Clips, *, doa: str, counting: str) -> Counts:
    """Count clips as the scripts of dcase2019 do.

    Classes, in blocks of one second:

    1. A class is there in a block if it is in any of its frames but the last, which the script
       leaves out. `counting="corrected"` looks at all of them.
    2. A class in both is a `TP`, in the reference alone a `FN`, in the prediction alone a `FP`;
       `S`, `D` and `I` are made of the block's `FP` and `FN` over all classes.

    Directions, frame by frame and whatever the class:

    3. Predictions are matched to references at the smallest sum of angles, and `total_DE` adds up
       the angles of the pairs.
    4. `DE_over`, by which `total_DE` is divided, is the number of predictions, so that those
       without a pair lower the error. `counting="corrected"` takes the number of pairs. Without
       predictions the error is nan, but 0 as published with `doa="regression"`.
    5. `good_frames` counts the frames with as many predictions as references, none included, and
       `num_frames` all.

    Args:
        clips: Clips in frames of 20 ms.
        doa: `"regression"`, or `"class"` to bring directions to a grid of 10 degrees, azimuths
            -180 to 170 and elevations -40 to 40, where several in one place are one.
        counting: `"published"`, or `"corrected"` to look at all frames of a block and measure exact
            angles.

    Returns:
        Counts by published name, those of the directions over all classes.
    """
    # Unlike in later years, the last block ends with the clip.
    line = lay_out(clips, BLOCK_FRAMES)._replace(length=clips.num_frames)
    shape = (len(line.clip), BLOCK_FRAMES, clips.num_classes)
    seen = BLOCK_FRAMES if counting == "corrected" else BLOCK_FRAMES - 1
    in_reference, in_prediction = (
        gather_cells(line.cell(rows), line.num_cells).size.reshape(shape)[:, :seen].any(dim=1)
        for rows in (clips.reference, clips.prediction)
    )
    hits, missing, extra = (
        in_reference & in_prediction,
        in_reference & ~in_prediction,
        in_prediction & ~in_reference,
    )
    by_class = {
        "TP": hits,
        "FP": extra,
        "FN": missing,
        "Nref": in_reference,
        "Nsys": in_prediction,
    }
    whole = {name: flags.long() for name, flags in by_class.items()}
    overall = error_kinds(whole["FP"], whole["FN"], whole["Nref"])
    counts = Counts(whole, overall).map(line.sum_blocks)
    directions = _count_directions(clips, doa, counting)
    return counts._replace(overall={**counts.overall, **directions})


def _count_directions(clips: Clips, doa: str, counting: str) -> dict[str, Tensor]:
    if doa == "class":
        clips = clips._replace(
            reference=_on_grid(clips.reference), prediction=_on_grid(clips.prediction)
        )
    line = lay_out(clips)
    references, predictions = (
        gather_cells(line.frame(rows), len(line.clip))
        for rows in (clips.reference, clips.prediction)
    )
    measure = polar_angle if counting == "published" else exact_angle
    pairs = match_cells(references, predictions, measure(clips.reference, clips.prediction))
    clip = clips.reference.clip[pairs.reference]
    num_clips = len(clips.num_frames)
    if counting == "corrected":
        over = clip.bincount(minlength=num_clips).double()
    else:
        over = line.sum_blocks(predictions.size).double() + (EPS if doa == "regression" else 0.0)
    return {
        "total_DE": sum_by(clip, pairs.cost, num_clips),
        "DE_over": over,
        "good_frames": line.sum_blocks((references.size == predictions.size).long()),
        "num_frames": clips.num_frames,
    }


def _on_grid(rows: Rows) -> Rows:
    """Bring directions to the grid, and keep one row of those in one place and frame."""
    azimuth, elevation = rows.azimuth_elevation_deg()
    azimuth = (azimuth / GRID_DEG).round().clamp(-18, 17) * GRID_DEG
    elevation = (elevation / GRID_DEG).round().clamp(-4, 4) * GRID_DEG
    place = torch.stack((rows.clip, rows.frame, azimuth.long(), elevation.long()), dim=1)
    first = _first_of_each(place)
    return rows._replace(
        clip=rows.clip[first],
        frame=rows.frame[first],
        label=rows.label[first],
        direction=unit_vector(azimuth, elevation)[first],
        given_deg=torch.stack((azimuth, elevation), dim=1)[first],
        distance=rows.distance[first],
        onscreen=rows.onscreen[first],
    )


def _first_of_each(place: Int[Tensor, "row part"]) -> Int[Tensor, " place"]:
    """Return the first row of each place, in the order of the rows."""
    _, group = place.unique(dim=0, return_inverse=True)
    rows = torch.arange(len(group))
    first = torch.full((int(group.max()) + 1 if len(group) else 0,), len(group))
    return first.scatter_reduce(0, group, rows, "amin").sort().values
