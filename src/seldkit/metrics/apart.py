"""Detection and localisation apart: classes in seconds, directions in frames, as in dcase2019."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seldkit._typing import Int
from seldkit.events.columns import one_key
from seldkit.geometry import unit_vector
from seldkit.metrics.counts import Counts, error_kinds, per_clip
from seldkit.metrics.measures import exact_angle, match_by_class, polar_angle
from seldkit.metrics.scores import EPS
from seldkit.metrics.timeline import JoinedClips, Rows, lay_out, number, sum_by

GRID_DEG = 10
"""Step of the grid on which classes of directions lie."""

FIRST_DEG, LAST_DEG = (-180, -40), (170, 40)
"""The first and the last azimuth and elevation of the grid."""


def count_apart(clips: JoinedClips, *, doa: str, counting: str, block_frames: int) -> Counts:
    """Count clips as the scripts of dcase2019 do.

    Classes, in blocks of one second:

    1. A class is there in a block if it is in any of its frames but the last, which the script
       leaves out. `counting="corrected"` looks at all of them.
    2. A class in both is a `TP`, in the reference alone a `FN`, in the prediction alone a `FP`;
       `S`, `D` and `I` are made of the block's `FP` and `FN` over all classes.

    Directions, frame by frame and whatever the class:

    3. With `doa="regression"` a class has one direction in a frame: that of the later row.
       `counting="corrected"` takes all of them.
    4. Predictions are matched to references at the smallest sum of angles, and `total_DE` adds up
       the angles of the pairs.
    5. `DE_over`, by which `total_DE` is divided, is the number of predictions, so that those
       without a pair lower the error, and it is 0 without predictions. `counting="corrected"` takes
       the number of pairs, and the error is nan without any.
    6. `good_frames` counts the frames with as many predictions as references, none included, and
       `num_frames` all.

    Args:
        clips: Clips of any frame length.
        doa: `"regression"`, or `"class"` to bring directions to a grid of 10 degrees, azimuths
            -180 to 170 and elevations -40 to 40, where several of one class in one place are one.
            What lies beyond goes to the edge of the grid, and all else down to its next point: 29
            degrees is 20, and 180 is 170, ten degrees from -180.
        counting: `"published"`, or `"corrected"` to look at all frames of a block, keep all
            directions and measure exact angles.
        block_frames: Frames of a block, published as 50 of 20 ms.

    Returns:
        Counts by published name, those of the directions over all classes.
    """
    clips = clips.scored()  # unlike in later years, the last block ends with the clip
    seen = clips if counting == "corrected" else _without_last_frames(clips, block_frames)
    line = lay_out(seen, block_frames)
    there, said = (
        line.most(cell.bincount(minlength=line.num_cells)) > 0
        for cell in (line.reference, line.prediction)
    )
    flags = {
        "TP": there & said,
        "FP": said & ~there,
        "FN": there & ~said,
        "Nref": there,
        "Nsys": said,
    }
    whole = {name: flag.long() for name, flag in flags.items()}
    kinds = error_kinds(*(line.by_block(whole[name]) for name in ("FP", "FN", "Nref")))
    return per_clip(line, whole, kinds, **_count_directions(clips, doa, counting))


def _without_last_frames(clips: JoinedClips, block_frames: int) -> JoinedClips:
    prediction, reference = (
        rows.select(rows.frame % block_frames < block_frames - 1)
        for rows in (clips.prediction, clips.reference)
    )
    return clips._replace(prediction=prediction, reference=reference)


def _count_directions(clips: JoinedClips, doa: str, counting: str) -> dict[str, Tensor]:
    if doa == "class" or counting == "published":
        keep = _on_grid if doa == "class" else _last_of_class
        clips = clips._replace(reference=keep(clips.reference), prediction=keep(clips.prediction))
    clips = clips.without_classes()
    line = lay_out(clips)
    measure = polar_angle if counting == "published" else exact_angle
    references, predictions, pairs = match_by_class(clips, line, measure)
    costs = sum_by(line.reference[pairs.reference], pairs.cost, line.num_cells)
    if counting == "published":
        over = line.by_clip(predictions.size).double() + EPS
    else:
        over = line.by_clip(torch.minimum(references.size, predictions.size)).double()
    wrong = (references.size != predictions.size).long()
    return {
        "total_DE": line.by_clip(costs),
        "DE_over": over,
        "good_frames": clips.num_frames - line.by_clip(wrong),
        "num_frames": clips.num_frames,
    }


def _last_of_class(rows: Rows) -> Rows:
    """Keep the last of the rows of one class in one frame."""
    return rows.select(_pick(rows, (rows.label,), "amax"))


def _on_grid(rows: Rows) -> Rows:
    """Bring directions to the grid, and keep one row of those of one class in one place."""
    place = [
        ((degrees.clamp(first, last) - first).div(GRID_DEG, rounding_mode="floor")).long()
        for degrees, first, last in zip(
            rows.azimuth_elevation_deg(), FIRST_DEG, LAST_DEG, strict=True
        )
    ]
    azimuth, elevation = (
        (first + GRID_DEG * index).double() for first, index in zip(FIRST_DEG, place, strict=True)
    )
    first = _pick(rows, [rows.label, *place], "amin")
    placed = rows._replace(
        direction=unit_vector(azimuth, elevation),
        given_deg=torch.stack((azimuth, elevation), dim=1),
    )
    return placed.select(first)


def _pick(rows: Rows, places: Sequence[Int[Tensor, " row"]], which: str) -> Int[Tensor, " place"]:
    """Return the first or the last row of each frame and place, in the order of the rows."""
    values, (group,) = number(one_key(rows.clip, rows.frame, *places))
    picked = torch.zeros_like(values)
    picked.scatter_reduce_(0, group, torch.arange(len(group)), which, include_self=False)
    return picked.sort().values
