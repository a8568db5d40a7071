"""A network of one's own, written as a user would: with public names alone."""

import inspect
from pathlib import Path

import torch
from torch import Tensor, nn

from seldkit import Events, Pipeline, SELDOutput
from seldkit.features import presets
from seldkit.formats import TrackWise
from seldkit.heads import TrackWiseHead
from seldkit.layers import ConformerBlock, DoubleConv, ResidualBlock, SqueezeExcite, TrackSplit
from seldkit.losses import trackwise_pit_loss
from seldkit.pipeline import builder
from sound_fields import diffuse_noise


@builder
class Mine(nn.Module):
    """Two convolution blocks, a Conformer block, and two tracks."""

    def __init__(self, num_classes: int, width: int = 8) -> None:
        super().__init__()
        block = ResidualBlock(width, width, attention=SqueezeExcite(width))
        self.maps = nn.Sequential(DoubleConv(7, width, pool_time=4, pool_freq=2), block)
        self.tracks = nn.Sequential(ConformerBlock(width), TrackSplit(width, 2))
        self.head = TrackWiseHead(width, num_classes, 2)

    def forward(self, features: Tensor) -> SELDOutput:
        """Return what sounds in each track, and from where."""
        tracks = self.tracks(self.maps(features).mean(dim=3).mT)
        output: SELDOutput = self.head(tracks, tracks)
        return output


def test_a_network_of_ones_own_learns_and_is_saved(tmp_path: Path) -> None:
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=8)
    model, format, waveform = Mine(3), TrackWise(3), diffuse_noise(8000)
    events = Events.from_degrees([1, 2], [0, 2], [90.0, 0.0], [0.0, 0.0])
    target = format.encode(events, 10).map(lambda x: x.unsqueeze(0))
    optimizer = torch.optim.Adam(model.parameters())
    losses = trackwise_pit_loss(model(extractor(waveform.unsqueeze(0))), target)
    (losses.sed + losses.doa).backward()
    optimizer.step()
    pipeline = Pipeline(extractor, model, format, window_s=1.0)
    pipeline.save(tmp_path)
    again = Pipeline.load(tmp_path, builders={"Mine": Mine})
    assert again.predict(waveform, 8000) == pipeline.predict(waveform, 8000)


def test_it_is_short() -> None:
    parts = (Mine, test_a_network_of_ones_own_learns_and_is_saved)
    assert sum(len(inspect.getsource(part).splitlines()) for part in parts) <= 30
