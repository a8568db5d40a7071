"""Measured room responses of a first-order ambisonics microphone."""

from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from seldkit._checks import check_positive, shortest
from seldkit._typing import Float
from seldkit.ambisonics import AXIS_TO_CHANNEL, Normalization, Order, convert
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.geometry import angle_deg, azimuth_elevation_deg
from seldkit.synth.fingerprints import file_fingerprint
from seldkit.synth.recent import Recent
from seldkit.synth.response_tables import FolderResponses, ResponseTable, SofaResponses

ONSET_SHARE = 0.3
"""The direct sound begins where the response first reaches this share of its peak."""
BEFORE_S, AFTER_S = 0.0005, 0.0015
"""How much around its onset is direct sound: the first reflection comes later."""
APART_DEG = 10.0
"""How far the measured direction may be from the one in the table."""
DIPOLES = (0.75, 1.3)
"""Strength of the dipoles to W in the direct sound; SN3D has 1, N3D would have 1.73."""


class DirectSound(NamedTuple):
    """What comes first in a response.

    Attributes:
        onset: Its first sample.
        direction: Unit vector towards the source.
        gain: Its strength on W.
    """

    onset: int
    direction: Float[NDArray[np.float64], "axis=3"]
    gain: float


class RoomResponse(NamedTuple):
    """A response as scenes take it.

    Attributes:
        waveform: Its direct sound arrives after `distance / 343` seconds with gain `1 / distance`.
        position_m: Where the source stood: the direction is that of the direct sound.
    """

    waveform: Float[NDArray[np.float32], "channel=4 sample"]
    position_m: Float[NDArray[np.float64], "axis=3"]

    @property
    def nbytes(self) -> int:
        """Size of the waveform in bytes."""
        return self.waveform.nbytes


class RoomResponses:
    """Measured room responses of a first-order ambisonics microphone, each of a source at a place.

    A folder holds a `responses.csv` with the columns `file` (four channels, relative to the
    folder), `azimuth_deg`, `elevation_deg`, `distance_m` and, if there are several, `room`. A SOFA
    file (AES69, read by the extra `sofa`) holds one response of four receivers for each place.

    What a response says of its direction is the truth: labels take that of its direct sound. Its
    table is held against it, so that axes which run otherwise are found.

    Args:
        path: The folder, or the `.sofa` file.
        order: Order of the channels, as of [`convert`][seldkit.ambisonics.convert].
        normalization: Normalisation of the channels.
        cache_mb: Responses kept in memory, in megabytes; the least recently used one goes first.

    Raises:
        FileNotFoundError: If there is no such folder or file, or no file that the table names.
        ModuleNotFoundError: If a SOFA file is to be read without the extra `sofa`.
        ValueError: If the table cannot be read.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        order: Order = "acn",
        normalization: Normalization = "sn3d",
        cache_mb: float = 256.0,
    ) -> None:
        check_positive(cache_mb=cache_mb)
        convert(torch.zeros(4, 1), order=order, normalization=normalization)  # checks the names
        self.path, self.order, self.normalization = Path(path), order, normalization
        self.cache_mb = cache_mb
        sofa = self.path.suffix.lower() == ".sofa"
        self._table: ResponseTable = (SofaResponses if sofa else FolderResponses)(self.path)
        self._recent: Recent[RoomResponse] = Recent(cache_mb)

    @property
    def rooms(self) -> tuple[str, ...]:
        """Names of the rooms, sorted."""
        return tuple(sorted({place.room for place in self._table.places}))

    def positions(self, room: str) -> dict[int, NDArray[np.float64]]:
        """Return where the sources of a room stood by the table, by number of the response."""
        places = enumerate(self._table.places)
        return {number: place.position_m for number, place in places if place.room == room}

    def response(self, number: int, sample_rate: int) -> RoomResponse:
        """Return a response.

        Args:
            number: Which one, in the order of the table.
            sample_rate: Rate of the returned samples, in hertz.

        Raises:
            ValueError: If it has not four channels, is silent, or its direct sound is not that of a
                first-order ambisonics microphone or comes from elsewhere than the table says.
        """
        return self._recent.get((number, sample_rate), lambda: self._prepare(number, sample_rate))

    def fingerprint(self) -> str:
        """Return a text that changes with the table and with what its files hold."""
        folder = self.path if self.path.is_dir() else self.path.parent
        contents = file_fingerprint(folder, self._table.files)
        return f"RoomResponses of {len(self)} places {self.order} {self.normalization} {contents}"

    def __len__(self) -> int:
        return len(self._table.places)

    def __repr__(self) -> str:
        return f"RoomResponses({str(self.path)!r})"

    def _prepare(self, number: int, sample_rate: int) -> RoomResponse:
        place = self._table.places[number]
        raw = self._table.read(number, sample_rate)
        if len(raw) != 4:
            raise ValueError(f"{place.name} must have 4 channels, got {len(raw)}")
        if not np.isfinite(raw).all() or not raw[0].any():
            raise ValueError(f"{place.name} must be finite and not silent on W")
        converted = convert(
            torch.from_numpy(raw), order=self.order, normalization=self.normalization
        )
        waveform = converted.numpy()
        direct = direct_sound_of(waveform, sample_rate, place.name)
        told, found = torch.from_numpy(place.position_m), torch.from_numpy(direct.direction)
        if angle_deg(told, found) > APART_DEG:
            told_deg, found_deg = (_degrees(each) for each in (told, found))
            raise ValueError(
                f"{place.name} must come from where the table says, azimuth and elevation"
                f" {told_deg}, but its direct sound comes from {found_deg}: do its axes run"
                " otherwise?"
            )
        distance = float(np.linalg.norm(place.position_m))
        arrival = round(distance / SPEED_OF_SOUND * sample_rate)
        early = round(BEFORE_S * sample_rate)  # what rings before the direct sound
        first = max(0, direct.onset - min(early, arrival))
        kept = np.pad(waveform[:, first:], ((0, 0), (arrival - (direct.onset - first), 0)))
        with np.errstate(over="ignore"):
            scaled = (kept / (distance * direct.gain)).astype(np.float32)
        if not np.isfinite(scaled).all():
            raise ValueError(f"{place.name} must have a direct sound, got next to none")
        return RoomResponse(scaled, distance * direct.direction)


def direct_sound_of(
    waveform: Float[NDArray[np.float32], "channel=4 sample"], sample_rate: int, name: str
) -> DirectSound:
    """Return what comes first in a response in ACN order, SN3D: its place, direction and gain.

    Raises:
        ValueError: If its dipoles are too weak or too strong for a wave of one direction.
    """
    size = np.abs(waveform[0])
    onset = int(np.argmax(size >= ONSET_SHARE * size.max()))
    start = max(0, onset - round(BEFORE_S * sample_rate))
    direct = waveform[:, start : onset + round(AFTER_S * sample_rate)].astype(np.float64)
    power = np.square(direct[0]).sum()
    flow = (direct[0] * direct[list(AXIS_TO_CHANNEL)]).sum(axis=1)
    strength = float(np.linalg.norm(flow) / power)
    if not DIPOLES[0] < strength < DIPOLES[1]:
        raise ValueError(
            f"the direct sound of {name} must have dipoles as strong as W in ACN order and SN3D,"
            f" got {shortest(round(strength, 3))} times: what are its order and normalization?"
        )
    return DirectSound(onset, flow / np.linalg.norm(flow), float(np.sqrt(power)))


def _degrees(direction: torch.Tensor) -> str:
    azimuth, elevation = azimuth_elevation_deg(direction)
    return f"{float(azimuth):.1f} and {float(elevation):.1f}"
