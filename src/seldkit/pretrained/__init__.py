"""Trained systems in the box: at hand right after the installation, without a download."""

from seldkit.pretrained.box import load, names

__all__ = ["load", "names"]
