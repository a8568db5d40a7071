"""Directions alone: how far from the source, and how often near enough."""

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seldkit._checks import check_number, check_positive
from seldkit._typing import Float, Int
from seldkit.geometry import below, within
from seldkit.metrics.analysis.matches import Matches


class DirectionScores(NamedTuple):
    """How well sources were located; nan where nothing is there to be averaged.

    Attributes:
        mean_deg: Mean angle of the pairs, 0 to 180 degrees. Lower is better.
        median_deg: Median angle of the pairs, 0 to 180 degrees. Lower is better.
        mean_m: Mean distance of the pairs' positions in metres; nan where a distance is not known.
            Lower is better.
        recall: References with a pair over references, 0 to 1. Higher is better.
        accuracy: References within each tolerance in degrees over references, those without a pair
            among them, 0 to 1, `[tolerance]`. Higher is better.
        accuracy_m: The same for each tolerance in metres, `[tolerance]`.
    """

    mean_deg: float
    median_deg: float
    mean_m: float
    recall: float
    accuracy: Float[Tensor, " tolerance"]
    accuracy_m: Float[Tensor, " tolerance_m"]


def direction_scores(
    matches: Matches,
    within_deg: Sequence[float] = (5.0, 10.0, 15.0, 20.0),
    within_m: Sequence[float] = (),
) -> DirectionScores:
    """Return angle errors and how many references were found within given tolerances.

    Predictions without a pair do not count. What the scores are of depends on how was matched: of
    [`match_oracle`][seldkit.metrics.analysis.match_oracle] they are those of the network's
    directions wherever a source sounds, whether or not the network notices it; of
    [`match_events`][seldkit.metrics.analysis.match_events] those of what it says it found,
    `by="class"` as DCASE averages them or `by="place"` whatever the class.

    Args:
        matches: Matches, or some of their rows.
        within_deg: Tolerances in degrees; an angle just as large is within.
        within_m: Tolerances in metres.

    Raises:
        ValueError: If a tolerance is not positive.

    Examples:
        >>> from seldkit import Events
        >>> from seldkit.metrics.analysis import match_events
        >>> scene = Events.from_degrees([0, 1, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1], [0, 0], [4, 12], [0, 0])
        >>> scores = direction_scores(match_events([(found, scene)]), within_deg=(5, 20))
        >>> round(scores.mean_deg, 3), scores.accuracy.round(decimals=3)
        (8.0, tensor([0.3330, 0.6670], dtype=torch.float64))
    """
    for tolerance in within_deg:
        check_positive(within_deg=tolerance)
    for tolerance in within_m:
        check_positive(within_m=tolerance)
    pairs = matches.select(matches.is_pair)
    num_references = (matches.reference >= 0).sum().double()
    return DirectionScores(
        mean_deg=pairs.angle_deg.mean().item(),
        median_deg=angle_percentiles(matches, (50,)).item(),
        mean_m=pairs.position_error_m.mean().item(),
        recall=(matches.is_pair.sum() / num_references).item(),
        accuracy=_count_within(pairs.angle_deg, within_deg) / num_references,
        accuracy_m=_count_within(pairs.position_error_m, within_m) / num_references,
    )


def angle_histogram(matches: Matches, edges_deg: Sequence[float]) -> Int[Tensor, " bin"]:
    """Count the pairs whose angle lies between each edge and the next.

    A bin holds its lower edge and the last one its upper edge too; angles beyond the edges are
    counted nowhere.

    Args:
        matches: Matches, or some of their rows.
        edges_deg: Edges of the bins in degrees, rising; one more than bins.

    Raises:
        ValueError: If there are fewer than two edges, or they do not rise.

    Examples:
        >>> from seldkit import Events
        >>> from seldkit.metrics.analysis import match_events
        >>> scene = Events.from_degrees([0, 1, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1, 2], [0, 0, 0], [4, 12, 170], [0, 0, 0])
        >>> angle_histogram(match_events([(found, scene)]), [0, 5, 10, 20, 180])
        tensor([1, 0, 1, 1])
    """
    edges = np.asarray(edges_deg, dtype=np.float64)
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"edges_deg must be two or more rising numbers, got {list(edges_deg)}")
    limits = torch.from_numpy(edges)
    angle = matches.angle_deg[matches.is_pair]
    # An angle that meets an edge but for rounding lies on it.
    reached = ~below(angle.unsqueeze(1), limits)
    inside = reached[:, 0] & within(angle, limits[-1])
    bins = (reached[inside].sum(dim=1) - 1).clamp(max=len(edges) - 2)
    return bins.bincount(minlength=len(edges) - 1)


def angle_percentiles(
    matches: Matches, percents: Sequence[float] = (25, 50, 75, 90, 95)
) -> Float[Tensor, " percent"]:
    """Return the angles in degrees that so many percent of the pairs do not exceed.

    Between two pairs they are interpolated; without a pair they are nan.

    Args:
        matches: Matches, or some of their rows.
        percents: From 0 to 100.

    Raises:
        TypeError: If a percentage is no number.
        ValueError: If a percentage is not between 0 and 100.

    Examples:
        >>> from seldkit import Events
        >>> from seldkit.metrics.analysis import match_events
        >>> scene = Events.from_degrees([0, 1, 2], [0, 0, 0], [0, 0, 0], [0, 0, 0])
        >>> found = Events.from_degrees([0, 1, 2], [0, 0, 0], [4, 12, 170], [0, 0, 0])
        >>> angle_percentiles(match_events([(found, scene)]), [0, 25, 50]).round(decimals=3)
        tensor([ 4.,  8., 12.], dtype=torch.float64)
    """
    for percent in percents:
        check_number(percents=percent)
        if not 0 <= percent <= 100:
            raise ValueError(f"percents must lie between 0 and 100, got {percent}")
    angle = matches.angle_deg[matches.is_pair].numpy()
    if not len(angle):
        return torch.full((len(percents),), nan, dtype=torch.float64)
    return torch.from_numpy(np.percentile(angle, np.asarray(percents, dtype=np.float64)))


def _count_within(error: Float[Tensor, " pair"], tolerances: Sequence[float]) -> Tensor:
    limits = torch.tensor(tolerances, dtype=torch.float64)
    return within(error.unsqueeze(1), limits).sum(dim=0)
