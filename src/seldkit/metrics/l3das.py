"""Counting by position: events of one class nearer than a gate, as the L3DAS challenges score."""

from collections.abc import Callable

import torch
from torch import Tensor

from seldkit._typing import Bool, Int
from seldkit.metrics.clips import Clips, lay_out, sum_by
from seldkit.metrics.counts import Counts
from seldkit.metrics.matching import gather_cells, match_cells, pair_cells
from seldkit.metrics.measures import position_distance


def count_positions(clips: Clips, *, distance_threshold_m: float, matching: str) -> Counts:
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
    near = _find_near(clips, distance_threshold_m, one_to_one=matching == "optimal")
    return _count(clips, *near)


def count_positions_greedily(
    clips: Clips, *, distance_threshold_m: float, matching: str, counting: str
) -> Counts:
    """Count clips as the script of L3DAS21 does.

    As [`count_positions`][seldkit.metrics.l3das.count_positions], but:

    1. `TP` is the number of references that are near any prediction: one prediction may serve
       several, which makes `FP` negative. `matching="optimal"` matches one to one.
    2. In frames with references alone or predictions alone, each is counted twice.
       `counting="corrected"` counts it once.
    """
    near, _ = _find_near(clips, distance_threshold_m, one_to_one=matching == "optimal")
    return _count(clips, near, None, twice=counting == "published")


def _find_near(
    clips: Clips, threshold_m: float, *, one_to_one: bool
) -> tuple[Bool[Tensor, " reference"], Bool[Tensor, " prediction"]]:
    """Tell which references are near a prediction, and which predictions near a reference.

    Matched one to one, nothing is near more than one other, and as many are near as can be.
    """
    line = lay_out(clips)
    sides = clips.reference, clips.prediction
    references, predictions = (gather_cells(line.cell(rows), line.num_cells) for rows in sides)
    distance = position_distance(*sides)
    if one_to_one:
        # Far pairs cost more than any number of near ones; among those the nearer are taken.
        def cost(row: Tensor, col: Tensor) -> Tensor:
            apart = distance(row, col)
            return (apart >= threshold_m) + 1e-3 * apart / (apart + threshold_m)

        row, col, _ = match_cells(references, predictions, cost)
    else:
        row, col = pair_cells(references, predictions)
    near = distance(row, col) < threshold_m
    found = [torch.zeros(len(rows.frame), dtype=torch.bool) for rows in sides]
    found[0][row[near]] = True
    found[1][col[near]] = True
    return found[0], found[1]


def _count(
    clips: Clips,
    near_reference: Bool[Tensor, " reference"],
    near_prediction: Bool[Tensor, " prediction"] | None,
    *,
    twice: bool = False,
) -> Counts:
    line = lay_out(clips)
    num_frames = len(line.clip)

    def by_frame(flags: Tensor, cell: Int[Tensor, " row"]) -> Tensor:
        inside = cell < line.num_cells
        counted = sum_by(cell[inside], flags[inside].long(), line.num_cells)
        return counted.reshape(num_frames, clips.num_classes)

    cells = [line.cell(rows) for rows in (clips.reference, clips.prediction)]
    references, predictions = (by_frame(torch.ones_like(cell), cell) for cell in cells)
    hits = [by_frame(near_reference, cells[0])]
    if near_prediction is not None:
        hits.append(by_frame(near_prediction, cells[1]))
    alone = (references.sum(dim=1) > 0) != (predictions.sum(dim=1) > 0)
    times = 1 + (alone & twice).long().unsqueeze(1)

    def count(axis_sum: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        found = torch.stack([axis_sum(each) for each in hits]).amin(dim=0)
        there, said = axis_sum(references), axis_sum(predictions)
        counts = {
            "TP": found,
            "FP": (said - found) * times,
            "FN": (there - found) * times,
            "Nref": there,
            "Nsys": said,
        }
        return {name: line.sum_blocks(values) for name, values in counts.items()}

    whole = count(lambda values: values.sum(dim=1, keepdim=True))
    return Counts(
        by_class=count(lambda values: values),
        overall={name: values.squeeze(1) for name, values in whole.items()},
    )
