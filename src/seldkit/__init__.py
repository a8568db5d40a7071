"""Composable building blocks for sound event localization and detection (SELD)."""

from seldkit.events import Events
from seldkit.outputs import SELDOutput

__all__ = ["Events", "SELDOutput"]
