"""Where measured room responses come from: a folder with a table, or a SOFA file."""

from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._checks import require
from seldkit._typing import Float
from seldkit.geometry import unit_vector
from seldkit.io import read_audio
from seldkit.io.resampling import Ratio, resampled
from seldkit.synth.recordings import read_rows

TABLE = "responses.csv"
COLUMNS = ("file", "azimuth_deg", "elevation_deg", "distance_m")
NEAREST_M, FARTHEST_M = 0.1, 1000.0
"""How far from the microphone a source may stand."""


class SourcePlace(NamedTuple):
    """Where the source of a response stood.

    Attributes:
        name: What the response is called in messages.
        position_m: Relative to the microphone, in metres.
        room: Name of the room.
    """

    name: str
    position_m: Float[NDArray[np.float64], "axis=3"]
    room: str


@runtime_checkable
class ResponseTable(Protocol):
    """Responses by number.

    Attributes:
        path: Folder or file that they come from.
        places: Where the source of each stood.
        files: All files that they are read from.
    """

    path: Path
    places: list[SourcePlace]
    files: list[Path]

    def read(self, number: int, sample_rate: int) -> Float[NDArray[np.float32], "channel sample"]:
        """Return a response at a rate, as the file has it."""


class FolderResponses:
    """Responses that a folder's `responses.csv` names, one audio file each."""

    def __init__(self, folder: Path) -> None:
        self.path, table = folder, folder / TABLE
        if not table.is_file():
            raise FileNotFoundError(f"there is no {table}: it has the columns {', '.join(COLUMNS)}")
        rows = read_rows(table, COLUMNS)
        self.places = [_row(table, line, row) for line, row in enumerate(rows, start=2)]
        self.files = [*(folder / row["file"] for row in rows), table]

    def read(self, number: int, sample_rate: int) -> Float[NDArray[np.float32], "channel sample"]:
        """Return a response at a rate, as the file has it."""
        return read_audio(self.files[number], sample_rate=sample_rate)[0].numpy()


class SofaResponses:
    """The responses of a SOFA file (AES69): one microphone, a source at many places."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, [path]
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        sofar = require("sofar", "sofa")
        try:
            sofa = sofar.read_sofa(str(path), verify=False, verbose=False)
            self._responses = np.asarray(sofa.Data_IR, dtype=np.float32)
            self._rate = round(float(np.ravel(sofa.Data_SamplingRate)[0]))
            seen = _seen(sofa, len(self._responses))
        except OSError:  # which names the file
            raise
        except Exception as error:  # of any kind, by what is missing or has another form
            raise ValueError(f"{path} is no SOFA file of responses: {error!r}") from error
        _check(path, self._responses, self._rate, seen)
        room = str(getattr(sofa, "GLOBAL_RoomShortName", "") or path.stem)
        self.places = [
            SourcePlace(f"measurement {number} of {path}", position, room)
            for number, position in enumerate(seen)
        ]

    def read(self, number: int, sample_rate: int) -> Float[NDArray[np.float32], "channel sample"]:
        """Return a response at a rate, as the file has it."""
        response: NDArray[np.float32] = self._responses[number]
        if sample_rate == self._rate:
            return response
        ratio = Ratio.between(self._rate, sample_rate)
        length = response.shape[1]

        def part(start: int, stop: int) -> NDArray[np.float32]:
            inside = response[:, max(0, start) : max(0, min(stop, length))]
            before = min(max(0, -start), stop - start)
            return np.pad(inside, ((0, 0), (before, stop - start - before - inside.shape[1])))

        return np.concatenate(list(resampled(part, ratio, 0, ratio.length(length))), axis=1)

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path}  # other processes read the file

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


def _row(table: Path, line: int, row: dict[str, str]) -> SourcePlace:
    try:
        azimuth, elevation, distance = (float(row[column]) for column in COLUMNS[1:])
    except ValueError as error:
        raise ValueError(f"{table}, line {line}: {error}") from error
    if not (abs(azimuth) <= 360 and abs(elevation) <= 90 and NEAREST_M <= distance <= FARTHEST_M):
        raise ValueError(
            f"{table}, line {line}: azimuth_deg must lie in -360..360, elevation_deg in -90..90 and"
            f" distance_m in {NEAREST_M}..{FARTHEST_M}, got {azimuth:g}, {elevation:g} and"
            f" {distance:g}"
        )
    direction = unit_vector(torch.tensor(azimuth, dtype=torch.float64), elevation).numpy()
    name = str(table.parent / row["file"])
    return SourcePlace(name, distance * direction, row.get("room") or "room")


def _check(
    path: Path, responses: NDArray[np.float32], rate: int, seen: NDArray[np.float64]
) -> None:
    """Raise `ValueError` unless what a file holds are responses from some places."""
    if responses.ndim != 3:
        raise ValueError(
            f"{path} must hold Data.IR of (measurement, receiver, sample), got shape"
            f" {responses.shape}"
        )
    if rate < 1:
        raise ValueError(f"{path} must have a Data.SamplingRate in hertz, got {rate}")
    distance = np.linalg.norm(seen, axis=1)
    if not ((distance >= NEAREST_M) & (distance <= FARTHEST_M)).all():
        raise ValueError(
            f"{path} must have sources {NEAREST_M}..{FARTHEST_M} m from the listener, got"
            f" {distance.min():g}..{distance.max():g}"
        )


def _seen(sofa: object, count: int) -> NDArray[np.float64]:
    """Return where the sources stood, as the listener sees them: its view is x, its up z."""
    source = _cartesian(sofa, "SourcePosition", "SourcePosition_Type", count)
    listener = _cartesian(sofa, "ListenerPosition", "ListenerPosition_Type", count)
    view = _cartesian(sofa, "ListenerView", "ListenerView_Type", count, (1, 0, 0))
    up = _cartesian(sofa, "ListenerUp", "ListenerView_Type", count, (0, 0, 1))
    front = view / np.linalg.norm(view, axis=1, keepdims=True)
    left = np.cross(up, front)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    axes = np.stack((front, left, np.cross(front, left)), axis=1)
    seen: NDArray[np.float64] = np.einsum("mij,mj->mi", axes, source - listener)
    return seen


def _cartesian(
    sofa: object, name: str, kind: str, count: int, default: tuple[int, int, int] = (0, 0, 0)
) -> NDArray[np.float64]:
    values = np.asarray(getattr(sofa, name, ()), dtype=np.float64)
    if not values.size:  # what a convention leaves out
        return np.broadcast_to(np.array(default, dtype=np.float64), (count, 3))
    if getattr(sofa, kind) == "spherical":
        azimuth, elevation, radius = torch.from_numpy(values.T.copy())
        values = (unit_vector(azimuth, elevation) * radius[:, None]).numpy()
    return np.broadcast_to(values, (count, 3))
