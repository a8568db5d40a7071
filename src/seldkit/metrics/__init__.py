"""Scores of predicted against reference events, each edition exactly as published."""

from seldkit.metrics import analysis, tracking
from seldkit.metrics.dense_maps import DenseMapMetrics, DenseMapScores
from seldkit.metrics.distributed import gather
from seldkit.metrics.intervals import Interval, jackknife
from seldkit.metrics.scores import SELDScores
from seldkit.metrics.seld import SELDMetrics

__all__ = [
    "DenseMapMetrics",
    "DenseMapScores",
    "Interval",
    "SELDMetrics",
    "SELDScores",
    "analysis",
    "gather",
    "jackknife",
    "tracking",
]
