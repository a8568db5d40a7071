"""Tables of scores, ready to be printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import torch
from torch import Tensor

from seldkit._checks import check_choice
from seldkit.metrics.analysis.detection import detection_scores
from seldkit.metrics.analysis.direction import direction_scores
from seldkit.metrics.analysis.matches import Matches, match_events
from seldkit.metrics.analysis.oracle import match_oracle
from seldkit.metrics.analysis.overlap import Clip, Unit, blank, by_overlap
from seldkit.metrics.scores import Average
from seldkit.metrics.seld import SELDMetrics
from seldkit.outputs import SELDOutput

COUNTS = ("Nref", "Nsys", "TP", "FP", "FP_spatial", "FN")
"""What the table of classes shows of the counts, where the protocol has it."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named rows and columns of numbers; `str` makes a text of it.

    Attributes:
        rows: Names of the rows.
        columns: From the name of a column to its numbers, `[row]`; nan where undefined.

    Examples:
        >>> table = Table(["dog", "cat"], {"TP": torch.tensor([3, 10]), "F": torch.rand(2) * 0})
        >>> print(table)
             TP      F
        dog   3  0.000
        cat  10  0.000
        >>> table.as_dict()["cat"]
        {'TP': 10, 'F': 0.0}
    """

    rows: Sequence[str]
    columns: Mapping[str, Tensor]

    def as_dict(self) -> dict[str, dict[str, float | int]]:
        """Return the numbers by row, then column."""
        numbers = {name: column.tolist() for name, column in self.columns.items()}
        return {
            row: {name: column[i] for name, column in numbers.items()}
            for i, row in enumerate(self.rows)
        }

    def __str__(self) -> str:
        numbers = zip(*(column.tolist() for column in self.columns.values()), strict=True)
        body = [[row, *map(_text, line)] for row, line in zip(self.rows, numbers, strict=True)]
        lines = [["", *self.columns], *body]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([name.ljust(widths[0]), *map(str.rjust, texts, widths[1:])])
            for name, *texts in lines
        )


def class_table(metrics: SELDMetrics, classes: Sequence[str] | None = None) -> Table:
    """Return counts and scores of each class, and of all together in the last row.

    Counts and scores have their published names: of the counts `Nref` (references), `Nsys`
    (predictions), `TP`, `FP`, `FP_spatial` (of the right class, too far away) and `FN`, as far as
    the protocol has them. A score that knows no classes, such as ER, is the same in all rows.

    Args:
        metrics: What has counted at least one clip, by any protocol.
        classes: Names of the classes; by default their numbers.

    Raises:
        TypeError: If `classes` is one text.
        ValueError: If there is no clip, or not one name for each class.

    Examples:
        >>> from seldkit import Events
        >>> scene = Events.from_degrees([0, 1, 2], [0, 0, 1], [0, 0, 0], [0, 0, 0], num_frames=3)
        >>> found = Events.from_degrees([0, 1], [0, 0], [10, 40], [0, 0])
        >>> metrics = SELDMetrics("dcase2024", num_classes=2, average="micro", frames="clip")
        >>> metrics.update(found, scene)
        >>> table = class_table(metrics, ["dog", "cat"])
        >>> {name: table.columns[name].tolist() for name in ("Nref", "TP", "FP_spatial", "FN")}
        {'Nref': [2, 1, 3], 'TP': [1, 0, 1], 'FP_spatial': [1, 0, 1], 'FN': [0, 1, 1]}
        >>> table.as_dict()["dog"]["F"]
        0.5
    """
    if isinstance(classes, str):
        raise TypeError(f"classes must be a list of names, got the text {classes!r}")
    scores = metrics.compute()
    names = list(map(str, range(metrics.num_classes))) if classes is None else list(classes)
    if len(names) != metrics.num_classes:
        raise ValueError(
            f"classes must hold num_classes={metrics.num_classes} names, got {len(names)}"
        )
    total = metrics.counts().total()
    together = total.together()
    counts = {
        name: torch.cat((total.by_class[name], together[name].reshape(1)))
        for name in COUNTS
        if name in total.by_class
    }
    values = {
        name: torch.cat(
            (scores.per_class[ours], torch.tensor([getattr(scores, ours)], dtype=torch.float64))
        )
        for name, ours in scores.published_names.items()
    }
    return Table([*names, "all"], {**counts, **values})


def overlap_table(
    clips: Sequence[Clip],
    metrics: SELDMetrics,
    *,
    score: str = "f_score",
    outputs: Sequence[SELDOutput | Tensor] | None = None,
    within_deg: Sequence[float] = (5.0, 10.0, 20.0),
    within_m: Sequence[float] = (),
    unit: Unit | None = None,
) -> Table:
    """Return how well the task and its parts are done where 1, 2, 3, ... sources sound at once.

    The rows are

    - SELD: a score of the protocol, as [`by_overlap`][seldkit.metrics.analysis.by_overlap] groups
      it.
    - SED only: F-score of classes wherever they were put, averaged as the protocol's.
    - DOA only: F-score of events within a tolerance of a reference whatever its class, over all
      classes together, for each tolerance in degrees. Position only: for each in metres.
    - DOA oracle, position oracle: share of references within the tolerance of one of the network's
      directions or positions, whether or not the network noticed them; where outputs are given.

    The columns are the numbers of sources and `"all"`, which holds false alarms in silence too. The
    parts are counted frame by frame in all frames of a clip, whatever the protocol does. With the
    protocol `l3das22`, `unit="clip"` and tolerances in metres this is the kind of table by which
    L3DAS systems are compared.

    Args:
        clips: Prediction and reference of each clip.
        metrics: How to score SELD. It stays as it is, and its own clips do not count.
        score: Which of the protocol's scores to show, by its name in
            [`SELDScores`][seldkit.metrics.SELDScores].
        outputs: The network's output for each clip, as
            [`match_oracle`][seldkit.metrics.analysis.match_oracle] takes it.
        within_deg: Tolerances in degrees.
        within_m: Tolerances in metres; events must have distances.
        unit: Frames that stay together, or `"clip"`, as in
            [`count_overlap`][seldkit.metrics.analysis.count_overlap]; those that the protocol
            counts together unless said.

    Raises:
        ValueError: If an argument is wrong, or a clip does not suit the metrics.

    Examples:
        >>> from seldkit import Events
        >>> scene = Events.from_degrees([0, 1, 1], [0, 0, 1], [0, 0, 90], [0, 0, 0], num_frames=2)
        >>> found = Events.from_degrees([0, 1], [0, 0], [0, 85], [0, 0])
        >>> metrics = SELDMetrics("dcase2024", num_classes=2, average="micro", frames="clip")
        >>> print(overlap_table([(found, scene)], metrics, within_deg=(10, 20)))
                           1      2    all
        SELD           1.000  0.000  0.400
        SED only       1.000  0.667  0.800
        DOA only, 10°  1.000  0.667  0.800
        DOA only, 20°  1.000  0.667  0.800
    """
    if outputs is not None and len(outputs) != len(clips):
        raise ValueError(
            f"outputs must hold one for each of {len(clips)} clips, got {len(outputs)}"
        )
    unit = metrics.block_frames if unit is None else unit
    whole = blank(metrics)
    for prediction, reference in clips:
        whole.update(prediction, reference)
    scores = whole.compute()
    check_choice("score", score, scores.published_names.values())
    by_class = match_events(clips, unit=unit)
    sources = by_class.overlap.unique()
    sources = sources[sources > 0].tolist()
    groups = by_overlap(clips, metrics, unit=unit)
    seld = [getattr(groups[n].compute(), score) if n in groups else nan for n in sources]

    def split(matches: Matches) -> list[Matches]:
        return [*(matches.select(matches.overlap == n) for n in sources), matches]

    def f_scores(parts: list[Matches], average: Average = "micro", **within: float) -> list[float]:
        return [
            detection_scores(part, metrics.num_classes, average=average, **within).f_score
            for part in parts
        ]

    rows = {"SELD": [*seld, getattr(scores, score)]}
    rows["SED only"] = f_scores(split(by_class), metrics.average)
    for deg in within_deg:
        parts = split(match_events(clips, by="place", tolerance=deg, unit=unit))
        rows[f"DOA only, {deg:g}°"] = f_scores(parts, within_deg=deg)
    for metres in within_m:
        parts = split(
            match_events(clips, by="place", measure="position", tolerance=metres, unit=unit)
        )
        rows[f"Position only, {metres:g} m"] = f_scores(parts, within_m=metres)
    if outputs is not None:
        pointed = [(output, each) for output, (_, each) in zip(outputs, clips, strict=True)]
        rows |= _oracle_rows(split(match_oracle(pointed, unit=unit)), within_deg, within_m)
    values = torch.tensor(list(rows.values()), dtype=torch.float64)
    columns = [*map(str, sources), "all"]
    return Table(list(rows), dict(zip(columns, values.unbind(dim=1), strict=True)))


def _oracle_rows(
    parts: Sequence[Matches], within_deg: Sequence[float], within_m: Sequence[float]
) -> dict[str, list[float]]:
    scores = [direction_scores(part, within_deg, within_m) for part in parts]
    names = [f"DOA oracle, {deg:g}°" for deg in within_deg]
    names += [f"Position oracle, {m:g} m" for m in within_m]
    accuracy = torch.stack([torch.cat((each.accuracy, each.accuracy_m)) for each in scores], dim=1)
    return dict(zip(names, accuracy.tolist(), strict=True))


def _text(value: float | int) -> str:
    return str(value) if isinstance(value, int) or isnan(value) else f"{value:.3f}"
