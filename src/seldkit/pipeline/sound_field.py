"""Whether a recording is the kind of sound field that an extractor makes sense of."""

import warnings
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Literal

from torch import Tensor

from seldkit._checks import check_literal
from seldkit.ambisonics import RecordingWarning
from seldkit.ambisonics import check as check_ambisonics
from seldkit.features import FeatureExtractor
from seldkit.pipeline.audio import Audio

Check = Literal["warn", "raise"] | None


def reads_ambisonics(extractor: FeatureExtractor) -> bool:
    """Whether some of the features make sense of ambisonics alone."""
    return any(getattr(part, "reads_foa", False) for part in extractor.parts)


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
    if check is None or not reads_ambisonics(extractor):
        return iter(blocks)
    name = str(audio) if isinstance(audio, str | PathLike) else "audio"
    return _watched(blocks, name, extractor.sample_rate, check)


def _watched(
    blocks: Iterable[Tensor], name: str, sample_rate: int, check: Literal["warn", "raise"]
) -> Iterator[Tensor]:
    told = False
    for block in blocks:
        if not told:
            findings = check_ambisonics(block, sample_rate)
            told = findings.kind is not None
            if findings.problem is not None:
                message = (
                    f"{name} is not first-order ambisonics (ACN, SN3D), which this pipeline needs"
                    f" to hear directions: {findings.problem}; check=None takes it as it is"
                )
                if check == "raise":
                    raise ValueError(message)
                warnings.warn(message, RecordingWarning, stacklevel=2)
        yield block
