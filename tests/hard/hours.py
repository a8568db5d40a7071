"""An hour of sound through what reads it, in bounded memory."""

import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from command_lines import system
from hard.blocks import TIME, Block, tensors
from hard.networks_table import HEADS, LAYERS, NETS
from hard.sounds_table import streamable
from seldkit.events import Events
from seldkit.features import presets
from seldkit.io import write_audio
from seldkit.metrics import SELDMetrics
from seldkit.metrics.protocols import PROTOCOLS

HOUR_S, FRAMES = 3600, 36000
"""An hour, and its label frames."""
MOST_MB = 400
"""How much more memory an hour may take than a minute."""


def peak_mb() -> float:
    """Return the most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def through_preset(name: str, place: Path) -> str:
    """Stream an hour of noise through a preset, ten seconds at a time."""
    del place
    extractor = streamable(name)
    stream, rate = extractor.stream(), extractor.sample_rate
    assert rate is not None
    chunk = 0.1 * torch.randn(extractor.in_channels, 10 * rate)
    frames, before = 0, 0.0
    for number in range(HOUR_S // 10):
        features = stream.push(chunk.roll(number, dims=1))
        assert features.isfinite().all()
        frames += features.shape[1]
        before = before or peak_mb() * (number > 5)
    frames += stream.flush().shape[1]
    assert frames == extractor.stft.num_frames(HOUR_S * rate)
    assert peak_mb() < before + MOST_MB
    return f"{frames} frames"


@torch.no_grad()
def through_block(block: Block, place: Path) -> str:
    """Let as many frames as an hour has labels through a layer, a head or a network at once."""
    del place
    made: Any = block.make()
    if isinstance(made, nn.Module):
        made.eval()
    try:
        output = tensors(made(*block.filled(torch.randn, 1, FRAMES)))
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # of attention, which grows with the square
            return "needs more memory"
        raise
    assert all(x.isfinite().all() for x in output)
    return "held"


def through_pipeline(place: Path) -> str:
    """Predict an hour that lies in a file, read in parts."""
    path, pipeline = place / "hour.wav", system()
    minute = 0.1 * torch.randn(4, 60 * 8000)
    write_audio(path, minute, 8000)
    pipeline.predict(path, check=None)
    before = peak_mb()
    write_audio(path, minute.repeat(1, 60), 8000)
    before = max(before, peak_mb())
    events = pipeline.predict(path, check=None)
    path.unlink()
    assert events.num_frames == FRAMES
    assert peak_mb() < before + MOST_MB
    return "held"


def through_metrics(protocol: str, place: Path) -> str:
    """Score an hour in which two sounds move."""
    del place
    metrics = SELDMetrics(protocol, 2, frames="clip")
    count = round(HOUR_S / metrics.frame_s)
    frame, label = torch.arange(count).repeat_interleave(2), torch.arange(2).repeat(count)
    azimuth = (0.01 * frame + 180 * label) % 360 - 180
    there = Events.from_degrees(
        frame,
        label,
        azimuth,
        0.0 * azimuth,
        distance=1 + 0 * azimuth,
        num_frames=count,
        frame_s=metrics.frame_s,
    )
    metrics.update(there, there)
    assert metrics.compute().f_score == 1 or protocol == "dcase2019"
    return "held"


HOURS: dict[str, Callable[[Path], str]] = {
    **{f"presets.{name}": partial(through_preset, name) for name in presets.__all__},
    **{
        name: partial(through_block, block)
        for table in (LAYERS, HEADS, NETS)
        for name, block in table.items()
        if any(TIME in axes for axes in block.shapes)
    },
    "pipeline": through_pipeline,
    **{protocol: partial(through_metrics, protocol) for protocol in PROTOCOLS},
}
