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
from seldkit.losses.pit import TrackwisePITLoss, trackwise_pit_loss
from seldkit.losses.presence import PresenceLoss, presence_loss
from seldkit.losses.tasks import DistanceTaskLosses, TaskLosses
from seldkit.losses.tracks import match_tracks, reorder
from seldkit.losses.vector_pit import VectorPITLoss, vector_pit_loss

__all__ = [
    "ACCDOALoss",
    "ADPITLoss",
    "ADYOLOLoss",
    "ActiveDirectionLoss",
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
    "FixedWeights",
    "FocalLoss",
    "GradNorm",
    "LossScaleBalancer",
    "MOTLosses",
    "PresenceLoss",
    "RandomWeights",
    "TaskLosses",
    "TrackwisePITLoss",
    "UncertaintyWeights",
    "VectorPITLoss",
    "accdoa_loss",
    "active_direction_loss",
    "adpit_loss",
    "adyolo_loss",
    "aggregated_mixture_loss",
    "aggregated_pit_loss",
    "aggregated_sum_loss",
    "arrange_sources",
    "association_loss",
    "class_wise_loss",
    "direct_path_loss",
    "dmot_loss",
    "focal_loss",
    "match_tracks",
    "presence_loss",
    "reorder",
    "trackwise_pit_loss",
    "vector_pit_loss",
]
