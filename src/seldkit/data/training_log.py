"""A table of how a training went, as a CSV file."""

import csv
from collections.abc import Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

from seldkit._checks import check_number
from seldkit._files import replacing
from seldkit.data._group import place


class TrainingLog:
    """A CSV file with a row for each epoch, or for whatever is added.

    As a part of checkpoints it begins again where the checkpoint is: rows that a stopped run has
    added since are dropped, and the run that goes on adds them anew. In several processes the first
    writes; the others may call the same.

    Args:
        path: The file, `.csv`. It is replaced when the first row is added.

    Attributes:
        rows: The rows so far.

    Examples:
        >>> import tempfile
        >>> log = TrainingLog(Path(tempfile.mkdtemp()) / "log.csv")
        >>> log.add(epoch=1, loss=0.5)
        >>> log.add(epoch=2, loss=0.25)
        >>> print(log.path.read_text().rstrip())
        epoch,loss
        1,0.5
        2,0.25
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self.rows: list[dict[str, int | float]] = []

    def add(self, values: Mapping[str, int | float] = {}, /, **more: int | float) -> None:
        """Add a row.

        Args:
            values: Numbers by the name of their column.
            more: The same.

        Raises:
            TypeError: If a value is no number.
            ValueError: If the columns are not those of the first row.
        """
        row = {**values, **more}
        check_number(**row)
        row = {name: _plain(value) for name, value in row.items()}
        if self.rows and list(row) != list(self.rows[0]):
            raise ValueError(f"columns must be {list(self.rows[0])}, got {list(row)}")
        self.rows.append(row)
        if len(self.rows) == 1:
            self._write()
        elif place()[0] == 0:
            with self.path.open("a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(row.values())

    def state_dict(self) -> dict[str, Any]:
        """Return the rows."""
        return {"rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Take up the rows, and write the file anew."""
        self.rows = [dict(row) for row in state_dict["rows"]]
        if self.rows:
            self._write()

    def _write(self) -> None:
        if place()[0] > 0:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as draft, draft.open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(self.rows[0])
            table.writerows(row.values() for row in self.rows)


def _plain(value: Any) -> int | float:
    return int(value) if isinstance(value, Integral) else float(value)
