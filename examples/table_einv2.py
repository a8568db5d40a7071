"""EINV2's tables: output formats, permutation training, attention, and how two tasks share.

Trains reduced networks that differ in one thing each, on scenes of at most two events at once,
which may be of one class: the class-wise format of SELDnet or two tracks; these without permutation
training, with one assignment for each event (cPIT) or each frame (tPIT); with attention in each
track or nothing; with branches apart, stitched, or one for both tasks. See `tables.py`; takes an
hour on two processor cores, `--quick` a minute. Writes to `runs/tables/einv2` (or `--out DIR`).
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

import seldkit as sk
from seldkit.features import presets
from system import System
from tables import Row, Scores, fill, fit_row, read_table_options, scenes_of

WIDTHS = (16, 32, 64, 128)
NETWORK: dict[str, Any] = {
    "widths": WIDTHS,
    "pool_freq": (4, 4, 2, 1),
    "feedforward": 256,
    "dropout": 0.0,
    "sed_channels": 7,
}
SCENES: dict[str, Any] = {"max_polyphony": 2, "same_class_overlap": True, "snr_db": (20.0, 30.0)}


class ClassWiseEnd(nn.Module):
    """Ends the only track of a network in the format of SELDnet."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.head = sk.heads.ClassWiseHead(WIDTHS[-1], num_classes)

    def forward(self, sed: Tensor, doa: Tensor) -> sk.SELDOutput:
        """Return activity and a direction for each class."""
        output: sk.SELDOutput = self.head(sed.squeeze(2), doa.squeeze(2))
        return output


def class_wise(num_classes: int, **arguments: Any) -> nn.Module:
    """Return the network with one track and the format of SELDnet."""
    network = sk.models.einv2(num_classes, 1, **arguments)
    network.head = ClassWiseEnd(num_classes)
    return network


def fixed_loss(preds: sk.SELDOutput, target: sk.SELDOutput) -> sk.losses.TaskLosses:
    """Return the losses of tracks as they stand: no permutation is tried."""
    sed = functional.binary_cross_entropy_with_logits(preds.activity, target.activity)
    return sk.losses.TaskLosses(sed, functional.mse_loss(preds.direction, target.direction))


def tracks(loss: Callable[..., Any], **arguments: Any) -> System:
    """Return a system of two tracks."""
    return System(
        partial(presets.ein_seld, num_mels=64),
        partial(sk.models.einv2, **NETWORK, **arguments),
        partial(sk.formats.TrackWise, overflow="drop"),
        loss,
    )


def classes(**arguments: Any) -> System:
    """Return a system of the class-wise format."""
    return System(
        partial(presets.ein_seld, num_mels=64),
        partial(class_wise, **NETWORK, **arguments),
        partial(sk.formats.ClassWise, overflow="drop"),
        sk.losses.class_wise_loss,
    )


TPIT = sk.losses.trackwise_pit_loss
CPIT = partial(TPIT, per="chunk")
ROWS = {
    "SELDnet format": Row(classes(), "SED F .839, DOA LE 17.2°"),
    "tracks, no PIT": Row(tracks(fixed_loss), ".795, 37.6°"),
    "tracks, cPIT": Row(tracks(CPIT), ".832, 12.6°"),
    "tracks, tPIT": Row(tracks(TPIT), ".838, 12.4°"),
    "SELDnet format, no attention": Row(classes(temporal="none")),
    "tracks, no PIT, no attention": Row(tracks(fixed_loss, temporal="none")),
    "tracks, cPIT, no attention": Row(tracks(CPIT, temporal="none")),
    "tracks, tPIT, no attention": Row(tracks(TPIT, temporal="none")),
    "tracks, tPIT, no sharing": Row(tracks(TPIT, sharing="none"), "better than hard"),
    "tracks, tPIT, hard sharing": Row(tracks(TPIT, sharing="hard"), "worst"),
    "tracks, tPIT, all stitched": Row(tracks(TPIT, stitch_tracks=True), "best: EINV2"),
}


def fit(row: str, args: argparse.Namespace, folder: Path) -> Scores:
    """Train a row and return its scores."""
    return fit_row(ROWS[row], args, folder, **SCENES)


def main() -> None:
    """Fill the table."""
    args = read_table_options(__doc__, "einv2")
    scenes_of(args, **SCENES)
    fill(args, {name: row.published for name, row in ROWS.items()}, fit)


if __name__ == "__main__":
    main()
