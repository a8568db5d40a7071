"""Audio and label files, in and out."""

from seldkit.io.audio import read_audio, write_audio
from seldkit.io.labels import read_events, write_events
from seldkit.io.problems import find_problems
from seldkit.io.table import Problem

__all__ = ["Problem", "find_problems", "read_audio", "read_events", "write_audio", "write_events"]
