"""Layers that SELD networks are made of."""

from seldkit.layers.adapter import Adapter
from seldkit.layers.attention import RelativePositionAttention
from seldkit.layers.bin_norm import BinNorm
from seldkit.layers.branches import SharedBranch, StitchedBranches, TrackEncoders
from seldkit.layers.causal import CausalConv2d, CausalDoubleConv
from seldkit.layers.channel_attention import MultiScaleChannelAttention, SqueezeExcite
from seldkit.layers.chunked_attention import ChunkedAttention
from seldkit.layers.conformer import ConformerBlock
from seldkit.layers.conv import DoubleConv
from seldkit.layers.cross_stitch import CrossStitch
from seldkit.layers.gate import SoftmaxGate, softmax_gate
from seldkit.layers.gru import GatedRecurrentUnit
from seldkit.layers.label_rate import LabelConv, LabelRate
from seldkit.layers.low_rank import low_rank_change
from seldkit.layers.map_stitch import MapStitch
from seldkit.layers.maxout import MaxFeatureMap, max_feature_map
from seldkit.layers.positions import SinusoidalPositions
from seldkit.layers.recurrent import BidirectionalGRU, MinimalGatedUnit
from seldkit.layers.residual import ResidualBlock
from seldkit.layers.roam import ROAM
from seldkit.layers.streaming import (
    State,
    StepSize,
    Streaming,
    StreamingStep,
    step_size,
    stream_step,
)
from seldkit.layers.temporal import temporal_encoder
from seldkit.layers.tracks import SharedTrackEncoder, TrackAttention, TrackSplit
from seldkit.layers.triplet_attention import TripletAttention
from seldkit.layers.unet import UNet, UNetDecoder, UNetEncoder

__all__ = [
    "ROAM",
    "Adapter",
    "BidirectionalGRU",
    "BinNorm",
    "CausalConv2d",
    "CausalDoubleConv",
    "ChunkedAttention",
    "ConformerBlock",
    "CrossStitch",
    "DoubleConv",
    "GatedRecurrentUnit",
    "LabelConv",
    "LabelRate",
    "MapStitch",
    "MaxFeatureMap",
    "MinimalGatedUnit",
    "MultiScaleChannelAttention",
    "RelativePositionAttention",
    "ResidualBlock",
    "SharedBranch",
    "SharedTrackEncoder",
    "SinusoidalPositions",
    "SoftmaxGate",
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
    "low_rank_change",
    "max_feature_map",
    "softmax_gate",
    "step_size",
    "stream_step",
    "temporal_encoder",
]
