"""The parts of a ROAM block as they are published: split, rotated, pooled and weighed one by one.

Meant to be read: an oracle for tests and the yardstick of `benchmarks/layers.py`. Each reads the
weights of the layer that it is compared with.
"""

import torch
from torch import Tensor

from seldkit.layers import ROAM, MaxFeatureMap, TripletAttention


def plain_max_feature_map(layer: MaxFeatureMap, x: Tensor) -> Tensor:
    """Return the larger half of the maps, after Wu et al. (LightCNN); batch norm before."""
    maps = layer.norm(layer.conv(x))
    first, second = torch.split(maps, maps.shape[1] // 2, 1)
    return torch.max(first, second)


def plain_triplet_attention(layer: TripletAttention, x: Tensor) -> Tensor:
    """Return the mean of three weighted maps, each rotated and back, after Misra et al.

    Of equal maxima one has the gradient.
    """
    turns = {(0, 2, 1, 3): layer.channel_freq, (0, 3, 2, 1): layer.time_channel}
    if layer.time_freq is not None:
        turns[0, 1, 2, 3] = layer.time_freq
    weighed = []
    for turn, gate in turns.items():
        y = x.permute(turn).contiguous()
        planes = torch.cat((y.max(1)[0].unsqueeze(1), y.mean(1).unsqueeze(1)), dim=1)
        weighed.append((y * gate(planes)).permute(turn).contiguous())
    return torch.stack(weighed).sum(0) / len(weighed)


def plain_roam(block: ROAM, x: Tensor) -> Tensor:
    """Return two max feature maps, one after the other, weighed by triplet attention."""
    maps = plain_max_feature_map(block.map2, plain_max_feature_map(block.map1, x))
    return plain_triplet_attention(block.attention, maps)
