"""Scores of tracks: who is followed, who is taken for another, and how far directions are off.

All take one clip a call, `update(prediction, reference)`, and keep sums by clip, so that
[`jackknife`][seldkit.metrics.jackknife] and [`gather`][seldkit.metrics.gather] read them like
[`SELDMetrics`][seldkit.metrics.SELDMetrics]. The number of a track is `Events.source`.
"""

from seldkit.metrics.tracking.accumulator import TrackMetrics
from seldkit.metrics.tracking.clear_mot import CLEARMOT, CLEARMOTScores
from seldkit.metrics.tracking.ospa import GOSPA, OSPA, GOSPAScores, OSPAScores
from seldkit.metrics.tracking.rmsae import RMSAE, RMSAEScores

__all__ = [
    "CLEARMOT",
    "GOSPA",
    "OSPA",
    "RMSAE",
    "CLEARMOTScores",
    "GOSPAScores",
    "OSPAScores",
    "RMSAEScores",
    "TrackMetrics",
]
