"""An audio file that is open, read from any place, and whether all of it is there."""

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from seldkit._checks import check_finite
from seldkit.io.promises import ends_early, promise
from seldkit.io.resampling import Samples

if TYPE_CHECKING:
    import soundfile

Truncated = Literal["error", "keep"]

WIDTHS = {"PCM_S8": 1, "PCM_U8": 1, "ULAW": 1, "ALAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4}
WIDTHS |= {"FLOAT": 4, "DOUBLE": 8}
"""Bytes of a sample; what is compressed has no width."""

LOUD = 100.0
"""No sound is so far beyond full scale, 40 dB; what is was scaled for integers."""

PIECE = 2**16
"""Samples of each channel that are read at once."""


class Recording:
    """Samples of an open audio file by their place.

    Attributes:
        path: The file.
        num_channels: Channels.
        num_samples: Samples of each channel that are there.
        sample_rate: In hertz.
        encoding: How the file holds a sample, in libsndfile's words.
        shortage: What is missing from the file, in words, or None.
    """

    def __init__(self, path: Path, file: "soundfile.SoundFile") -> None:
        self.path = path
        self.num_channels = file.channels
        self.sample_rate = file.samplerate
        self.encoding = file.subtype
        self._file = file
        self._warned = False
        self.num_samples, self.shortage = self._length()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, start: int, stop: int) -> Samples:
        """Return the samples from a place to another, zeros where the file has none.

        Raises:
            ValueError: If they cannot be decoded, or hold nan or infinity.
        """
        samples = np.zeros((self.num_channels, stop - start), dtype=np.float32)
        first, last = max(start, 0), min(stop, self.num_samples)
        if first < last:
            found = self._decode(first, last)
            if len(found) < last - first:
                raise ValueError(f"{self.path} cannot be decoded in samples {first}..{last - 1}")
            check_finite(f"the samples of {self.path}", torch.from_numpy(found))
            self._listen(found)
            samples[:, first - start : last - start] = found.T
        return samples

    def _listen(self, samples: Samples) -> None:
        """Warn once of samples that were scaled for integers."""
        peak = float(max(samples.max(), -samples.min()))
        if peak > LOUD and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.path} goes up to {peak!r}, where full scale is 1: was it written without"
                " dividing by 32768?",
                stacklevel=2,
            )

    def _decode(self, first: int, last: int) -> Samples:
        """Return `[sample, channel]`, none of them if the decoder fails."""
        import soundfile

        try:
            if self._file.tell() != first:
                self._file.seek(first)
            found: Samples = self._file.read(last - first, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            return np.empty((0, self.num_channels), dtype=np.float32)
        return found

    def _length(self) -> tuple[int, str | None]:
        """Return how many samples there are, and what is missing from as many as there should."""
        found = self._file.frames
        if (told := promise(self.path)) is not None:
            width = WIDTHS.get(self._file.subtype, 0) * self.num_channels
            whole = told.promised // width if width else found * told.promised // max(told.found, 1)
            if told.found < told.promised and whole > found:
                return found, f"its header promises {whole} samples and it holds {found}"
        elif ends_early(self.path):
            return found, f"it stops before the end of its stream and holds {found} samples"
        elif found and not len(self._decode(found - 1, found)):
            whole, found = found, self._count()
            return found, f"its header promises {whole} samples and it holds {found}"
        return found, None

    def _count(self) -> int:
        """Return how many samples can be decoded."""
        count = 0
        self._reopen()
        while found := len(self._decode(count, count + 1024)):
            count += found
        self._reopen()
        return count

    def _reopen(self) -> None:
        """Open the file again: a decoder that failed does not recover."""
        import soundfile

        self.close()
        self._file = soundfile.SoundFile(self.path)


@contextmanager
def recording(path: Path, truncated: Truncated) -> Iterator[Recording]:
    """Open an audio file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no audio, holds no samples, or fewer than it should if that is
            to be an error.
    """
    import soundfile

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless .raw
        raise ValueError(f"{path} is no audio file that libsndfile reads: {error}") from error
    with closing(Recording(path, file)) as opened:
        if opened.shortage and truncated == "error":
            raise ValueError(
                f"{path} is cut off: {opened.shortage}; truncated='keep' reads what is there"
            )
        if not opened.num_samples:
            raise ValueError(f"{path} holds no samples")
        yield opened
