"""Losses: one for each output format, and what makes one number of several."""

from seldkit.losses.accdoa import ACCDOALoss, accdoa_loss
from seldkit.losses.activity import FocalLoss, focal_loss
from seldkit.losses.adpit import ADPITLoss, adpit_loss, arrange_sources
from seldkit.losses.adyolo import ADYOLOLoss, adyolo_loss
from seldkit.losses.aggregated import (
    AggregatedPITLoss,
    AggregatedSumLoss,
    aggregated_pit_loss,
    aggregated_sum_loss,
)
from seldkit.losses.aggregated_mixture import AggregatedMixtureLoss, aggregated_mixture_loss
from seldkit.losses.association import AssociationLoss, association_loss
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
from seldkit.losses.direct_path import DirectPathLoss, direct_path_loss
from seldkit.losses.direction import ActiveDirectionLoss, active_direction_loss
from seldkit.losses.dmot import DMOTLoss, MOTLosses, dmot_loss
from seldkit.losses.energy_map import (
    ActiveEnergyLoss,
    EnergyMapLoss,
    active_energy_loss,
    energy_map_loss,
)
from seldkit.losses.events import EventPITLoss, event_pit_loss
from seldkit.losses.pit import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.presence import PresenceLoss, presence_loss
from seldkit.losses.tasks import DistanceTaskLosses, EventTaskLosses, TaskLosses
from seldkit.losses.tdoa import TDOALoss, delay_classes, tdoa_loss
from seldkit.losses.tracks import match_tracks, reorder
from seldkit.losses.vector_pit import VectorPITLoss, vector_pit_loss

__all__ = [
    "ACCDOALoss",
    "ADPITLoss",
    "ADYOLOLoss",
    "ActiveDirectionLoss",
    "ActiveEnergyLoss",
    "AggregatedMixtureLoss",
    "AggregatedPITLoss",
    "AggregatedSumLoss",
    "AssociationLoss",
    "Balancer",
    "ClassWiseLoss",
    "DMOTLoss",
    "DirectPathLoss",
    "DistanceTaskLosses",
    "DynamicWeightAverage",
    "EnergyMapLoss",
    "EventPITLoss",
    "EventTaskLosses",
    "FixedWeights",
    "FocalLoss",
    "GradNorm",
    "LossScaleBalancer",
    "MOTLosses",
    "PresenceLoss",
    "RandomWeights",
    "TDOALoss",
    "TaskLosses",
    "TrackwisePITLoss",
    "UncertaintyWeights",
    "VectorPITLoss",
    "accdoa_loss",
    "active_direction_loss",
    "active_energy_loss",
    "adpit_loss",
    "adyolo_loss",
    "aggregated_mixture_loss",
    "aggregated_pit_loss",
    "aggregated_sum_loss",
    "arrange_sources",
    "association_loss",
    "class_wise_loss",
    "delay_classes",
    "direct_path_loss",
    "dmot_loss",
    "energy_map_loss",
    "event_pit_loss",
    "focal_loss",
    "match_tracks",
    "presence_loss",
    "reorder",
    "tdoa_loss",
    "trackwise_pit_loss",
    "vector_pit_loss",
]
