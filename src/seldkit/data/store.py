"""A store: audio decoded once, and labels, read from the disk at any place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seldkit._checks import check_count, integer
from seldkit._typing import Float
from seldkit.data._store_arrays import (
    checksum,
    events_of,
    open_array,
    read_labels,
    waveform_window,
)
from seldkit.data._store_records import (
    LABELS,
    WAVEFORMS,
    DType,
    Record,
    Settings,
    read_records,
    read_settings,
)
from seldkit.data.splits import Fold
from seldkit.events import Events


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip of a [`Store`][seldkit.data.Store]: where it stands on the disk, and nothing of it.

    What is read is checked: a file that is not as long as it was written is an error.
    """

    _folder: Path
    _settings: Settings
    _record: Record

    @property
    def name(self) -> str:
        """What the clip was called when it was packed."""
        return self._record.name

    @property
    def fold(self) -> Fold | None:
        """Its fold, if it has one."""
        return self._record.fold

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number, if known."""
        return self._settings.classes

    @property
    def sample_rate(self) -> int:
        """In hertz."""
        return self._settings.sample_rate

    @property
    def num_channels(self) -> int:
        """Channels of the waveform."""
        return self._settings.num_channels

    @property
    def num_samples(self) -> int:
        """Samples of each channel."""
        return self._record.num_samples

    @property
    def frame_s(self) -> float:
        """Length of a label frame, in seconds."""
        return self._record.frame_s

    @property
    def waveform(self) -> NDArray[np.int16] | NDArray[np.float32]:
        """The whole waveform `[channel, sample]`, mapped: only what is touched is read.

        It cannot be written to. Integers stand for themselves divided by 32768.
        """
        shape = self.num_channels, self.num_samples
        return open_array(self._waveform_path, shape, self._settings.dtype)

    def read(self, start: int = 0, frames: int | None = None) -> Float[Tensor, "channel sample"]:
        """Return a part of the waveform, as [`read_audio`][seldkit.io.read_audio] gives it.

        Args:
            start: First sample.
            frames: Samples of each channel; by default all up to the end.

        Raises:
            ValueError: If the part reaches beyond the clip, or the store is damaged.
        """
        start = integer("start", start)
        if frames is None:
            stop = self.num_samples
        else:
            check_count(frames=frames)
            stop = start + frames
        if not 0 <= start < stop <= self.num_samples:
            raise ValueError(
                f"a part of {self.name} must lie in its {self.num_samples} samples, got"
                f" {start}..{stop}"
            )
        # Mapped anew each time: a system allows some 65,000 maps, fewer than a store has clips.
        return torch.from_numpy(waveform_window(self.waveform, start, stop))

    def events(self) -> Events:
        """Return what sounds in the clip, read anew each time."""
        return events_of(self._labels(), self._record.num_frames, self.frame_s)

    def events_between(self, start: int, stop: int) -> Events:
        """Return what sounds in the label frames start..stop-1, counted from `start`.

        It is `events().window(start, stop)`, without that the other rows are made, and the window
        may reach beyond the labels: the clip is as long as its waveform.
        """
        rows = self._labels()
        rows = rows[(rows["frame"] >= start) & (rows["frame"] < stop)]
        rows["frame"] -= start
        return events_of(rows, stop - start, self.frame_s)

    def verify(self) -> None:
        """Read all that is stored of the clip.

        Raises:
            ValueError: If a byte is not what was written.
        """
        self.events()
        self.waveform  # noqa: B018  # its length is checked
        if checksum(self._waveform_path) != self._record.waveform_crc:
            raise ValueError(f"{self._waveform_path} is damaged: its checksum is another")

    def _labels(self) -> NDArray[Any]:
        return read_labels(self._folder / LABELS / f"{self._record.labels}.npy")

    @property
    def _waveform_path(self) -> Path:
        return self._folder / WAVEFORMS / f"{self._record.waveform}.npy"


class Store(Sequence[StoredClip]):
    """The clips that [`pack`][seldkit.data.pack] wrote to a folder, sorted by name.

    Any part of any clip is read without the rest, and nothing is held but the names and lengths:
    about half a kilobyte for each clip. What is added to the folder later is in a store that is
    opened later. Workers of a `DataLoader` may share it, forked or spawned: pickled, it is its
    folder and that table.

    Args:
        folder: Where the store is.

    Attributes:
        folder: Where it is.
        dtype: `"int16"` or `"float32"`.
        sample_rate: In hertz.
        num_channels: Channels of every clip.
        classes: Names of the classes, by number; none if they are not known.
        skipped: Why a clip was left out, by its name, if `pack` returned the store.

    Raises:
        FileNotFoundError: If there is no store.
        ValueError: If what it says about its clips is damaged, or was written by another version.

    Examples:
        >>> import tempfile
        >>> from seldkit import io
        >>> from seldkit.data import pack, read_folder
        >>> folder = Path(tempfile.mkdtemp())
        >>> io.write_audio(folder / "knock.wav", torch.zeros(4, 48000), 24000)
        >>> _ = (folder / "knock.csv").write_text("3,0,0,90,0")
        >>> store = pack(read_folder(folder), folder / "store")
        >>> [(clip.name, clip.waveform.shape) for clip in store]
        [('knock', (4, 48000))]
        >>> store[0].read(start=24000, frames=4800).shape, store[0].events()
        (torch.Size([4, 4800]), Events(1 row, 1 class, frames 3..3, frame_s=0.1))
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self._settings = read_settings(self.folder)
        self._records = read_records(self.folder)
        self.skipped: dict[str, str] = {}

    @property
    def dtype(self) -> DType:
        """How samples are kept."""
        return self._settings.dtype

    @property
    def sample_rate(self) -> int:
        """In hertz."""
        return self._settings.sample_rate

    @property
    def num_channels(self) -> int:
        """Channels of every clip."""
        return self._settings.num_channels

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by number, if known."""
        return self._settings.classes

    @property
    def duration_s(self) -> float:
        """Length of all clips together, in seconds."""
        return sum(record.num_samples for record in self._records) / self.sample_rate

    def verify(self) -> None:
        """Read the whole store and hold it against its checksums.

        Raises:
            ValueError: If a byte is not what was written; the error lists all damaged files.
        """
        wrong = []
        for clip in self:
            try:
                clip.verify()
            except ValueError as error:
                wrong.append(str(error))
        if wrong:
            raise ValueError("\n".join(wrong))

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: SupportsIndex) -> StoredClip: ...
    @overload
    def __getitem__(self, index: slice) -> list[StoredClip]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> StoredClip | list[StoredClip]:
        if isinstance(index, slice):
            return [self._clip(record) for record in self._records[index]]
        return self._clip(self._records[index])

    def __iter__(self) -> Iterator[StoredClip]:
        return map(self._clip, self._records)

    def __repr__(self) -> str:
        hours = f"{self.duration_s / 3600:.3g} h"
        return f"Store({str(self.folder)!r}, {len(self)} clips, {hours} of {self.dtype})"

    def _clip(self, record: Record) -> StoredClip:
        return StoredClip(self.folder, self._settings, record)
