"""Labelled scenes from mono sounds, for training and for tests."""

from seldkit.synth.array_mixtures import ArrayMixture, ArrayMixtures, array_plane_wave
from seldkit.synth.builtin import BuiltinSounds
from seldkit.synth.corpus import SceneFiles, write_scenes
from seldkit.synth.folder_sounds import FolderSounds
from seldkit.synth.scene import SceneSynthesizer
from seldkit.synth.sounds import Sounds

__all__ = [
    "ArrayMixture",
    "ArrayMixtures",
    "BuiltinSounds",
    "FolderSounds",
    "SceneFiles",
    "SceneSynthesizer",
    "Sounds",
    "array_plane_wave",
    "write_scenes",
]
