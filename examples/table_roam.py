"""ROAM's tables: attention modules and the weighting of losses.

Trains reduced networks that differ in one thing each, on scenes of at most three events at once, no
farther than 2 m, whose positions are sought: blocks of two convolutions, of max feature maps, of
triplet attention, of both in two orders; and the two losses weighed by their scale or by fixed
numbers. F is counted as L3DAS22 does, nearer than 2 m, 1 m and 0.5 m. See `tables.py`; takes two
hours on two processor cores, `--quick` a minute. Writes to `runs/tables/roam` (or `--out DIR`).
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

import seldkit as sk
from seldkit.features import presets
from seldkit.losses import FixedWeights, LossScaleBalancer
from system import System
from tables import Column, Row, Scores, fill, fit_row, read_table_options, scenes_of

NETWORK: dict[str, Any] = {
    "widths": (16, 32, 64, 64),
    "pool_time": (2, 2, 1, 1),
    "pool_freq": (4, 4, 2, 2),
    "feedforward": 128,
    "dropout": 0.1,
}
SCENES: dict[str, Any] = {
    "max_polyphony": 3,
    "same_class_overlap": True,
    "distance_m": (0.5, 2.0),
    "snr_db": (15.0, 30.0),
}


def by_distance(num_classes: int, gate_m: float) -> sk.metrics.SELDMetrics:
    """Return the scores of L3DAS22, whose hits are nearer than a gate."""
    return sk.metrics.SELDMetrics("l3das22", num_classes, distance_threshold_m=gate_m)


COLUMNS = {
    f"F within {gate_m:g} m": Column(partial(by_distance, gate_m=gate_m), "f_score")
    for gate_m in (1.0, 2.0, 0.5)
}


def network(num_classes: int, **arguments: Any) -> nn.Module:
    """Return a ROAM network of three tracks."""
    return sk.models.roam(num_classes, 3, **NETWORK, **arguments)


def row(balance: Any, published: str, **arguments: Any) -> Row:
    """Return a row, with the weighting of its losses and its F in the paper."""
    system = System(
        partial(presets.ein_seld, num_mels=64),
        partial(network, **arguments),
        partial(sk.formats.TrackWise, num_tracks=3, positions_m=2.0, overflow="drop"),
        sk.losses.trackwise_pit_loss,
    )
    return Row(system, published, balance)


ROWS = {
    "convolutions": row(LossScaleBalancer, "62.5", attention="none"),
    "max feature maps": row(LossScaleBalancer, "64.4", attention="mfm"),
    "triplet attention": row(LossScaleBalancer, "63.3", attention="ctam"),
    "attentive max feature maps": row(LossScaleBalancer, "64.2", attention="attentive_mfm"),
    "ROAM": row(LossScaleBalancer, "64.6"),
    "ROAM, SED 0.8, DOA 0.4": row(partial(FixedWeights, sed=0.8, doa=0.4), "64.4"),
    "ROAM, SED 0.5, DOA 0.5": row(partial(FixedWeights, sed=0.5, doa=0.5), "63.3"),
    "ROAM, SED 1, DOA 1": row(partial(FixedWeights, sed=1.0, doa=1.0), "62.2"),
}


def fit(name: str, args: argparse.Namespace, folder: Path) -> Scores:
    """Train a row and return its scores."""
    return fit_row(ROWS[name], args, folder, COLUMNS, **SCENES)


def main() -> None:
    """Fill the table."""
    args = read_table_options(__doc__, "roam")
    scenes_of(args, **SCENES)
    fill(args, {name: row.published for name, row in ROWS.items()}, fit)


if __name__ == "__main__":
    main()
