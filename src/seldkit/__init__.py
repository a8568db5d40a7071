"""Composable building blocks for sound event localization and detection (SELD)."""

from seldkit import (
    ambisonics,
    arrays,
    assignment,
    augment,
    backbones,
    cli,
    compat,
    data,
    features,
    formats,
    geometry,
    heads,
    io,
    layers,
    losses,
    metrics,
    models,
    plot,
    synth,
)
from seldkit.events import Events
from seldkit.outputs import SELDOutput
from seldkit.pipeline import Pipeline

__all__ = [
    "Events",
    "Pipeline",
    "SELDOutput",
    "ambisonics",
    "arrays",
    "assignment",
    "augment",
    "backbones",
    "cli",
    "compat",
    "data",
    "features",
    "formats",
    "geometry",
    "heads",
    "io",
    "layers",
    "losses",
    "metrics",
    "models",
    "plot",
    "synth",
]
