"""Find the talkers of real recordings without a network, and print how well two methods do.

Reads recordings of one array and a table of where the talkers sit, `directions.csv` with a row for
each: file, source, azimuth_deg and more. Prints a row for each recording: the true azimuths, and
those of the sources heard longest by SRP-PHAT and by MUSIC. The number of talkers is told to both.
A recording of 6 s takes seconds, by MUSIC most of them; writes nothing.
The places of the microphones are those of a ReSpeaker array of four, unless `--array` names a file
that holds others, as for `seldkit localize`.
"""

import argparse
import csv
import json
from collections import defaultdict
from pathlib import Path

import torch

from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.geometry import azimuth_elevation_deg, wrap_deg
from seldkit.io import read_audio
from seldkit.localization import localize

SIDE_M = 0.02285
SQUARE = [(SIDE_M, SIDE_M, 0), (-SIDE_M, SIDE_M, 0), (-SIDE_M, -SIDE_M, 0), (SIDE_M, -SIDE_M, 0)]


def main() -> None:
    """Print the table."""
    args = parse_arguments()
    places = SQUARE
    if args.array is not None:
        places = json.loads(args.array.read_text())["positions"]
    array = ArrayGeometry(places)
    talkers: dict[str, list[float]] = defaultdict(list)
    with (args.folder / "directions.csv").open() as file:
        for row in csv.DictReader(file):
            talkers[row["file"]].append(float(row["azimuth_deg"]))
    print("| recording | talkers | SRP-PHAT | MUSIC | worst error |")
    print("| --- | --- | --- | --- | --- |")
    for name, truth in talkers.items():
        waveform, sample_rate = read_audio(args.folder / name)
        cells, errors = [], []
        for method in ("srp_phat", "music"):
            events = localize(
                waveform,
                array,
                sample_rate,
                method=method,
                max_sources=len(truth),
            )
            found = azimuths(events, len(truth))
            pairs = [(nearest(found, azimuth), azimuth) for azimuth in truth]
            cells.append(", ".join(f"{mine % 360:.0f}°" for mine, _ in pairs))
            errors.append(max(apart(*pair) for pair in pairs))
        told = ", ".join(f"{azimuth % 360:.0f}°" for azimuth in truth)
        worst = ", ".join(f"{error:.1f}°" for error in errors)
        print(f"| {name} | {told} | {' | '.join(cells)} | {worst} |", flush=True)


def azimuths(events: Events, count: int) -> list[float]:
    """Return the mean azimuths of the sources that are heard longest."""
    longest = events.source.bincount().argsort(descending=True)[:count]
    means = [events.direction[events.source == source].mean(dim=0) for source in longest]
    return [float(azimuth_elevation_deg(mean)[0]) for mean in means]


def nearest(found: list[float], azimuth: float) -> float:
    """Return the azimuth that is nearest to a true one, nan if there is none."""
    return min(found, key=lambda mine: apart(mine, azimuth), default=float("nan"))


def apart(one: float, other: float) -> float:
    """Return the angle between two azimuths, in degrees."""
    return float(wrap_deg(torch.tensor(one - other, dtype=torch.float64)).abs())


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="recordings and directions.csv")
    parser.add_argument("--array", type=Path, help="places of other microphones, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
