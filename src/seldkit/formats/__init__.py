"""Output formats: the seam between a network's tensors and events."""

from seldkit.formats.track_wise import TrackWise

__all__ = ["TrackWise"]
