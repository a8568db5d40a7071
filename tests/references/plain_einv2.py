"""EINV2 and its training step as they are usually written: every track in turn, all in float32.

Meant to be read: an oracle for tests and the yardstick of `benchmarks/models.py`. The weights have
their published names, so that `compat.ein_seld` converts them.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from references.pit import plain_pit_loss
from seldkit import SELDOutput
from seldkit.compat import ein_seld


class ConvPair(nn.Module):
    """Two convolutions, each with batch norm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers.append(nn.Conv2d(channels, out_channels, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map of both."""
        y: Tensor = self.double_conv(x)
        return y


class PlainEINV2(nn.Module):
    """EINV2 for two tracks; `stitch_tracks` mixes both tasks of each track behind its encoder."""

    def __init__(
        self,
        num_classes: int,
        *,
        sed_channels: int = 4,
        widths: Sequence[int] = (64, 128, 256, 512),
        pool_time: Sequence[int] = (2, 2, 1, 1),
        pool_freq: Sequence[int] = (2, 2, 2, 2),
        feedforward: int = 1024,
        dropout: float = 0.2,
        stitch_tracks: bool = False,
    ) -> None:
        super().__init__()
        self.sed_channels, self.num_blocks = sed_channels, len(widths)
        self.stitch = stitches(widths[:-1])
        self.track_stitch = stitches([widths[-1]] * 2) if stitch_tracks else None
        for task, in_channels, outputs in (("sed", sed_channels, num_classes), ("doa", 7, 3)):
            sizes = zip(pairwise([in_channels, *widths]), pool_time, pool_freq, strict=True)
            for i, (channels, time, freq) in enumerate(sizes, start=1):
                pool = nn.AvgPool2d((time, freq)) if time * freq > 1 else nn.Identity()
                self.add_module(f"{task}_conv_block{i}", nn.Sequential(ConvPair(*channels), pool))
            for track in (1, 2):
                layer = nn.TransformerEncoderLayer(widths[-1], 8, feedforward, dropout)
                encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
                self.add_module(f"{task}_trans_track{track}", encoder)
                self.add_module(f"fc_{task}_track{track}", nn.Linear(widths[-1], outputs))

    def forward(self, features: Tensor) -> SELDOutput:
        """Return activity logits and directions."""
        maps = {"sed": features[:, : self.sed_channels], "doa": features}
        for i in range(1, self.num_blocks + 1):
            maps = {task: self.get_submodule(f"{task}_conv_block{i}")(maps[task]) for task in maps}
            if i < self.num_blocks:
                maps = stitched(self.stitch[i - 1][:, None, None], maps)
        shared = {task: x.mean(dim=3).permute(2, 0, 1) for task, x in maps.items()}
        outputs: dict[str, list[Tensor]] = {"sed": [], "doa": []}
        for track in (1, 2):
            name = f"trans_track{track}"
            tracks = {task: self.get_submodule(f"{task}_{name}")(shared[task]) for task in shared}
            if self.track_stitch is not None:
                tracks = stitched(self.track_stitch[track - 1], tracks)
            for task, x in tracks.items():
                linear = self.get_submodule(f"fc_{task}_track{track}")
                outputs[task].append(linear(x.transpose(0, 1)))
        activity, direction = (torch.stack(tracks, dim=2) for tracks in outputs.values())
        return SELDOutput(activity, direction.tanh())


def stitches(channels: Sequence[int]) -> nn.ParameterList:
    """Return the weights of cross-stitch units."""
    return nn.ParameterList(torch.empty(n, 2, 2).uniform_(0.1, 0.9) for n in channels)


def stitched(weight: Tensor, x: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return both branches mixed, the second with the first as it is by then."""
    sed = weight[..., 0, 0] * x["sed"] + weight[..., 0, 1] * x["doa"]
    return {"sed": sed, "doa": weight[..., 1, 0] * sed + weight[..., 1, 1] * x["doa"]}


def published_weights(model: PlainEINV2) -> dict[str, Tensor]:
    """Return a copy of the weights under the names of `models.einv2`."""
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ours = [name for name in weights if name.startswith("track_stitch.")]
    tracks = {f"track_stitches.{name[-1]}.weight": weights.pop(name) for name in ours}
    return ein_seld.convert(weights) | tracks


def plain_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    features: Tensor,
    target: SELDOutput,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor]:
    """Take one step of training and return the losses before it; narrow types by autocast."""
    with torch.autocast(features.device.type, dtype, enabled=dtype != torch.float32):
        output = model(features)
    sed, doa = plain_pit_loss(output.map(torch.Tensor.float), target)
    optimizer.zero_grad()
    (sed + doa).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return sed, doa
