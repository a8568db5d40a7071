"""Published checkpoints: their weights under our names."""

from seldkit.compat import ein_seld

__all__ = ["ein_seld"]
