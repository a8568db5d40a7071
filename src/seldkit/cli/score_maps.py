"""`seldkit score --protocol dcase2026`: energy maps in JSON files in place of label files."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from seldkit.cli.clips import choose_files
from seldkit.cli.files import match_files, read_names
from seldkit.cli.tables import Table, as_json, as_text, jackknife_table, write_json
from seldkit.events import EnergyMaps
from seldkit.io import read_maps
from seldkit.io.classes import STARSS_CLASSES
from seldkit.io.maps import NUM_CLASSES
from seldkit.metrics import DenseMapMetrics

PROTOCOL = "dcase2026"

ENDINGS = ("_inference", "_std")
"""What the names of predictions and references may end in."""

NOT_TAKEN = {
    "matching": None,
    "doa": None,
    "relative_distance_threshold": None,
    "distance_threshold_m": None,
    "require_onscreen": None,
    "block_frames": None,
    "num_frames": None,
    "frame_s": None,
    "format": None,
    "reference_format": None,
    "prediction_format": None,
    "by_overlap": False,
    "tracks": False,
    "frames": "official",
    "absent_classes": "published",
    "check": "raise",
}
"""Options that say nothing of energy maps, and what they are where they are not given."""


def run_maps(args: argparse.Namespace) -> int:
    """Write the scores of energy maps; return the exit code."""
    given = [name for name, absent in NOT_TAKEN.items() if getattr(args, name) != absent]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"{PROTOCOL} does not take {options}: it scores energy maps")
    if args.average == "micro":
        raise ValueError("--average must be 'pairs' or 'macro' for dcase2026, got 'micro'")
    files = match_files(args.reference, args.prediction, suffix=".json", endings=ENDINGS)
    chosen = choose_files(files, missing=args.missing, extra=args.extra)
    if args.jackknife and len(chosen) < 2:
        raise ValueError(f"--jackknife leaves out a clip: at least 2 clips, got {len(chosen)}")
    names = read_names(args.classes) if args.classes else STARSS_CLASSES
    num_classes = args.num_classes
    if num_classes is None:
        num_classes = len(names) if args.classes else NUM_CLASSES
    metrics = DenseMapMetrics(
        PROTOCOL,
        num_classes,
        average=args.average or "pairs",
        counting=args.counting or "published",
        angle_threshold_deg=20.0 if args.angle_threshold_deg is None else args.angle_threshold_deg,
    )
    for clip in chosen:
        metrics.update(_read(clip.prediction, num_classes), _read(clip.reference, num_classes))
    tables = _tables(args, metrics, names)
    described = {
        "protocol": PROTOCOL,
        "average": metrics.average,
        **metrics.settings._asdict(),
        "num_classes": num_classes,
        "num_clips": metrics.num_clips,
    }
    words = " ".join(f"{name}={value}" for name, value in described.items())
    if args.json != "-":
        sys.stdout.write(f"{fill(words, 79)}\n\n{as_text(tables)}")
    if args.json:
        write_json(args.json, as_json(described, tables))
    return 0


def _read(path: Path | None, num_classes: int) -> EnergyMaps:
    """Return the maps of a file, none where there is no file."""
    if path is None:
        return EnergyMaps([], [], [], [], [], [])
    return read_maps(path, num_classes=num_classes)


def _tables(
    args: argparse.Namespace, metrics: DenseMapMetrics, names: Sequence[str]
) -> Mapping[str, Table]:
    scores = metrics.compute()
    tables: dict[str, Table] = {"clips": {"all": scores.as_dict()}}
    if args.jackknife:
        tables["jackknife"] = jackknife_table(metrics)
    if args.by_class:
        known = names if len(names) == metrics.num_classes else range(metrics.num_classes)
        tables["class"] = {
            str(name): {
                published: float(scores.per_class[ours][label])
                for published, ours in scores.published_names.items()
            }
            for label, name in enumerate(known)
        }
    return tables
