"""Reference assemblies: published networks, built from plain arguments."""

from seldkit.models.adapter_files import load_adapters, save_adapters
from seldkit.models.adapting import merge, with_adapters, with_lora
from seldkit.models.at2seld_builder import at2seld
from seldkit.models.at2seld_network import AT2SELD, PresenceOutput
from seldkit.models.at2seld_semantic import LevelToLogMel, SemanticProjection
from seldkit.models.at2seld_spatial import SpatialEncoder
from seldkit.models.causal_network import causal_crnn
from seldkit.models.einv1_network import EINV1, EventOutput, einv1
from seldkit.models.encoder import EncoderACCDOA, EncoderSELD, encoder_seld, seddoa
from seldkit.models.overlapping_blocks import (
    MapClassifier,
    SourceSeparator,
    reference_spectrogram,
)
from seldkit.models.overlapping_network import OverlappingE2E, overlapping_e2e
from seldkit.models.overlapping_output import OverlappingOutput, overlapping_losses
from seldkit.models.residual_conformer import resnet_conformer
from seldkit.models.roam_network import roam
from seldkit.models.seldnet_editions import SELDNET_EDITIONS, seldnet
from seldkit.models.sequence import SequenceSELD
from seldkit.models.stitched import StitchedSELD, einv2
from seldkit.models.transfer import Transplant, transplant

__all__ = [
    "AT2SELD",
    "EINV1",
    "SELDNET_EDITIONS",
    "EncoderACCDOA",
    "EncoderSELD",
    "EventOutput",
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
    "at2seld",
    "causal_crnn",
    "einv1",
    "einv2",
    "encoder_seld",
    "load_adapters",
    "merge",
    "overlapping_e2e",
    "overlapping_losses",
    "reference_spectrogram",
    "resnet_conformer",
    "roam",
    "save_adapters",
    "seddoa",
    "seldnet",
    "transplant",
    "with_adapters",
    "with_lora",
]
