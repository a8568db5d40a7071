"""Data for training: chunks, sampling and selection of labelled clips, corpora and checkpoints."""

from seldkit._executors import begin_worker
from seldkit.data.checkpoint import load_checkpoint, save_checkpoint
from seldkit.data.checkpoint_writer import CheckpointWriter
from seldkit.data.chunks import ChunkPlace, ChunkPlaces, Chunks, chunk_starts
from seldkit.data.clip import Clip
from seldkit.data.corpora import read_corpus
from seldkit.data.corpus import Corpus
from seldkit.data.early_stopping import EarlyStopping
from seldkit.data.folder import read_folder
from seldkit.data.joining import join_chunks
from seldkit.data.learning_rate import tri_stage
from seldkit.data.over_processes import map_over_processes
from seldkit.data.packing import pack
from seldkit.data.per_process import PerProcess
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
from seldkit.data.sampler import EpochSampler
from seldkit.data.sampling import class_frames, clip_weights
from seldkit.data.selection import Selection, select_clips
from seldkit.data.soundness import check_audio, check_labelled, check_labels
from seldkit.data.splits import SPLITS, ClipName, Split, clip_name
from seldkit.data.store import Store, StoredClip
from seldkit.data.stored import StoredChunks
from seldkit.data.training_log import TrainingLog

__all__ = [
    "NIGENS2020_TO_STARSS",
    "NIGENS2021_TO_STARSS",
    "SPLITS",
    "TAU2019_TO_STARSS",
    "CheckpointWriter",
    "ChunkPlace",
    "ChunkPlaces",
    "Chunks",
    "Clip",
    "ClipName",
    "Corpus",
    "EarlyStopping",
    "EpochSampler",
    "PerProcess",
    "Projected",
    "Projection",
    "RunSettings",
    "Selection",
    "Split",
    "Store",
    "StoredChunks",
    "StoredClip",
    "TrainingLog",
    "begin_worker",
    "check_audio",
    "check_labelled",
    "check_labels",
    "chunk_starts",
    "class_frames",
    "clip_name",
    "clip_weights",
    "join_chunks",
    "load_checkpoint",
    "map_over_processes",
    "pack",
    "project",
    "read_chunks",
    "read_corpus",
    "read_folder",
    "save_checkpoint",
    "select_clips",
    "tri_stage",
]
