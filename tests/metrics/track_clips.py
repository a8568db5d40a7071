"""Random clips of tracks, and real ones."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import torch

from seldkit.events import Events
from seldkit.geometry import unit_norm

Clip = tuple[Events, Events]
"""Prediction and reference."""


def random_tracks(seed: int, num_frames: int = 40, num_tracks: int = 3) -> Clip:
    """Return references that move slowly and now and then pause, and predictions that do worse."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    steps = torch.cat((noise(1, num_tracks, 3), 0.1 * noise(num_frames - 1, num_tracks, 3)))
    place = unit_norm(steps.cumsum(dim=0))
    slow = (noise(num_frames // 5 + 1, num_tracks) > -1).repeat_interleave(5, dim=0)[:num_frames]
    reference = _events(place, slow, num_frames)
    found = unit_norm(place + 0.15 * noise(*place.shape))
    swap = torch.rand(num_frames, generator=generator) < 0.1
    found[swap] = found[swap].flip(1)
    return _events(found, slow & (noise(num_frames, num_tracks) > -1.3), num_frames), reference


def _events(place: torch.Tensor, active: torch.Tensor, num_frames: int) -> Events:
    frame, source = active.nonzero().unbind(dim=1)
    label = torch.zeros_like(frame)
    return Events(frame, label, place[frame, source], source=source, num_frames=num_frames)


def locata_tracks(folder: Path) -> Iterator[tuple[str, Clip]]:
    """Yield the names of real recordings, what SRP-DNN found in them and what there is.

    There is a talker where two thirds of a frame are voiced.
    """
    recordings: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(folder / "srpdnn_locata.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["run"] == "00000001":
                recordings[row["recording"]].append(row)
    for name, rows in recordings.items():
        yield name, (_side(rows, "pred_", 0.5), _side(rows, "", 2 / 3))


def _side(rows: list[dict[str, str]], prefix: str, threshold: float) -> Events:
    rows = [row for row in rows if float(row[f"{prefix}vad"] or 0) > threshold]
    return Events.from_degrees(
        [round((float(row["time_s"]) - 0.104) / 0.192) for row in rows],
        [0] * len(rows),
        [float(row[f"{prefix}azimuth_deg"]) for row in rows],
        [90 - float(row[f"{prefix}colatitude_deg"]) for row in rows],
        source=[int(row["source"]) for row in rows],
        frame_s=0.192,
    )
