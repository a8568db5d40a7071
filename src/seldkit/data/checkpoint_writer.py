"""Checkpoints that are written while the training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from os import PathLike
from pathlib import Path
from types import TracebackType

from seldkit.data._group import gather
from seldkit.data._parts import Part
from seldkit.data.checkpoint import take_snapshot, write_snapshot


class CheckpointWriter:
    """Writes checkpoints in a thread of its own, so that a step waits for no disk.

    `save` copies the state, which takes as long as memory does, and returns; then the run may
    change what it saved. Files are written one after the other, each as
    [`save_checkpoint`][seldkit.data.save_checkpoint] writes it: a process that is killed meanwhile
    leaves the last checkpoint or the new one. In several processes all call the same, and the
    first writes.

    A `with` block ends when all is on the disk.

    Examples:
        >>> import tempfile, torch
        >>> from seldkit.data import load_checkpoint
        >>> model = torch.nn.Linear(2, 2)
        >>> path = Path(tempfile.mkdtemp()) / "last.safetensors"
        >>> with CheckpointWriter() as writer:
        ...     writer.save(path, epoch=3, model=model)
        >>> load_checkpoint(path, model=model)
        3
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._waiting: dict[Path, Future[None]] = {}

    def save(self, path: str | PathLike[str], *, epoch: int, **parts: Part) -> None:
        """Copy the state of a run, and have it written.

        Where the file is still being written from the last call, it waits for that: of each file no
        more than one copy is held.

        Args:
            path: The file, `.safetensors`.
            epoch: Number of epochs done.
            parts: As of [`save_checkpoint`][seldkit.data.save_checkpoint].

        Raises:
            OSError: If the last file, of this path, could not be written; it names why.
            TypeError: As `save_checkpoint` does.
            ValueError: As `save_checkpoint` does.
        """
        path = Path(path)
        if (last := self._waiting.pop(path, None)) is not None:
            last.result()
        snapshot = take_snapshot(epoch, parts)
        if snapshot is not None:
            self._waiting[path] = self._thread.submit(write_snapshot, path, snapshot)

    def wait(self) -> None:
        """Wait until all is written; every process of a group must call it.

        Raises:
            OSError: If a file could not be written.
            RuntimeError: If the process that writes could not; it raises why.
        """
        waiting, self._waiting = self._waiting, {}
        errors = [error for file in waiting.values() if (error := file.exception()) is not None]
        failures = gather([repr(error) for error in errors])
        if errors:
            raise errors[0]
        if any(failures):
            raise RuntimeError(f"checkpoints were not written: {failures[0]}")

    def __enter__(self) -> "CheckpointWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.wait()
        self._thread.shutdown()  # where the block raised, what was copied is still written
