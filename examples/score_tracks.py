"""Score the tracks that a system found, as they are and after two ways to follow them.

Reads a table (CSV, perhaps gzipped) of true and found directions with a row for each source and
frame: run, recording, time_s, source, colatitude_deg, azimuth_deg, vad, and the same of what was
found, pred_colatitude_deg, pred_azimuth_deg, pred_vad; such is the one of SRP-DNN's estimates in
the LOCATA corpus. Recordings whose names differ in their last number alone are scored together.
Prints a row for each group and way: tracks as the system names them, linked by `link_sources`, and
followed by the Kalman filter of `track_directions`, which reads no names. Takes seconds, writes
nothing.
"""

import argparse
import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from seldkit.events import Events
from seldkit.localization import link_sources, track_directions
from seldkit.metrics.tracking import CLEARMOT, GOSPA, OSPA

VOICED = 2 / 3  # of a frame: the rule of the published scores
FOUND = 0.5

Table = list[dict[str, str]]


def main() -> None:
    """Print the table."""
    args = parse_arguments()
    clips: dict[str, list[tuple[Events, Events]]] = defaultdict(list)
    for name, rows in read_recordings(args.table, args.run).items():
        if args.only in name:
            frame_s = args.frame_s
            found, there = events(rows, "pred_", FOUND, frame_s), events(rows, "", VOICED, frame_s)
            clips[name.rpartition("_")[0]].append((found, there))
    ways: dict[str, Callable[[Events], Events]] = {
        "as named": lambda found: found,
        "linked": link_sources,
        "Kalman filter": track_directions,
    }
    print("| recordings | clips | tracks | LE | MOTA | switches | IDF1 | OSPA | GOSPA |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for group, pairs in clips.items():
        for way, follow in ways.items():
            row = scores([(follow(found), there) for found, there in pairs])
            print(f"| {group} | {len(pairs)} | {way} | {row} |", flush=True)


def scores(clips: list[tuple[Events, Events]]) -> str:
    """Return the scores of some clips as cells of a table."""
    tracks, sets, general = CLEARMOT(), OSPA(), GOSPA()
    for found, there in clips:
        for metric in (tracks, sets, general):
            metric.update(found, there)
    mot, ospa, gospa = tracks.compute(), sets.compute().ospa_deg, general.compute().gospa_deg
    cells = (
        f"{mot.localization_error_deg:.1f}°",
        f"{mot.mota:.3f}",
        f"{mot.identity_switches:.0f}",
        f"{mot.identity_f_score:.3f}",
        f"{ospa:.1f}°",
        f"{gospa:.1f}°",
    )
    return " | ".join(cells)


def read_recordings(path: Path, run: str | None) -> dict[str, Table]:
    """Return the rows of each recording, of one run of the system: the first unless said."""
    recordings: dict[str, Table] = defaultdict(list)
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for row in csv.DictReader(file):
            run = run or row["run"]
            if row["run"] == run:
                recordings[row["recording"]].append(row)
    return recordings


def events(rows: Table, prefix: str, least: float, frame_s: float) -> Events:
    """Return one side of a recording: what is active in more than `least` of a frame."""
    rows = [row for row in rows if float(row[f"{prefix}vad"] or 0) > least]
    return Events.from_degrees(
        [int(float(row["time_s"]) / frame_s) for row in rows],
        [0] * len(rows),
        [float(row[f"{prefix}azimuth_deg"]) for row in rows],
        [90 - float(row[f"{prefix}colatitude_deg"]) for row in rows],
        source=[int(row["source"]) for row in rows],
        frame_s=frame_s,
    )


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="true and found directions")
    parser.add_argument("--run", help="which run of the system; by default the first")
    parser.add_argument("--only", default="", help="a part of the names of recordings to score")
    parser.add_argument("--frame-s", type=float, default=0.192, help="length of a frame in seconds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
