"""Labelled scenes from mono sounds, for training and for tests."""

from seldkit.synth.array_mixtures import ArrayMixture, ArrayMixtures, array_plane_wave
from seldkit.synth.association import AssignmentExamples, assignment_examples
from seldkit.synth.builtin import BuiltinSounds
from seldkit.synth.corpus import write_scenes
from seldkit.synth.folder_sounds import FolderSounds
from seldkit.synth.room_responses import RoomResponses
from seldkit.synth.scene import SceneSynthesizer
from seldkit.synth.scene_files import SceneFiles
from seldkit.synth.sounds import Sounds
from seldkit.synth.statistics import SceneStatistics

__all__ = [
    "ArrayMixture",
    "ArrayMixtures",
    "AssignmentExamples",
    "BuiltinSounds",
    "FolderSounds",
    "RoomResponses",
    "SceneFiles",
    "SceneStatistics",
    "SceneSynthesizer",
    "Sounds",
    "array_plane_wave",
    "assignment_examples",
    "write_scenes",
]
