"""Counting by position: events of one class nearer than a gate, as the L3DAS challenges score."""

import torch
from torch import Tensor

from seldkit._typing import Bool
from seldkit.geometry import below
from seldkit.metrics.counts import Counts, per_clip
from seldkit.metrics.matching import Cells, gather_cells, match_cells, pair_cells
from seldkit.metrics.measures import position_distance
from seldkit.metrics.timeline import JoinedClips, lay_out, sum_by


def count_positions(clips: JoinedClips, *, distance_threshold_m: float, matching: str) -> Counts:
    """Count clips as the scripts of L3DAS22 and L3DAS23 do.

    A prediction and a reference of one class in one frame are near if their positions are closer
    than the threshold. In each frame, over all classes:

    1. `TP` is the smaller of two numbers: predictions that are near any reference, and references
       that are near any prediction. That is no one-to-one matching, and can be more than one
       allows. `matching="optimal"` takes the largest one-to-one matching.
    2. All other predictions are `FP` and all other references `FN`.

    Args:
        clips: Clips of any frame length, with distances.
        distance_threshold_m: Positions so far apart or farther are not near.
        matching: `"published"` or `"optimal"`.

    Returns:
        Counts by published name: over all classes, and class by class, where the sum over the
        classes may be less. `Nref` and `Nsys` are the numbers of references and predictions.
    """
    return _count(clips, distance_threshold_m, matching)


def count_positions_greedily(
    clips: JoinedClips, *, distance_threshold_m: float, matching: str, counting: str
) -> Counts:
    """Count clips as the script of L3DAS21 does.

    As [`count_positions`][seldkit.metrics.l3das.count_positions], but:

    1. `TP` is the number of references that are near any prediction: one prediction may serve
       several, which makes `FP` negative. `matching="optimal"` matches one to one.
    2. In frames with references alone or predictions alone, each is counted twice.
       `counting="corrected"` counts it once.
    """
    return _count(clips, distance_threshold_m, matching, greedy=True, twice=counting == "published")


def _count(
    clips: JoinedClips,
    threshold_m: float,
    matching: str,
    *,
    greedy: bool = False,
    twice: bool = False,
) -> Counts:
    """Count clips; greedily, predictions that are near a reference have no say."""
    clips = clips.scored()
    line = lay_out(clips)
    cells = line.reference, line.prediction
    references, predictions = (gather_cells(cell, line.num_cells) for cell in cells)
    near = _find_near(clips, references, predictions, threshold_m, matching)
    hits = [
        sum_by(cell, flags.long(), line.num_cells) for cell, flags in zip(cells, near, strict=True)
    ]
    by_cell = [references.size, predictions.size, *(hits[:1] if greedy else hits)]
    by_frame = [line.by_block(values) for values in by_cell]
    alone = (by_frame[0] > 0) != (by_frame[1] > 0)
    times = 1 + (alone & twice).long()
    by_class, overall = _tally(*by_cell, times=times[line.block]), _tally(*by_frame, times=times)
    return per_clip(line, by_class, overall)


def _tally(there: Tensor, said: Tensor, *hits: Tensor, times: Tensor) -> dict[str, Tensor]:
    found = torch.stack(hits).amin(dim=0)
    return {
        "TP": found,
        "FP": (said - found) * times,
        "FN": (there - found) * times,
        "Nref": there,
        "Nsys": said,
    }


def _find_near(
    clips: JoinedClips, references: Cells, predictions: Cells, threshold_m: float, matching: str
) -> tuple[Bool[Tensor, " reference"], Bool[Tensor, " prediction"]]:
    """Tell which references are near a prediction, and which predictions near a reference.

    Matched one to one, nothing is near more than one other, and as many are near as can be.
    """
    sides = clips.reference, clips.prediction
    distance = position_distance(*sides)
    if matching == "optimal":
        # Far pairs cost more than any number of near ones; among those the nearer are taken.
        def cost(row: Tensor, col: Tensor) -> Tensor:
            apart = distance(row, col)
            return ~below(apart, threshold_m) + 1e-3 * apart / (apart + threshold_m)

        row, col, _ = match_cells(references, predictions, cost)
    else:
        row, col = pair_cells(references, predictions)
    near = below(distance(row, col), threshold_m)
    found = [torch.zeros(len(rows.frame), dtype=torch.bool) for rows in sides]
    found[0][row[near]] = True
    found[1][col[near]] = True
    return found[0], found[1]
