"""What a benchmark tells: rows of figures, each a ratio against a reference in the same run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring import Task, cpu_seconds

HEADS = ("what", "reference", "ratio", "spread", "note")


class Row(NamedTuple):
    """How something does beside a reference.

    Attributes:
        what: What was measured.
        reference: What does the same, or what the cost is held against.
        ratio: The cost of the reference over that of `what`: above 1 is better.
        spread: Half the distance of the quartiles of the ratio over rounds, as a part of it; nan
            where there is no more than one round.
        note: What else there is to say.
    """

    what: str
    reference: str
    ratio: float
    spread: float = nan
    note: str = ""

    @classmethod
    def of(
        cls, what: str, reference: str, theirs: list[float], ours: list[float], note: str = ""
    ) -> "Row":
        """Return the row of costs that were taken in turn, a pair in each round."""
        ratios = np.array(theirs) / np.array(ours)
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75)).tolist()
        spread = (high - low) / 2 / middle if len(ratios) > 1 else nan
        return cls(what, reference, middle, spread, note)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Row":
        """Return the row that `as_json` told of."""
        numbers: Mapping[str, Any] = {k: nan if v is None else v for k, v in row.items()}
        return cls(**numbers)

    def as_json(self) -> dict[str, str | float | None]:
        """Return what JSON can hold: a number that is nan is null."""
        return {
            name: None if isinstance(value, float) and isnan(value) else value
            for name, value in self._asdict().items()
        }


def in_turn(
    tasks: Mapping[str, Task], rounds: int, cost: Callable[[Task], float] = cpu_seconds
) -> dict[str, list[float]]:
    """Return what each task costs in each round, after one round that does not count."""
    for task in tasks.values():
        task()
    costs: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            costs[name].append(cost(task))
    return costs


def markdown(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table, each as soon as its row is there."""
    yield f"| {' | '.join(HEADS)} |"
    yield "| --- | --- | ---: | ---: | --- |"
    for row in rows:
        spread = "" if isnan(row.spread) else f"± {row.spread:.0%}"
        yield f"| {row.what} | {row.reference} | {row.ratio:.3g} | {spread} | {row.note} |"


def tell(rows: Iterable[Row]) -> None:
    """Print rows as Markdown."""
    for line in markdown(rows):
        print(line, flush=True)
