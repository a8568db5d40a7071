"""Every layer and head, every network, and the parts of networks that have a name."""

import torch
from torch import nn

from hard.blocks import TIME, Block, With, each
from networks import NETWORKS
from seldkit import features, heads, layers, models

_MAP, _SEQUENCE = ((8, TIME, 8),), ((TIME, 8),)
_NARROW = ((4, TIME, 8),)
_FIELD = ((2, TIME, 4, 8),)
_FRAMES = lambda layer, x: layer(x, 4 * x.shape[2])  # noqa: E731

LAYERS: dict[str, Block] = {
    "Adapter": Block(lambda: layers.Adapter(8), _SEQUENCE),
    "AsymmetricBiMamba": Block(
        lambda: layers.AsymmetricBiMamba(4, 8, state=4, head_channels=4), _NARROW
    ),
    "AsymmetricDecoder": Block(
        lambda: layers.AsymmetricDecoder(8, num_layers=1, width=4), _SEQUENCE
    ),
    "AttentionPool": Block(lambda: layers.AttentionPool(4), _NARROW),
    "BiMamba": Block(lambda: layers.BiMamba(8, state=4, head_channels=4, chunk=5), _SEQUENCE),
    "BidirectionalGRU": Block(lambda: layers.BidirectionalGRU(8, 8), _SEQUENCE),
    "BinNorm": Block(lambda: layers.BinNorm(4, num_bins=8), _NARROW),
    "CMAF": Block(lambda: layers.CMAF(8, num_heads=2), _SEQUENCE * 2),
    "CMTBlock": Block(
        lambda: layers.CMTBlock(4, layers.SpectroTemporalAttention(4, 8, num_heads=2)), _NARROW
    ),
    "CausalConv1d": Block(lambda: layers.CausalConv1d(8, 4), _SEQUENCE),
    "CausalConv2d": Block(lambda: layers.CausalConv2d(4, 6), _NARROW),
    "CausalConv3d": Block(lambda: layers.CausalConv3d(2, 3), _FIELD),
    "CausalDoubleConv": Block(lambda: layers.CausalDoubleConv(4, 6), _NARROW),
    "CausalSphericalConv": Block(lambda: layers.CausalSphericalConv(2, 3), _FIELD),
    "ChunkedAttention": Block(
        lambda: layers.ChunkedAttention(8, context=(4, 1), num_heads=2), _SEQUENCE
    ),
    "ConformerBlock": Block(lambda: layers.ConformerBlock(8, kernel_size=5), _SEQUENCE),
    "CrossPooling": Block(lambda: layers.CrossPooling(2, 1), _FIELD),
    "CrossStitch": Block(lambda: layers.CrossStitch(8), _MAP * 2),
    "DenseEventProposal": Block(
        lambda: layers.DenseEventProposal(8, 3, max_duration=4, num_points=4, hidden=4), _SEQUENCE
    ),
    "DividedChannelAttention": Block(
        lambda: layers.DividedChannelAttention(4, 8, num_planes=2, num_heads=2), _MAP
    ),
    "DoubleConv": Block(lambda: layers.DoubleConv(4, 6), _NARROW),
    "FullNarrowBand": Block(lambda: layers.FullNarrowBand(4, 8, 2), ((TIME, 8, 4), (TIME, 8, 2))),
    "GatedRecurrentUnit": Block(lambda: layers.GatedRecurrentUnit(8, 8), _SEQUENCE),
    "HungarianNet": Block(lambda: layers.HungarianNet(2, channels=8), ((2, 2),)),
    "InvertedResidual": Block(lambda: layers.InvertedResidual(4), _NARROW),
    "LabelConv": Block(
        lambda: With(layers.LabelConv(8, 6, num_bins=8, rate=layers.LabelRate(4, 2)), _FRAMES),
        _MAP,
    ),
    "LabelRate": Block(
        lambda: With(layers.LabelRate(4, 2), lambda layer, x: layer(x, 4 * x.shape[1])), _SEQUENCE
    ),
    "LocalPerception": Block(lambda: layers.LocalPerception(4), _NARROW),
    "LongShortTermMemory": Block(lambda: layers.LongShortTermMemory(8, 8), _SEQUENCE),
    "MFF": Block(lambda: layers.MFF(4, num_scales=2, num_layers=1), _NARROW),
    "Mamba2": Block(lambda: layers.Mamba2(8, state=4, head_channels=4, chunk=5), _SEQUENCE),
    "MambaBlock": Block(
        lambda: layers.MambaBlock(8, mixer=layers.Mamba2(8, state=4, head_channels=4)), _SEQUENCE
    ),
    "MapStitch": Block(lambda: layers.MapStitch(8, 4), (*_MAP, *_NARROW)),
    "MaxFeatureMap": Block(lambda: layers.MaxFeatureMap(4, 6), _NARROW),
    "MicPairMetadata": Block(lambda: layers.MicPairMetadata(), ((3, 3),)),
    "MinimalGatedUnit": Block(lambda: layers.MinimalGatedUnit(8, 8), _SEQUENCE),
    "MultiScaleChannelAttention": Block(lambda: layers.MultiScaleChannelAttention(4), _NARROW),
    "NeuralCorrelation": Block(
        lambda: layers.NeuralCorrelation(
            channels=4, out_channels=2, max_lag=2, frame_length=16, sample_rate=24000
        ),
        ((2, TIME, 16),),
    ),
    "OverPairs": Block(lambda: layers.OverPairs(layers.CausalConv2d(2, 3), 3), ((3, TIME, 8),)),
    "PairEncoder": Block(
        lambda: layers.PairEncoder(
            With(layers.GatedRecurrentUnit(8, 8), lambda gru, x: gru(x[:, 0])),
            nn.Linear(16 + 2, 4),
        ),
        ((3, TIME, 8), (3, 2)),
    ),
    "PermutationInvariantCell": Block(
        lambda: layers.PermutationInvariantCell(8, num_heads=2), ((3, 8), (2, 8))
    ),
    "PermutationInvariantRNN": Block(
        lambda: layers.PermutationInvariantRNN(8, 2, num_heads=2), ((TIME, 3, 8),)
    ),
    "ROAM": Block(lambda: layers.ROAM(4, 6), _NARROW),
    "RelativePositionAttention": Block(
        lambda: layers.RelativePositionAttention(8, num_heads=2), _SEQUENCE
    ),
    "ResidualBlock": Block(lambda: layers.ResidualBlock(4, 6), _NARROW),
    "SharedBranch": Block(lambda: layers.SharedBranch([layers.DoubleConv(4, 6)]), _NARROW * 2),
    "SharedTrackEncoder": Block(
        lambda: layers.SharedTrackEncoder(layers.GatedRecurrentUnit(8, 8)), ((TIME, 2, 8),)
    ),
    "SincFilters": Block(lambda: layers.SincFilters(4, 15, sample_rate=24000), ((1, 40),)),
    "SinusoidalPositions": Block(lambda: layers.SinusoidalPositions(8), _SEQUENCE),
    "SoftmaxGate": Block(lambda: layers.SoftmaxGate(), ((2, TIME, 8),)),
    "SpectralEnhancement": Block(lambda: layers.SpectralEnhancement(4), _NARROW),
    "SpectroTemporalAttention": Block(
        lambda: layers.SpectroTemporalAttention(4, 8, num_heads=2), _NARROW
    ),
    "SphericalConv": Block(lambda: layers.SphericalConv(2, 3), ((2, 4, 8),)),
    "SphericalPad": Block(lambda: layers.SphericalPad(1, 1), _FIELD),
    "SqueezeExcite": Block(lambda: layers.SqueezeExcite(16), ((16, TIME, 8),)),
    "StitchedBranches": Block(
        lambda: layers.StitchedBranches(
            [layers.DoubleConv(4, 6), nn.Identity()],
            [layers.DoubleConv(4, 6), nn.Identity()],
            {0: layers.CrossStitch(6)},
        ),
        _NARROW * 2,
    ),
    "TFCM": Block(lambda: layers.TFCM(4, num_layers=2), _NARROW),
    "TrackAttention": Block(lambda: layers.TrackAttention(8, num_heads=2), ((TIME, 2, 8),)),
    "TrackEncoders": Block(
        lambda: layers.TrackEncoders([layers.GatedRecurrentUnit(8, 4) for _ in range(2)]),
        _SEQUENCE,
    ),
    "TrackSplit": Block(lambda: layers.TrackSplit(8, 2), _SEQUENCE),
    "TripletAttention": Block(lambda: layers.TripletAttention(3), _NARROW),
    "UNet": Block(lambda: layers.UNet(4, 2, widths=(4, 8)), _NARROW),
    "UNetEncoder": Block(lambda: layers.UNetEncoder(4, widths=(4, 8)), _NARROW),
    "UnfoldedChannelAttention": Block(
        lambda: layers.UnfoldedChannelAttention(4, 8, patch=(4, 2), num_heads=2), _NARROW
    ),
    "low_rank_change": Block(
        lambda: each(lambda down, up, x: layers.low_rank_change(down, up, x, scale=1.0)),
        ((2, 8), (4, 2), (4, 8)),
    ),
    "max_feature_map": Block(lambda: layers.max_feature_map, _MAP),
    "softmax_gate": Block(lambda: layers.softmax_gate, ((2, TIME, 8),)),
    "state_space_scan": Block(
        lambda: lambda x, decay, *more: layers.state_space_scan(x, -decay.abs(), *more),
        ((TIME, 2, 4), (TIME, 2), (TIME, 3), (TIME, 3)),
    ),
}

_TRACKS = ((TIME, 2, 8),)

HEADS: dict[str, Block] = {
    "ACCDOAHead": Block(lambda: heads.ACCDOAHead(8, 3, distance=True, onscreen=True), _SEQUENCE),
    "AngularGridHead": Block(
        lambda: heads.AngularGridHead(8, 3, cell_deg=90.0, anchors=1), _SEQUENCE
    ),
    "ClassWiseHead": Block(lambda: heads.ClassWiseHead(8, 3, distance=True), _SEQUENCE * 2),
    "EquirectangularHead": Block(
        lambda: heads.EquirectangularHead(8, 3, hidden=4, distance=True), ((TIME, 8, 4, 8),)
    ),
    "JointTrackHead": Block(lambda: heads.JointTrackHead(8, 3), _SEQUENCE * 2),
    "MultiACCDOAHead": Block(lambda: heads.MultiACCDOAHead(8, 3, distance=True), _SEQUENCE),
    "TrackWiseHead": Block(lambda: heads.TrackWiseHead(8, 3, 2, distance=True), _TRACKS * 2),
}

_MATRICES = ((TIME, 2, 4, 4),)

MODELS: dict[str, Block] = {
    "GaborFrontEnd": Block(
        lambda: models.GaborFrontEnd(
            2,
            filters=features.GaborFilterbank(8, sample_rate=4000, kernel_size=31, stride=16),
            enhancement=layers.SpectralEnhancement(2),
        ),
        ((2, TIME, 16),),
    ),
    "LevelToLogMel": Block(
        lambda: models.LevelToLogMel(
            features.LogMel(features.MelFilterBank(4, n_fft=64, sample_rate=4000))
        ),
        ((1, TIME, 33),),
    ),
    "MapClassifier": Block(lambda: models.MapClassifier(4, 3, widths=(4, 4)), _NARROW),
    "NGCCPHAT": Block(
        lambda: models.NGCCPHAT(
            2, num_mels=8, channels=4, out_channels=2, max_lag=2, frame_length=16, sample_rate=4000
        ),
        ((2, TIME, 16),),
    ),
    "RecurrentUNet": Block(
        lambda: models.RecurrentUNet(4, num_bins=8, widths=(4, 6), pool_freq=2, rnn_channels=4),
        _NARROW,
    ),
    "SemanticProjection": Block(
        lambda: With(models.SemanticProjection(8, 4, rate=layers.LabelRate(4, 2)), _FRAMES), _MAP
    ),
    "SourceSeparator": Block(
        lambda: models.SourceSeparator(4, 3, nn.Conv2d(7, 1, 1)), (*_NARROW, (3,))
    ),
    "WaveformEncoder": Block(
        lambda: models.WaveformEncoder(8, widths=(4, 4, 6), num_raised=1), _SEQUENCE
    ),
    "lam": Block(lambda: models.lam(2, 4, 20), _MATRICES, kind=torch.complex64),
    "uplam": Block(
        lambda: models.uplam(2, 20, scale=2, filters=2, features=4), _MATRICES, kind=torch.complex64
    ),
    "reference_spectrogram": Block(lambda: models.reference_spectrogram, _NARROW),
}

_PARTLY = {"einv1": "a class that is not the likeliest is silent"}

NETS: dict[str, Block] = {
    name: Block(n.build, ((n.channels, TIME, n.bins),), n.frames, partly=_PARTLY.get(name, ""))
    for name, n in NETWORKS.items()
}
