"""Localise, separate and classify sounds by blocks that are trained in overlapping pairs.

Mixes two sounds from different directions as eight microphones on a circle hear them. Trains as
the paper does: SSL, SSS and SSC alone; then the pairs SSL+SSS and SSS+SSC; then all of them, the
separators of both pairs joined by a gate. Prints the table of the paper for these mixtures: how
often the class of the louder sound is found, if the blocks were trained apart, two of them
together, or overlapping. With three seeds, one core each (see `tables.py`), it takes half an hour
on two processor cores, `--size short` some minutes, `--quick` some seconds, which show no more than
that it runs. Writes scores to `runs/overlapping` (or `--out DIR`).
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from loop import load, open_fabric, train
from seldkit import arrays, features, models, synth
from stages import FOLDS, TRAINING, bar, choose_sounds, read_options, settings_of
from tables import Scores, as_markdown, read_scores, run_all

COMPRESSION = 0.3  # exponent of the magnitudes, so that quiet bins count, too
SIZES = {  # length and number of mixtures to train on, number to test on, widths of the blocks
    "quick": (1.024, 16, 16, (4, 8), (4, 8)),
    "short": (1.024, 240, 200, (16, 32), (8, 16, 32)),
    "small": (2.048, 1200, 400, (16, 32, 64), (8, 16, 32, 64)),
}
SSL, SSC = {"ssl.": "ssl."}, {"ssc.": "ssc."}
A, B, A_TO_B, B_TO_A = ({f"sss.{x}.": f"sss.{y}."} for x, y in ("aa", "bb", "ab", "ba"))

# Whose weights a network begins with, and under which names.
Weights = Mapping[str, Mapping[str, str]]
TRAININGS: dict[Any, Weights] = {
    "ssl": {},
    "sss": {},
    "ssc": {},
    "ssl+sss": {"ssl": SSL, "sss": A},
    "sss+ssc": {"sss": A_TO_B, "ssc": SSC},
    "overlapping": {"ssl+sss": SSL | A, "sss+ssc": B | SSC},
}
TABLE: dict[str, tuple[Any, Weights, float]] = {  # and the accuracy in the paper
    "SSL, SSS, SSC": ("cascade", {"ssl": SSL, "sss": A, "ssc": SSC}, 69.7),
    "SSL+SSS, SSC": ("cascade", {"ssl+sss": SSL | A, "ssc": SSC}, 71.3),
    "SSL, SSS+SSC": ("cascade", {"ssl": SSL, "sss+ssc": B_TO_A | SSC}, 71.0),
    "overlapping": ("overlapping", {"overlapping": {"": ""}}, 73.0),
}


def main() -> None:
    """Run the six trainings with each seed and print the table."""
    own = {"sounds": None, "lr": 1e-3, "out": Path("runs/overlapping"), "seed": [0, 1, 2]}
    own["processes"] = os.cpu_count() or 1
    args = read_options(__doc__, {size: {} for size in SIZES}, {**TRAINING, **own})
    run_all(args, [args.size], fit)
    runs = [read_scores(args, args.size, seed) for seed in args.seed]
    scores = {row: [{"accuracy": run[row]} for run in runs] for row in TABLE}
    print(as_markdown(scores, {row: f"{published}" for row, (_, _, published) in TABLE.items()}))


def fit(size: str, args: argparse.Namespace, folder: Path) -> Scores:
    """Run the six trainings with a seed; return the accuracy of each row of the table."""
    args.duration_s, mixtures, tests, widths, unet_widths = SIZES[size]
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed, verbose=False)
    # Recordings of the test fold are never heard in training; built-in sounds are always new.
    train_sounds = choose_sounds(args.sounds, FOLDS["train"])
    train_set = mix(train_sounds, args, mixtures, args.seed)
    test_set = mix(choose_sounds(args.sounds, FOLDS["test"]), args, tests, args.seed + 1)
    trained: dict[str, nn.Module] = {}

    def build(parts: Any, weights: Weights) -> nn.Module:
        model = models.overlapping_e2e(
            len(train_sounds.classes),
            parts=parts,
            compression=COMPRESSION,
            widths=widths,
            unet_widths=unet_widths,
            grid_time=1,
            grid_freq=8,
        )
        state = model.state_dict()
        for name, prefixes in weights.items():
            state = models.transplant(state, trained[name].state_dict(), prefixes).state
        model.load_state_dict(state)
        return model

    for parts, weights in TRAININGS.items():
        model = trained[parts] = build(parts, weights)
        args.epochs = 3 if weights else 8
        train_blocks(fabric, args, model, train_set, folder / parts)
    return {
        row: evaluate(build(parts, weights), test_set) for row, (parts, weights, _) in TABLE.items()
    }


def mix(sounds: synth.Sounds, args: argparse.Namespace, count: int, seed: int) -> TensorDataset:
    """Return features of mixtures; direction, spectrogram and class of the louder sound."""
    array = arrays.ArrayGeometry.circle(8, radius_m=0.05)
    maker = synth.ArrayMixtures(array, sounds, duration_s=args.duration_s, sample_rate=8000)
    extractor = features.presets.overlapping_e2e(sample_rate=8000, n_fft=256)
    rows = []
    for index in bar(range(count), "mixtures"):
        mixture = maker.mixture(seed, index)
        both = extractor(torch.stack((mixture.waveform, mixture.target)))
        alone = models.reference_spectrogram(both, compression=COMPRESSION)[1]
        direction = functional.one_hot(torch.tensor(mixture.direction), 8).float()
        rows.append((both[0], direction, alone, torch.tensor(mixture.label)))
    return TensorDataset(*(torch.stack(column) for column in zip(*rows, strict=True)))


def run(model: nn.Module, batch: Sequence[Tensor]) -> tuple[models.OverlappingOutput, Tensor]:
    """Return the output and the loss at its end; what no block finds is given."""
    mixture, direction, spectrogram, label = batch
    output = model(
        mixture,
        direction=direction if model.ssl is None else None,
        spectrogram=None if model.sss else spectrogram,
    )
    *_, loss = models.overlapping_losses(
        output, direction=direction, spectrogram=spectrogram, label=label
    ).values()
    return output, loss


def train_blocks(
    fabric: Fabric,
    args: argparse.Namespace,
    model: nn.Module,
    mixtures: TensorDataset,
    folder: Path,
) -> None:
    """Train all blocks of a network on the loss at its end, as the paper does."""
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)

    def step(model: nn.Module, batch: Sequence[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        _, loss = run(model, batch)
        return loss, {"loss": loss}

    batches, settings = load(fabric, args, mixtures), settings_of(args, "lr")
    for _ in train(
        fabric,
        args,
        model,
        optimizer,
        schedule,
        batches,
        step,
        max_norm=None,
        folder=folder,
        settings=settings,
    ):
        pass


@torch.inference_mode()
def evaluate(model: nn.Module, mixtures: TensorDataset) -> float:
    """Return the share of mixtures whose class is found."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for batch in DataLoader(mixtures, batch_size=16):
        output, _ = run(model, batch := [x.to(device) for x in batch])
        found.append(cast(Tensor, output.logits).argmax(dim=1) == batch[3])
    return float(torch.cat(found).double().mean())


if __name__ == "__main__":
    main()
