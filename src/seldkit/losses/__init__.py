"""Losses: one for each output format, and what makes one number of several."""

from seldkit.losses.accdoa import ACCDOALoss, accdoa_loss
from seldkit.losses.activity import FocalLoss, focal_loss
from seldkit.losses.adpit import ADPITLoss, adpit_loss, arrange_sources
from seldkit.losses.aggregated import (
    AggregatedPITLoss,
    AggregatedSumLoss,
    aggregated_pit_loss,
    aggregated_sum_loss,
)
from seldkit.losses.aggregated_mixture import AggregatedMixtureLoss, aggregated_mixture_loss
from seldkit.losses.balancing import (
    Balancer,
    DynamicWeightAverage,
    FixedWeights,
    GradNorm,
    LossScaleBalancer,
    RandomWeights,
    UncertaintyWeights,
)
from seldkit.losses.class_wise import ClassWiseLoss, class_wise_loss
from seldkit.losses.direction import ActiveDirectionLoss, active_direction_loss
from seldkit.losses.events import EventPITLoss, event_pit_loss
from seldkit.losses.pit import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.presence import PresenceLoss, presence_loss
from seldkit.losses.tasks import DistanceTaskLosses, EventTaskLosses, TaskLosses
from seldkit.losses.tracks import match_tracks, reorder

__all__ = [
    "ACCDOALoss",
    "ADPITLoss",
    "ActiveDirectionLoss",
    "AggregatedMixtureLoss",
    "AggregatedPITLoss",
    "AggregatedSumLoss",
    "Balancer",
    "ClassWiseLoss",
    "DistanceTaskLosses",
    "DynamicWeightAverage",
    "EventPITLoss",
    "EventTaskLosses",
    "FixedWeights",
    "FocalLoss",
    "GradNorm",
    "LossScaleBalancer",
    "PresenceLoss",
    "RandomWeights",
    "TaskLosses",
    "TrackwisePITLoss",
    "UncertaintyWeights",
    "accdoa_loss",
    "active_direction_loss",
    "adpit_loss",
    "aggregated_mixture_loss",
    "aggregated_pit_loss",
    "aggregated_sum_loss",
    "arrange_sources",
    "class_wise_loss",
    "event_pit_loss",
    "focal_loss",
    "match_tracks",
    "presence_loss",
    "reorder",
    "trackwise_pit_loss",
]
