"""Audio and label files, in and out."""

from seldkit.io.audio import read_audio, write_audio
from seldkit.io.labels import read_events, write_events

__all__ = ["read_audio", "read_events", "write_audio", "write_events"]
