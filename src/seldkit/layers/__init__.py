"""Layers that SELD networks are made of."""

from seldkit.layers.adapter import Adapter
from seldkit.layers.asymmetric_mamba import AsymmetricBiMamba, AsymmetricDecoder
from seldkit.layers.attention import RelativePositionAttention
from seldkit.layers.attention_pool import AttentionPool
from seldkit.layers.bimamba import BiMamba, MambaBlock
from seldkit.layers.bin_norm import BinNorm
from seldkit.layers.branches import SharedBranch, StitchedBranches, TrackEncoders
from seldkit.layers.causal import CausalConv1d, CausalConv2d, CausalDoubleConv
from seldkit.layers.causal_pictures import CausalConv3d
from seldkit.layers.channel_attention import MultiScaleChannelAttention, SqueezeExcite
from seldkit.layers.chunked_attention import ChunkedAttention
from seldkit.layers.cmaf import CMAF
from seldkit.layers.conformer import ConformerBlock
from seldkit.layers.conv import DoubleConv
from seldkit.layers.convolutional_transformer import CMTBlock, InvertedResidual, LocalPerception
from seldkit.layers.cross_stitch import CrossStitch
from seldkit.layers.divided_attention import DividedChannelAttention, SpectroTemporalAttention
from seldkit.layers.event_proposal import DenseEventProposal
from seldkit.layers.full_narrow_band import FullNarrowBand
from seldkit.layers.gate import SoftmaxGate, softmax_gate
from seldkit.layers.gru import GatedRecurrentUnit
from seldkit.layers.hungarian import HungarianNet, HungarianOutput
from seldkit.layers.label_rate import LabelConv, LabelRate
from seldkit.layers.low_rank import low_rank_change
from seldkit.layers.lstm import LongShortTermMemory
from seldkit.layers.mamba import Mamba2
from seldkit.layers.map_stitch import MapStitch
from seldkit.layers.maxout import MaxFeatureMap, max_feature_map
from seldkit.layers.mff import MFF
from seldkit.layers.neural_correlation import NeuralCorrelation
from seldkit.layers.over_pairs import OverPairs
from seldkit.layers.pairs import MicPairMetadata, PairEncoder
from seldkit.layers.permutation_rnn import PermutationInvariantCell, PermutationInvariantRNN
from seldkit.layers.positions import SinusoidalPositions
from seldkit.layers.recurrent import BidirectionalGRU, MinimalGatedUnit
from seldkit.layers.residual import ResidualBlock
from seldkit.layers.roam import ROAM
from seldkit.layers.sinc import SincFilters
from seldkit.layers.spectral_enhancement import SpectralEnhancement
from seldkit.layers.spherical import CausalSphericalConv, CrossPooling, SphericalPad
from seldkit.layers.spherical_conv import SphericalConv
from seldkit.layers.state_space import state_space_scan
from seldkit.layers.streaming import (
    State,
    StepSize,
    Streaming,
    StreamingStep,
    step_size,
    stream_step,
)
from seldkit.layers.temporal import temporal_encoder
from seldkit.layers.tfcm import TFCM
from seldkit.layers.tracks import SharedTrackEncoder, TrackAttention, TrackSplit
from seldkit.layers.triplet_attention import TripletAttention
from seldkit.layers.unet import UNet, UNetDecoder, UNetEncoder
from seldkit.layers.unfolded_attention import UnfoldedChannelAttention

__all__ = [
    "CMAF",
    "MFF",
    "ROAM",
    "TFCM",
    "Adapter",
    "AsymmetricBiMamba",
    "AsymmetricDecoder",
    "AttentionPool",
    "BiMamba",
    "BidirectionalGRU",
    "BinNorm",
    "CMTBlock",
    "CausalConv1d",
    "CausalConv2d",
    "CausalConv3d",
    "CausalDoubleConv",
    "CausalSphericalConv",
    "ChunkedAttention",
    "ConformerBlock",
    "CrossPooling",
    "CrossStitch",
    "DenseEventProposal",
    "DividedChannelAttention",
    "DoubleConv",
    "FullNarrowBand",
    "GatedRecurrentUnit",
    "HungarianNet",
    "HungarianOutput",
    "InvertedResidual",
    "LabelConv",
    "LabelRate",
    "LocalPerception",
    "LongShortTermMemory",
    "Mamba2",
    "MambaBlock",
    "MapStitch",
    "MaxFeatureMap",
    "MicPairMetadata",
    "MinimalGatedUnit",
    "MultiScaleChannelAttention",
    "NeuralCorrelation",
    "OverPairs",
    "PairEncoder",
    "PermutationInvariantCell",
    "PermutationInvariantRNN",
    "RelativePositionAttention",
    "ResidualBlock",
    "SharedBranch",
    "SharedTrackEncoder",
    "SincFilters",
    "SinusoidalPositions",
    "SoftmaxGate",
    "SpectralEnhancement",
    "SpectroTemporalAttention",
    "SphericalConv",
    "SphericalPad",
    "SqueezeExcite",
    "State",
    "StepSize",
    "StitchedBranches",
    "Streaming",
    "StreamingStep",
    "TrackAttention",
    "TrackEncoders",
    "TrackSplit",
    "TripletAttention",
    "UNet",
    "UNetDecoder",
    "UNetEncoder",
    "UnfoldedChannelAttention",
    "low_rank_change",
    "max_feature_map",
    "softmax_gate",
    "state_space_scan",
    "step_size",
    "stream_step",
    "temporal_encoder",
]
