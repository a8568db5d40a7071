"""Losses: one for each output format."""

from seldkit.losses.pit import TaskLosses, TrackwisePITLoss, trackwise_pit_loss

__all__ = ["TaskLosses", "TrackwisePITLoss", "trackwise_pit_loss"]
