"""Directions alone: how far from the source, and how often near enough."""

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seldkit._checks import check_positive
from seldkit._typing import Float
from seldkit.geometry import within
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

    Their distribution is that of `matches.angle_deg[matches.is_pair]`, which any histogram takes.
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
        median_deg=np.median(pairs.angle_deg).item() if len(pairs) else nan,
        mean_m=pairs.position_error_m.mean().item(),
        recall=(matches.is_pair.sum() / num_references).item(),
        accuracy=_count_within(pairs.angle_deg, within_deg) / num_references,
        accuracy_m=_count_within(pairs.position_error_m, within_m) / num_references,
    )


def _count_within(error: Float[Tensor, " pair"], tolerances: Sequence[float]) -> Tensor:
    limits = torch.tensor(tolerances, dtype=torch.float64)
    return within(error.unsqueeze(1), limits).sum(dim=0)
