"""The one carrier of labels and predictions."""

from seldkit.events.energy_maps import EnergyMaps
from seldkit.events.events import Events
from seldkit.events.rows import Row
from seldkit.events.spans import Span
from seldkit.events.telling import sentences

__all__ = ["EnergyMaps", "Events", "Row", "Span", "sentences"]
