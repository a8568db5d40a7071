"""Data for training: chunks of labelled clips, and checkpoints of a run."""

from seldkit.data.checkpoint import load_checkpoint, save_checkpoint
from seldkit.data.chunks import Chunks, chunk_starts

__all__ = ["Chunks", "chunk_starts", "load_checkpoint", "save_checkpoint"]
