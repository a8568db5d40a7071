"""Reference assemblies: published networks, built from plain arguments."""

from seldkit.models.acoustic_mapping import (
    LatentAcousticMap,
    UpLatentAcousticMap,
    lam,
    lam_points,
    uplam,
)
from seldkit.models.ad_yolo_network import ad_yolo
from seldkit.models.adapter_files import load_adapters, save_adapters
from seldkit.models.adapting import merge, with_adapters, with_lora
from seldkit.models.at2seld_builder import at2seld
from seldkit.models.at2seld_network import AT2SELD, PresenceOutput
from seldkit.models.at2seld_semantic import LevelToLogMel, SemanticProjection
from seldkit.models.at2seld_spatial import SpatialEncoder
from seldkit.models.causal_network import causal_crnn
from seldkit.models.cross3d_network import cross3d
from seldkit.models.cst_former_builder import CST_FORMERS, cst_former
from seldkit.models.doanet_network import doanet
from seldkit.models.einv1_network import EINV1, EventOutput, einv1
from seldkit.models.encoder import EncoderACCDOA, EncoderSELD, encoder_seld, seddoa
from seldkit.models.event_proposals import (
    EventProposals,
    propose_events,
    proposed_output,
    temporal_nms,
)
from seldkit.models.fn_ssl_network import FNSSL, fn_ssl
from seldkit.models.ipdnet_network import IPDNet, ipdnet
from seldkit.models.joined import JoinedTrainings, joined_trainings
from seldkit.models.mff_network import StemmedBranches, mff_einv2
from seldkit.models.neural_srp_network import NeuralSRP, neural_srp
from seldkit.models.ngcc_network import NGCCPHAT, NGCCSELD, ngcc_seld
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
from seldkit.models.sphere_network import SphereNetwork, sphere_net
from seldkit.models.srp_dnn_network import SRPDNN, srp_dnn
from seldkit.models.stitched import StitchedSELD, einv2
from seldkit.models.transfer import Transplant, transplant
from seldkit.models.two_stage_network import StageCRNN, TwoStage, two_stage
from seldkit.models.u_rnn_network import RecurrentUNet, u_rnn

__all__ = [
    "AT2SELD",
    "CST_FORMERS",
    "EINV1",
    "FNSSL",
    "NGCCPHAT",
    "NGCCSELD",
    "SELDNET_EDITIONS",
    "SRPDNN",
    "EncoderACCDOA",
    "EncoderSELD",
    "EventOutput",
    "EventProposals",
    "GaborFrontEnd",
    "IPDNet",
    "JoinedTrainings",
    "LatentAcousticMap",
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
    "SphereNetwork",
    "StageCRNN",
    "StemmedBranches",
    "StitchedSELD",
    "Transplant",
    "TwoStage",
    "UpLatentAcousticMap",
    "WaveformEncoder",
    "ad_yolo",
    "at2seld",
    "causal_crnn",
    "cross3d",
    "cst_former",
    "doanet",
    "einv1",
    "einv2",
    "encoder_seld",
    "fn_ssl",
    "ipdnet",
    "joined_trainings",
    "lam",
    "lam_points",
    "load_adapters",
    "merge",
    "mff_einv2",
    "neural_srp",
    "ngcc_seld",
    "overlapping_e2e",
    "overlapping_losses",
    "proposal_losses",
    "proposal_targets",
    "propose_events",
    "proposed_output",
    "reference_spectrogram",
    "resnet_conformer",
    "roam",
    "save_adapters",
    "seddoa",
    "seldnet",
    "sound_det",
    "sound_doa",
    "sphere_net",
    "srp_dnn",
    "temporal_nms",
    "transplant",
    "two_stage",
    "u_rnn",
    "uplam",
    "with_adapters",
    "with_lora",
]
