"""Put one layer of the library into a network of your own."""

import torch
from torch import nn

from seldkit.layers import SqueezeExcite

network = nn.Sequential(nn.Conv2d(7, 32, 3, padding=1), SqueezeExcite(32), nn.ReLU())
features = torch.randn(2, 7, 160, 64)  # batch, channel, time, freq
print("maps of", tuple(network(features).shape))
