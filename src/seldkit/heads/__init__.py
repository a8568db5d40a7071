"""Heads: the last layers of a network, one for each output format."""

from seldkit.heads.track_wise import TrackWiseHead

__all__ = ["TrackWiseHead"]
