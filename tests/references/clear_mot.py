"""CLEAR MOT frame by frame and pair by pair, with every matching tried."""

from collections import defaultdict
from itertools import combinations, permutations

from seldkit.events import Events
from seldkit.geometry import angle_deg


def count(prediction: Events, reference: Events, threshold_deg: float) -> dict[str, float]:
    """Return matches, the sum of their angles, switches and fragmentations of one clip."""
    last_of_reference: dict[int, int] = {}
    last_of_prediction: dict[int, int] = {}
    found: dict[int, list[bool]] = defaultdict(list)
    total = {"matches": 0.0, "total_angle": 0.0, "switches": 0.0, "fragmentations": 0.0}
    for frame in sorted(set(reference.frame.tolist())):
        rows = {e.source: d for e, d in _of(reference, frame)}
        cols = {e.source: d for e, d in _of(prediction, frame)}
        angle = {(i, j): float(angle_deg(rows[i], cols[j])) for i in rows for j in cols}
        near = {pair for pair, value in angle.items() if value <= threshold_deg}
        kept = {
            (i, j)
            for i, j in near
            if last_of_reference.get(i) == j and last_of_prediction.get(j) == i
        }
        left = [i for i in rows if i not in {k for k, _ in kept}]
        free = [j for j in cols if j not in {k for _, k in kept}]
        pairs = kept | _best(left, free, {p: angle[p] for p in near})
        for i, j in pairs:
            total["matches"] += 1
            total["total_angle"] += angle[i, j]
            total["switches"] += last_of_reference.get(i, j) != j
            last_of_reference[i], last_of_prediction[j] = j, i
        for i in rows:
            found[i].append(i in {k for k, _ in pairs})
    for flags in found.values():
        starts = sum(
            now and not before for before, now in zip([False, *flags], flags, strict=False)
        )
        total["fragmentations"] += max(starts - 1, 0)
    return total


def _of(events: Events, frame: int):  # type: ignore[no-untyped-def]
    here = (events.frame == frame).nonzero().flatten()
    return zip(events.select(here), events.direction[here], strict=True)


def _best(
    rows: list[int], cols: list[int], cost: dict[tuple[int, int], float]
) -> set[tuple[int, int]]:
    """Return the cheapest of the matchings with the most pairs."""
    for size in range(min(len(rows), len(cols)), 0, -1):
        options = [
            set(zip(some, others, strict=True))
            for some in combinations(rows, size)
            for others in permutations(cols, size)
            if all(pair in cost for pair in zip(some, others, strict=True))
        ]
        if options:
            return min(options, key=lambda pairs: sum(cost[pair] for pair in pairs))
    return set()
