"""Who was found where: predictions beside their references, and what has no counterpart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf, nan
from typing import Literal, get_args

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_positive
from seldkit._typing import Bool, Float, Int
from seldkit.events.frames import check_frame_s
from seldkit.geometry import within
from seldkit.metrics.analysis.overlap import Clip, Unit, first_frame_after, overlap_at
from seldkit.metrics.matching import Cost, gather_cells, match_cells
from seldkit.metrics.measures import exact_angle, position_distance
from seldkit.metrics.timeline import JoinedClips, Timeline, join, lay_out, number

By = Literal["class", "place", "event"]
Measure = Literal["angle", "position"]

MEASURES = {"angle": exact_angle, "position": position_distance}

TOLERANCE_DEG = 20.0
"""What is near, by default, where that is asked."""


@dataclass(frozen=True, eq=False, repr=False)
class Matches:
    """Predictions beside their references: a row for each pair and for each event without one.

    Rows stand clip by clip and frame by frame; in a frame first pairs, then references that were
    missed, then predictions that were made up.

    Attributes:
        clip: Which clip a row belongs to, from 0, `[row]`.
        frame: Its frame in the clip, `[row]`.
        reference: Class of the reference, -1 where there is none, `[row]`.
        prediction: Class of the prediction, -1 where there is none, `[row]`.
        angle_deg: Angle of the pair in degrees, nan where there is none, `[row]`.
        position_error_m: Distance of the pair's positions in metres, nan where there is no pair or
            a distance is not known, `[row]`.
        overlap: How many sources sound in the row's frame or, if asked, at most in any frame of
            its unit, `[row]`.
        same_class: Whether one class sounds more than once there, `[row]`.
    """

    clip: Int[Tensor, " row"]
    frame: Int[Tensor, " row"]
    reference: Int[Tensor, " row"]
    prediction: Int[Tensor, " row"]
    angle_deg: Float[Tensor, " row"]
    position_error_m: Float[Tensor, " row"]
    overlap: Int[Tensor, " row"]
    same_class: Bool[Tensor, " row"]

    @property
    def is_pair(self) -> Bool[Tensor, " row"]:
        """Whether a row has both a reference and a prediction."""
        return (self.reference >= 0) & (self.prediction >= 0)

    def select(self, rows: Tensor) -> "Matches":
        """Return the rows that a boolean mask or a list of row numbers picks."""
        return Matches(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})

    def __len__(self) -> int:
        return len(self.clip)

    def __repr__(self) -> str:
        pairs = int(self.is_pair.sum())
        missed, made_up = ((column < 0).sum() for column in (self.prediction, self.reference))
        return f"Matches({pairs} pair{'s' * (pairs != 1)}, {missed} missed, {made_up} made up)"


def match_events(
    clips: Sequence[Clip],
    *,
    by: By = "class",
    measure: Measure = "angle",
    tolerance: float | None = None,
    unit: Unit = 1,
) -> Matches:
    """Match predictions to references, frame by frame and one to one.

    Predictions in frames beyond the reference's `num_frames`, where it has any, do not count. Many
    questions are answered by one selection of the result:

    - Detection alone: [`detection_scores`][seldkit.metrics.analysis.detection_scores] of
      `by="class"`.
    - Directions alone: [`direction_scores`][seldkit.metrics.analysis.direction_scores] of
      `by="place"`.
    - What goes wrong: [`count_errors`][seldkit.metrics.analysis.count_errors] of `by="event"`.
    - All of them where two sources sound: of `matches.select(matches.overlap == 2)`.

    Args:
        clips: Prediction and reference of each clip.
        by: `"class"` matches within a class, as dcase2024 does, and `"place"` whatever the class:
            as many as can be, at the smallest sum of angles. `"event"` looks at class and place: it
            first makes as many near pairs of one class as can be, of what is left as many near
            pairs of different classes, and at last pairs of one class that are not near.
        measure: `"angle"`, or `"position"` for the distance of positions in its place.
        tolerance: Largest angle in degrees (or distance in metres) of a near pair, itself
            included; 20 degrees for
            `"event"` unless given. If given for `"class"` or `"place"`, as many near pairs as can
            be come first there too, even if the sum of all angles grows: right for counting hits
            within that tolerance.
        unit: Frames that stay together in `overlap` and `same_class`, as in
            [`count_overlap`][seldkit.metrics.analysis.count_overlap].

    Raises:
        ValueError: If there is no clip, a clip has a frame beyond a day, a choice is unknown,
            `tolerance` is not positive or missing for events by position, or positions are asked
            for and events lack distances.

    Examples:
        >>> from seldkit import Events
        >>> scene = Events.from_degrees([0, 0, 1], [0, 1, 1], [0, 90, 90], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1], [0, 2], [10, 90], [0, 0])
        >>> matches = match_events([(found, scene)])
        >>> matches
        Matches(1 pair, 2 missed, 1 made up)
        >>> matches.overlap, matches.reference, matches.prediction
        (tensor([2, 2, 1, 1]), tensor([ 0,  1,  1, -1]), tensor([ 0, -1, -1,  2]))
        >>> match_events([(found, scene)], by="place")
        Matches(2 pairs, 1 missed, 0 made up)
    """
    check_choice("by", by, get_args(By))
    check_choice("measure", measure, MEASURES)
    rounds = _rounds(by, measure, tolerance)
    if not len(clips):
        raise ValueError("clips must hold at least one clip, got none")
    joined = _join(clips)
    sides = joined.reference, joined.prediction
    if measure == "position" and not all(rows.has_distance.all() for rows in sides):
        raise ValueError("measure='position' needs events with distances in every clip")
    lines = {"class": lay_out(_renumbered(joined)), "place": lay_out(joined.without_classes())}
    pairs = _match(lines, MEASURES[measure](*sides), rounds)

    # In every column: pairs, then references without one, then predictions without one.
    reference, prediction = sides
    missed, made_up = (_others(len(r.frame), row) for r, row in zip(sides, pairs, strict=True))
    there = torch.cat((pairs[0], missed))
    clip, frame, moment = (
        torch.cat((of_reference[there], of_prediction[made_up]))
        for of_reference, of_prediction in (
            (reference.clip, prediction.clip),
            (reference.frame, prediction.frame),
            (lines["place"].reference, lines["place"].prediction),
        )
    )
    found = _fill(prediction.label[pairs[1]], len(there), -1)
    overlap = overlap_at(reference, clip, frame, unit)
    return Matches(
        clip=clip,
        frame=frame,
        reference=_fill(reference.label[there], len(frame), -1),
        prediction=torch.cat((found, prediction.label[made_up])),
        angle_deg=_fill(exact_angle(*sides)(*pairs), len(frame), nan),
        position_error_m=_fill(position_distance(*sides)(*pairs), len(frame), nan),
        overlap=overlap.num_sources,
        same_class=overlap.same_class,
    ).select(moment.argsort(stable=True))


def count_labels(label: Int[Tensor, " row"], num_classes: int) -> Int[Tensor, " cls"]:
    """Return how often each class stands in a column of matches; -1 is none."""
    return label[label >= 0].bincount(minlength=num_classes)


def check_labels(matches: Matches, num_classes: int) -> None:
    """Raise `ValueError` unless every label is below the number of classes."""
    for name in ("reference", "prediction"):
        label = getattr(matches, name)
        if len(label) and label.max() >= num_classes:
            raise ValueError(
                f"matches.{name} must be below num_classes={num_classes}, got {int(label.max())}"
            )


def _join(clips: Sequence[Clip]) -> JoinedClips:
    num_frames, predictions = [], []
    for prediction, reference in clips:
        if len(prediction):
            check_frame_s("prediction", prediction.frame_s, reference.frame_s)
        known = reference.num_frames
        if known is None:
            known = max(first_frame_after(prediction), first_frame_after(reference))
        num_frames.append(known)
        predictions.append(prediction.select(prediction.frame < known))
    sides = join(predictions), join([reference for _, reference in clips])
    num_classes = max([int(rows.label.max()) for rows in sides if len(rows.label)], default=0) + 1
    return JoinedClips(*sides, torch.tensor(num_frames), num_classes)


def _renumbered(clips: JoinedClips) -> JoinedClips:
    """Return the same events with only the classes that occur, so that any label will do."""
    labels, (predicted, labelled) = number(clips.prediction.label, clips.reference.label)
    return clips._replace(
        prediction=clips.prediction._replace(label=predicted),
        reference=clips.reference._replace(label=labelled),
        num_classes=max(len(labels), 1),
    )


def _rounds(by: By, measure: Measure, tolerance: float | None) -> list[tuple[str, float]]:
    """Return the rounds of matching: within which cells each pairs, and up to which cost."""
    if tolerance is not None:
        check_positive(tolerance=tolerance)
    if by != "event":
        near = [] if tolerance is None else [(by, tolerance)]
        return [*near, (by, inf)]
    if tolerance is None:
        if measure == "position":
            raise ValueError("tolerance must be given for by='event' and measure='position'")
        tolerance = TOLERANCE_DEG
    return [("class", tolerance), ("place", tolerance), ("class", inf)]


def _match(
    lines: Mapping[str, Timeline], cost: Cost, rounds: Sequence[tuple[str, float]]
) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"]]:
    """Return the rows of the references and of the predictions that were paired."""
    cells = lines["class"].reference, lines["class"].prediction
    free = [torch.ones(len(cell), dtype=torch.bool) for cell in cells]
    found = []
    for place, limit in rounds:
        line = lines[place]
        references, predictions = (
            gather_cells(cell.where(unmatched, line.num_cells), line.num_cells)
            for cell, unmatched in zip((line.reference, line.prediction), free, strict=True)
        )
        goal = cost if limit == inf else _count_near(cost, limit)
        row, col, _ = match_cells(references, predictions, goal)
        near = within(cost(row, col), limit)
        found.append((row[near], col[near]))
        free[0][row[near]] = False
        free[1][col[near]] = False
    rows, cols = zip(*found, strict=True)
    return torch.cat(rows), torch.cat(cols)


def _count_near(cost: Cost, tolerance: float) -> Cost:
    """Return the cost by which most pairs are near, and of those the nearest are taken."""

    def near_cost(row: Tensor, col: Tensor) -> Tensor:
        # A far pair costs more than any number of near ones.
        apart = cost(row, col)
        near = within(apart, tolerance)
        farthest = apart[near].max() if near.any() else 0.0
        return torch.where(near, 1e-3 * apart / (1 + farthest), 1.0)

    return near_cost


def _others(num_rows: int, rows: Int[Tensor, " some"]) -> Int[Tensor, " other"]:
    """Return the row numbers that are not among the given ones."""
    other = torch.ones(num_rows, dtype=torch.bool)
    other[rows] = False
    return other.nonzero().squeeze(1)


def _fill(values: Tensor, num_rows: int, value: float) -> Tensor:
    """Return so many rows: the given ones, then a value."""
    return torch.cat((values, values.new_full((num_rows - len(values),), value)))
