"""Reference assemblies: published networks, built from plain arguments."""

from seldkit.models.accdoa import EncoderACCDOA, accdoa_crnn, accdoa_htsat
from seldkit.models.at2seld import at2seld
from seldkit.models.at2seld_network import AT2SELD, PresenceOutput
from seldkit.models.at2seld_semantic import LevelToLogMel, SemanticProjection
from seldkit.models.at2seld_spatial import SpatialEncoder
from seldkit.models.einv2 import StitchedSELD, einv2
from seldkit.models.overlapping_blocks import (
    MapClassifier,
    SourceSeparator,
    reference_spectrogram,
)
from seldkit.models.overlapping_e2e import OverlappingE2E, overlapping_e2e
from seldkit.models.overlapping_output import OverlappingOutput, overlapping_losses
from seldkit.models.resnet_conformer import resnet_conformer
from seldkit.models.roam import roam
from seldkit.models.seddoa import EncoderSELD, seddoa, seddoa_crnn
from seldkit.models.seldnet import SELDNET_EDITIONS, seldnet
from seldkit.models.sequence import SequenceSELD
from seldkit.models.transfer import Transplant, transplant

__all__ = [
    "AT2SELD",
    "SELDNET_EDITIONS",
    "EncoderACCDOA",
    "EncoderSELD",
    "LevelToLogMel",
    "MapClassifier",
    "OverlappingE2E",
    "OverlappingOutput",
    "PresenceOutput",
    "SemanticProjection",
    "SequenceSELD",
    "SourceSeparator",
    "SpatialEncoder",
    "StitchedSELD",
    "Transplant",
    "accdoa_crnn",
    "accdoa_htsat",
    "at2seld",
    "einv2",
    "overlapping_e2e",
    "overlapping_losses",
    "reference_spectrogram",
    "resnet_conformer",
    "roam",
    "seddoa",
    "seddoa_crnn",
    "seldnet",
    "transplant",
]
