"""Whether a recording is the kind of sound field that an extractor makes sense of."""

import warnings
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Literal

import torch
from torch import Tensor

from seldkit._checks import check_literal
from seldkit._typing import Float
from seldkit.ambisonics import RecordingWarning
from seldkit.ambisonics import check as check_ambisonics
from seldkit.features import FeatureExtractor
from seldkit.pipeline.audio import Audio

Check = Literal["warn", "raise"] | None

PIECE_S = 4.0
"""How much of a stream is looked at together."""


def watched(
    blocks: Iterable[Tensor], audio: Audio, extractor: FeatureExtractor, check: Check
) -> Iterator[Tensor]:
    """Return the blocks of a recording, which tell as they are read if they are no ambisonics.

    The first block that sounds decides.

    Args:
        blocks: The recording, block by block.
        audio: The recording as the user gave it, for the message.
        extractor: Only one that reads ambisonics has its recording checked.
        check: Warn, raise, or neither.

    Raises:
        ValueError: If the check is unknown; while blocks are read, if it is to be an error.
    """
    check_literal("check", check, Check)
    if check is None or not extractor.reads_foa:
        return iter(blocks)
    name = str(audio) if isinstance(audio, str | PathLike) else "audio"
    return _watched(blocks, name, extractor.sample_rate, check)


class SoundFieldWatch:
    """The same of a signal that comes in chunks.

    It is looked at in pieces of four seconds, and the first one that sounds decides. No more than a
    piece is held, and nothing once it is decided.

    Args:
        extractor: Only one that reads ambisonics has its signal checked.
        check: Warn, raise, or neither.

    Raises:
        ValueError: If the check is unknown.
    """

    def __init__(self, extractor: FeatureExtractor, check: Check) -> None:
        check_literal("check", check, Check)
        self._check, self._rate = check, extractor.sample_rate
        self._decided = check is None or not extractor.reads_foa
        self._held: list[Tensor] = []

    def push(self, chunk: Float[Tensor, "channel sample"]) -> None:
        """Look at the next samples.

        Raises:
            ValueError: If they are no ambisonics and that is to be an error: with each chunk.
        """
        size = round(PIECE_S * self._rate)
        while not self._decided and chunk.shape[1]:
            missing = size - sum(held.shape[1] for held in self._held)
            # A copy, because who gave the samples may use their memory again.
            self._held.append(chunk[:, :missing].detach().to("cpu", copy=True))
            chunk = chunk[:, missing:]
            if self._held[-1].shape[1] < missing:
                return
            self._look()

    def flush(self) -> None:
        """Look at what is left of a signal that ends.

        Raises:
            ValueError: If it is no ambisonics and that is to be an error.
        """
        if not self._decided and self._held:
            self._look()

    def _look(self) -> None:
        piece, self._held = torch.cat(self._held, dim=1), []
        try:
            self._decided = _decides(piece, "the signal", self._rate, self._check)
        except ValueError:
            self._held = [piece]  # to be looked at again with the next chunk
            raise


def _watched(
    blocks: Iterable[Tensor], name: str, sample_rate: int, check: Check
) -> Iterator[Tensor]:
    decided = False
    for block in blocks:
        decided = decided or _decides(block, name, sample_rate, check)
        yield block


def _decides(block: Tensor, name: str, sample_rate: int, check: Check) -> bool:
    """Tell if a block is no ambisonics; return whether it sounds, so that it can be known."""
    findings = check_ambisonics(block, sample_rate)
    if findings.problem is not None:
        message = (
            f"{name} is not first-order ambisonics (ACN, SN3D), which this pipeline needs to hear"
            f" directions: {findings.problem}; check=None takes it as it is"
        )
        if check == "raise":
            raise ValueError(message)
        warnings.warn(message, RecordingWarning, stacklevel=5)  # whoever gave the signal
    return findings.kind is not None
