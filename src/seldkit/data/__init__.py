"""Data for training: chunks, sampling and selection of labelled clips, corpora and checkpoints."""

from seldkit.data.checkpoint import load_checkpoint, save_checkpoint
from seldkit.data.chunks import ChunkPlace, Chunks, chunk_starts
from seldkit.data.labelled import labelled_clips
from seldkit.data.packing import LabelledAudio, pack
from seldkit.data.projection import (
    NIGENS2020_TO_STARSS,
    NIGENS2021_TO_STARSS,
    TAU2019_TO_STARSS,
    Projected,
    Projection,
    project,
)
from seldkit.data.reading import read_chunks
from seldkit.data.run_settings import RunSettings
from seldkit.data.sampling import class_frames, clip_weights
from seldkit.data.selection import Selection, select_clips
from seldkit.data.splits import SPLITS, ClipName, Split, clip_name
from seldkit.data.store import Store, StoredClip

__all__ = [
    "NIGENS2020_TO_STARSS",
    "NIGENS2021_TO_STARSS",
    "SPLITS",
    "TAU2019_TO_STARSS",
    "ChunkPlace",
    "Chunks",
    "ClipName",
    "LabelledAudio",
    "Projected",
    "Projection",
    "RunSettings",
    "Selection",
    "Split",
    "Store",
    "StoredClip",
    "chunk_starts",
    "class_frames",
    "clip_name",
    "clip_weights",
    "labelled_clips",
    "load_checkpoint",
    "pack",
    "project",
    "read_chunks",
    "save_checkpoint",
    "select_clips",
]
