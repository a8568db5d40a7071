"""Scores of predicted against reference events, each edition exactly as published."""

from seldkit.metrics.scores import SELDScores
from seldkit.metrics.seld import SELDMetrics

__all__ = ["SELDMetrics", "SELDScores"]
