"""Losses: one for each output format, and what makes one number of several."""

from seldkit.losses.pit import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses

__all__ = ["DistanceTaskLosses", "TaskLosses", "TrackwisePITLoss", "trackwise_pit_loss"]
