"""A bar that shows how far long work has come; nothing where nobody looks on."""

import sys
from types import TracebackType

WIDTH = 24
"""Characters of the bar."""


class Progress:
    """Shows on a terminal how much of some work is done, in one line that goes when it is.

    It writes to the standard error, and nothing at all where that is no terminal.

    Args:
        total: All there is to do.
        unit: What is counted, such as `"scenes"`.
    """

    def __init__(self, total: float, unit: str) -> None:
        self.total, self.unit, self.done = total, unit, 0.0
        self._shown = sys.stderr.isatty() and total > 0
        self._line = ""

    def advance(self, step: float = 1) -> None:
        """Show that another step is done."""
        self.done = min(self.done + step, self.total)
        if not self._shown:
            return
        full = int(WIDTH * self.done / self.total)
        line = (
            f"[{'#' * full}{'-' * (WIDTH - full)}] {self.done:.0f} of {self.total:.0f} {self.unit}"
        )
        if line != self._line:
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
            self._line = line

    def clear(self) -> None:
        """Take the line away, so that something else can be told; the next step shows it again."""
        if self._line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._line = ""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.clear()
