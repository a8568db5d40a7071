"""Reference assemblies: published networks, built from plain arguments."""

from seldkit.models.einv2 import StitchedSELD, einv2

__all__ = ["StitchedSELD", "einv2"]
