"""A system that hears one thing and says where it is, and recordings for it."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit import Pipeline, features, formats, io, models
from seldkit.ambisonics import plane_wave
from seldkit.geometry import unit_vector

RATE = 24000


class Loudest(nn.Module):
    """Says that its second class sounds where the intensity points to, while it is loud."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return vectors of two classes from log-mel bands and intensity vectors."""
        labels = maps[:, :, :-1].unflatten(2, (-1, 4)).mean(dim=3)
        loud = labels[:, 0].mean(dim=-1) > -60
        direction = functional.normalize(labels[:, 4:].sum(dim=-1).roll(1, dims=1), dim=1).mT
        alarm = direction * loud.unsqueeze(2)
        return torch.stack((torch.zeros_like(alarm), alarm), dim=2)


def alarm_system() -> Pipeline:
    """Return a pipeline that tells where an alarm is."""
    extractor = features.presets.ein_seld(num_mels=32)
    return Pipeline(extractor, Loudest(), formats.ACCDOA(2), classes=["Knock", "Alarm"]).eval()


def saved_system(folder: Path) -> Path:
    """Return the folder of a small network that has learned nothing."""
    network = models.seldnet(
        3,
        widths=(4, 8),
        pool_time=(2, 2),
        pool_freq=(4, 4),
        num_bins=16,
        rnn_channels=4,
        num_heads=2,
        hidden=(4,),
    )
    extractor = features.presets.ein_seld(num_mels=16)
    Pipeline(extractor, network, formats.MultiACCDOA(3), classes=["a", "b", "c"]).save(folder)
    return folder


def record_alarm(
    path: Path, *, azimuth_deg: float = 60, elevation_deg: float = 0, seconds: float = 5.0
) -> Path:
    """Write a recording in which something sounds from 1.2 to 3.4 s."""
    sound = torch.zeros(round(seconds * RATE))
    start, stop = round(1.2 * RATE), round(3.4 * RATE)
    generator = torch.Generator().manual_seed(0)
    sound[start:stop] = 0.1 * torch.randn(stop - start, generator=generator)[: len(sound) - start]
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write_audio(path, plane_wave(sound, unit_vector(azimuth_deg, elevation_deg)), RATE)
    return path
