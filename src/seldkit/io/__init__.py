"""Audio and label files, in and out."""

from seldkit.io.audacity import read_label_track, write_label_track
from seldkit.io.audio import AudioInfo, audio_info, read_audio, read_blocks
from seldkit.io.label_writing import write_events
from seldkit.io.labels import find_problems, read_events
from seldkit.io.maps import read_maps, write_maps
from seldkit.io.table import Problem
from seldkit.io.writing import write_audio

__all__ = [
    "AudioInfo",
    "Problem",
    "audio_info",
    "find_problems",
    "read_audio",
    "read_blocks",
    "read_events",
    "read_label_track",
    "read_maps",
    "write_audio",
    "write_events",
    "write_label_track",
    "write_maps",
]
