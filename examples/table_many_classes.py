"""Aggregated losses beside plain track-wise ones, with many classes: PSELDNets' table.

Trains reduced networks on scenes of 24 classes, which are the built-in sounds at three speeds, at
most two at once: one encoder that ends in ACCDOA, multi-ACCDOA or tracks (SEDDOA), and two stitched
ones (EINV2), whose tracks are trained by permutations alone, or through the product of activity and
direction, by permutations (AGG1) or as sums of all tracks (AGG2). See `tables.py`; takes an hour on
two processor cores, `--quick` a minute. Writes to `runs/tables/many_classes` (or `--out DIR`).
"""

import argparse
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

import seldkit as sk
from seldkit.features import presets
from system import System
from tables import Row, Scores, fill, fit_row, read_table_options, scenes_of

WIDTHS, POOL_FREQ = (16, 32, 64, 128), (4, 4, 2, 1)
SCENES: dict[str, Any] = {"max_polyphony": 2, "snr_db": (20.0, 30.0)}
PRIOR = 0.02  # of activities in cross-entropy: a product with a direction must not start so low
SPEEDS = {"slow": 0.4, "plain": 1.0, "quick": 2.5}


class Sounds:
    """The built-in sounds at three speeds, each of which is a class."""

    kinds = sk.synth.BuiltinSounds()
    classes = tuple(f"{speed} {kind}" for kind, speed in product(kinds.classes, SPEEDS))

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a sound of a class, of at most four seconds."""
        kind, speed = divmod(label, len(SPEEDS))
        sound = self.kinds.draw(kind, generator, sample_rate)
        place = np.arange(0, len(sound), list(SPEEDS.values())[speed])[: 4 * sample_rate]
        spread: NDArray[np.float64] = np.interp(place, np.arange(len(sound)), sound)
        return spread.astype(np.float32)

    def __repr__(self) -> str:
        return "Sounds()"


def one_encoder(num_classes: int, format: Any, *, rare: bool = False) -> nn.Module:
    """Return a network of one encoder and two tracks, in a format."""
    encoder = sk.backbones.crnn(
        widths=WIDTHS, pool_time=(2, 2, 1, 1), pool_freq=POOL_FREQ, temporal="gru", dropout=0.0
    )
    network = sk.models.encoder_seld(encoder, num_classes, 2, format=format, frames_per_label=4)
    if rare:
        sk.heads.set_prior(cast(nn.Module, network.activity), PRIOR)
    return network


def einv2(num_classes: int, *, rare: bool = False) -> nn.Module:
    """Return a network of two stitched branches and two tracks."""
    network = sk.models.einv2(
        num_classes, widths=WIDTHS, pool_freq=POOL_FREQ, temporal="gru", sed_channels=7, dropout=0.0
    )
    if rare:
        sk.heads.set_prior(cast(nn.Module, network.head.activity), PRIOR)
    return network


def system(network: Callable[[int], nn.Module], format: Any, loss: Callable[..., Any]) -> System:
    """Return a system on the features of EIN-SELD."""
    features = partial(presets.ein_seld, num_mels=64)
    return System(features, network, partial(format, overflow="drop"), loss)


def tracks(network: Callable[[int], nn.Module], loss: Callable[..., Any]) -> System:
    """Return a system of two tracks."""
    return system(network, partial(sk.formats.TrackWise, num_tracks=2), loss)


ENCODER = {name: partial(one_encoder, format=name) for name in ("accdoa", "multi_accdoa")}
SEDDOA = partial(one_encoder, format="track_wise")
MULTI_ACCDOA = partial(sk.formats.MultiACCDOA, num_tracks=2)
TPIT, AGG1, AGG2 = (
    sk.losses.trackwise_pit_loss,
    sk.losses.aggregated_pit_loss,
    sk.losses.aggregated_sum_loss,
)
ROWS = {  # and the SELD score of the paper, of 170 classes and other networks
    "ACCDOA": Row(system(ENCODER["accdoa"], sk.formats.ACCDOA, sk.losses.accdoa_loss), ".572"),
    "multi-ACCDOA": Row(
        system(ENCODER["multi_accdoa"], MULTI_ACCDOA, sk.losses.adpit_loss), ".569"
    ),
    "SEDDOA": Row(tracks(partial(SEDDOA, rare=True), TPIT), ".647"),
    "SEDDOA, AGG1": Row(tracks(SEDDOA, AGG1), ".531"),
    "SEDDOA, AGG2": Row(tracks(SEDDOA, AGG2), ".560"),
    "EINV2": Row(tracks(partial(einv2, rare=True), TPIT), ".601"),
    "EINV2, AGG1": Row(tracks(einv2, AGG1), ".514"),
    "EINV2, AGG2": Row(tracks(einv2, AGG2)),
}


def scenes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the scenes: of built-in sounds, unless there are recordings."""
    return SCENES if args.sounds is not None else SCENES | {"sounds": Sounds()}


def fit(name: str, args: argparse.Namespace, folder: Path) -> Scores:
    """Train a row and return its scores."""
    return fit_row(ROWS[name], args, folder, **scenes(args))


def main() -> None:
    """Fill the table."""
    args = read_table_options(__doc__, "many_classes", epochs=20)
    scenes_of(args, **scenes(args))
    fill(args, {name: row.published for name, row in ROWS.items()}, fit)


if __name__ == "__main__":
    main()
