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
from seldkit.losses.energy_map import (
    ActiveEnergyLoss,
    EnergyMapLoss,
    active_energy_loss,
    energy_map_loss,
)
from seldkit.losses.pit import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.presence import PresenceLoss, presence_loss
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
from seldkit.losses.tracks import match_tracks, reorder

__all__ = [
    "ACCDOALoss",
    "ADPITLoss",
    "ActiveDirectionLoss",
    "ActiveEnergyLoss",
    "AggregatedMixtureLoss",
    "AggregatedPITLoss",
    "AggregatedSumLoss",
    "Balancer",
    "ClassWiseLoss",
    "DistanceTaskLosses",
    "DynamicWeightAverage",
    "EnergyMapLoss",
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
    "active_energy_loss",
    "adpit_loss",
    "aggregated_mixture_loss",
    "aggregated_pit_loss",
    "aggregated_sum_loss",
    "arrange_sources",
    "class_wise_loss",
    "energy_map_loss",
    "focal_loss",
    "match_tracks",
    "presence_loss",
    "reorder",
    "trackwise_pit_loss",
]
