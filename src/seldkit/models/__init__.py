"""Reference assemblies: published networks, built from plain arguments."""

from seldkit.models.ad_yolo_network import ad_yolo
from seldkit.models.at2seld_builder import at2seld
from seldkit.models.at2seld_network import AT2SELD, PresenceOutput
from seldkit.models.at2seld_semantic import LevelToLogMel, SemanticProjection
from seldkit.models.at2seld_spatial import SpatialEncoder
from seldkit.models.causal_network import causal_crnn
from seldkit.models.cross3d_network import cross3d
from seldkit.models.doanet_network import doanet
from seldkit.models.encoder import EncoderACCDOA, EncoderSELD, encoder_seld, seddoa
from seldkit.models.event_proposals import (
    EventProposals,
    propose_events,
    proposed_output,
    temporal_nms,
)
from seldkit.models.fn_ssl_network import FNSSL, fn_ssl
from seldkit.models.ipdnet_network import IPDNet, ipdnet
from seldkit.models.mff_network import StemmedBranches, mff_einv2
from seldkit.models.neural_srp_network import NeuralSRP, neural_srp
from seldkit.models.overlapping_blocks import (
    MapClassifier,
    SourceSeparator,
    reference_spectrogram,
)
from seldkit.models.overlapping_network import OverlappingE2E, overlapping_e2e
from seldkit.models.overlapping_output import OverlappingOutput, overlapping_losses
from seldkit.models.proposal_maps import ProposalMaps, proposal_losses, proposal_targets
from seldkit.models.residual_conformer import resnet_conformer
from seldkit.models.roam_network import roam
from seldkit.models.seldnet_editions import SELDNET_EDITIONS, seldnet
from seldkit.models.sequence import SequenceSELD
from seldkit.models.sound_det_network import (
    ProposalOutput,
    SoundDet,
    WaveformEncoder,
    sound_det,
)
from seldkit.models.sound_doa_network import GaborFrontEnd, SoundDoA, sound_doa
from seldkit.models.srp_dnn_network import SRPDNN, srp_dnn
from seldkit.models.stitched import StitchedSELD, einv2
from seldkit.models.transfer import Transplant, transplant
from seldkit.models.u_rnn_network import RecurrentUNet, u_rnn

__all__ = [
    "AT2SELD",
    "FNSSL",
    "SELDNET_EDITIONS",
    "SRPDNN",
    "EncoderACCDOA",
    "EncoderSELD",
    "EventProposals",
    "GaborFrontEnd",
    "IPDNet",
    "LevelToLogMel",
    "MapClassifier",
    "NeuralSRP",
    "OverlappingE2E",
    "OverlappingOutput",
    "PresenceOutput",
    "ProposalMaps",
    "ProposalOutput",
    "RecurrentUNet",
    "SemanticProjection",
    "SequenceSELD",
    "SoundDet",
    "SoundDoA",
    "SourceSeparator",
    "SpatialEncoder",
    "StemmedBranches",
    "StitchedSELD",
    "Transplant",
    "WaveformEncoder",
    "ad_yolo",
    "at2seld",
    "causal_crnn",
    "cross3d",
    "doanet",
    "einv2",
    "encoder_seld",
    "fn_ssl",
    "ipdnet",
    "mff_einv2",
    "neural_srp",
    "overlapping_e2e",
    "overlapping_losses",
    "proposal_losses",
    "proposal_targets",
    "propose_events",
    "proposed_output",
    "reference_spectrogram",
    "resnet_conformer",
    "roam",
    "seddoa",
    "seldnet",
    "sound_det",
    "sound_doa",
    "srp_dnn",
    "temporal_nms",
    "transplant",
    "u_rnn",
]
