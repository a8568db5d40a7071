"""Composable building blocks for sound event localization and detection (SELD).

A room is imported when it is first named: `import seldkit` alone costs next to nothing, and
`from seldkit.layers import CrossStitch` nothing but the layers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seldkit import (
        ambisonics,
        arrays,
        assignment,
        augment,
        backbones,
        calibration,
        cli,
        compat,
        data,
        features,
        formats,
        geometry,
        grids,
        heads,
        io,
        layers,
        localization,
        losses,
        metrics,
        models,
        plot,
        postprocess,
        pretrained,
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
    "calibration",
    "cli",
    "compat",
    "data",
    "features",
    "formats",
    "geometry",
    "grids",
    "heads",
    "io",
    "layers",
    "localization",
    "losses",
    "metrics",
    "models",
    "plot",
    "postprocess",
    "pretrained",
    "synth",
]

_HOMES = {"Events": "events", "Pipeline": "pipeline", "SELDOutput": "outputs"}


def __getattr__(name: str) -> Any:
    """Import a room, or the class that stands for one, when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'seldkit' has no attribute {name!r}")
    room = import_module(f"seldkit.{_HOMES.get(name, name)}")
    # Kept, so that the next look finds it at once; importing a room sets its own name, but not
    # that of a class.
    value = globals()[name] = getattr(room, name) if name in _HOMES else room
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
