"""Localise, separate and classify sounds by blocks that are trained in overlapping pairs.

Mixes two sounds from different directions as eight microphones on a circle hear them. Trains as
the paper does: SSL, SSS and SSC alone; then the pairs SSL+SSS and SSS+SSC; then all of them, the
separators of both pairs joined by a gate. Prints the table of the paper for these mixtures: how
often the class of the louder sound is found, if the blocks were trained apart, two of them
together, or overlapping. Takes ten to twenty minutes on two processor cores, `--quick` one or two;
writes nothing.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from seldkit import arrays, features, models, synth
from stages import choose_sounds

COMPRESSION = 0.3  # exponent of the magnitudes, so that quiet bins count, too
SIZES = {  # length and number of mixtures to train on, number to test on, widths of the blocks
    "quick": (1.024, 240, 200, (16, 32), (8, 16, 32)),
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
    """Run the six trainings and print the table."""
    args = parse_arguments()
    torch.manual_seed(args.seed)
    # Recordings of the test fold are never heard in training; built-in sounds are always new.
    train_sounds = choose_sounds(args.sounds, ("1", "2", "3", "5"))
    print("classes:", ", ".join(train_sounds.classes))
    train_set = mix(train_sounds, args, args.mixtures, args.seed)
    test_set = mix(choose_sounds(args.sounds, ("4",)), args, args.tests, args.seed + 1)
    trained: dict[str, nn.Module] = {}

    def build(parts: Any, weights: Weights) -> nn.Module:
        model = models.overlapping_e2e(
            len(train_sounds.classes),
            parts=parts,
            compression=COMPRESSION,
            widths=args.widths,
            unet_widths=args.unet_widths,
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
        before, _ = evaluate(model, test_set)
        train(model, train_set, epochs=3 if weights else 8)
        print(
            f"{parts:>12}: test loss {before:.4f} before, {evaluate(model, test_set)[0]:.4f} after"
        )
    print(f"\n{'trained together':<18}{'accuracy in %':>14}{'in the paper':>14}")
    for name, (parts, weights, published) in TABLE.items():
        _, accuracy = evaluate(build(parts, weights), test_set)
        print(f"{name:<18}{100 * accuracy:>14.1f}{published:>14.1f}")


def mix(sounds: synth.Sounds, args: argparse.Namespace, count: int, seed: int) -> TensorDataset:
    """Return features of mixtures; direction, spectrogram and class of the louder sound."""
    array = arrays.ArrayGeometry.circle(8, radius_m=0.05)
    maker = synth.ArrayMixtures(array, sounds, duration_s=args.duration_s, sample_rate=8000)
    extractor = features.presets.overlapping_e2e(sample_rate=8000, n_fft=256)
    rows = []
    for index in tqdm(range(count), "mixtures"):
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


def train(model: nn.Module, mixtures: TensorDataset, *, epochs: int) -> None:
    """Train all blocks of a network on the loss at its end, as the paper does."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for epoch in range(epochs):
        batches = DataLoader(mixtures, batch_size=16, shuffle=True)
        for batch in tqdm(batches, f"epoch {epoch + 1} of {epochs}", leave=False):
            _, loss = run(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.inference_mode()
def evaluate(model: nn.Module, mixtures: TensorDataset) -> tuple[float, float]:
    """Return the loss, and the share of mixtures whose class is found (nan if none is sought)."""
    model.eval()
    losses, found = [], []
    for batch in DataLoader(mixtures, batch_size=16):
        output, loss = run(model, batch)
        losses.append(loss * len(batch[0]))
        if output.logits is not None:
            found.append(output.logits.argmax(dim=1) == batch[3])
    share = torch.cat(found).double().mean() if found else torch.tensor(torch.nan)
    return float(torch.stack(losses).sum()) / len(mixtures), float(share)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sounds", type=Path, help="folder of recordings, see synth.FolderSounds")
    parser.add_argument("--size", choices=list(SIZES), default="small")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = ("duration_s", "mixtures", "tests", "widths", "unet_widths")
    vars(args).update(zip(names, SIZES[args.size], strict=True))
    return args


if __name__ == "__main__":
    main()
