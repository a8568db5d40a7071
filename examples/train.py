"""Train a system on any data: the stages of every training, from audio to scores.

    python examples/train.py                  scenes made of built-in sounds
    python examples/train.py --sounds DIR     scenes made of your recordings, in class folders
    python examples/train.py --data DIR       STARSS22 or STARSS23: foa_dev and metadata_dev in DIR

`--system` chooses features, network, format and loss from the table SYSTEMS; a system of your own
is one more row. `train_einv2.py` imports the same stages and holds what differs in it. `--quick`
shows in a minute that all of it runs. Writes to `runs/SYSTEM` (or `--out DIR`) the scenes if they
are made, a checkpoint from which a stopped run goes on, and the trained system.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

import seldkit as sk
from seldkit.features import presets
from stages import (
    Clips,
    choose_sounds,
    load,
    make_clips,
    one_cycle,
    read_options,
    score,
    settings_of,
    show,
    train,
    turn,
)

CHUNK_S = 4.0
FOLDS = {"train": ("1", "2", "3", "5"), "test": ("4",)}  # recordings of fold 4 are held out
SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 1, "test_minutes": 0.5, "epochs": 2},
    "small": {"minutes": 60, "test_minutes": 6, "epochs": 8},
}


class System(NamedTuple):
    """What is trained; format and network are made for a number of classes."""

    features: Callable[[], sk.features.FeatureExtractor]
    network: Callable[[int], nn.Module]
    format: Callable[[int], Any]
    loss: Callable[[Any, Any], Any]


SYSTEMS = {
    "accdoa": System(
        presets.dcase2023_foa,
        partial(sk.models.seldnet, format="accdoa"),
        partial(sk.formats.ACCDOA, overflow="drop"),
        sk.losses.accdoa_loss,
    ),
    "seldnet": System(
        presets.dcase2023_foa,
        sk.models.seldnet,
        partial(sk.formats.MultiACCDOA, overflow="drop"),
        sk.losses.adpit_loss,
    ),
    "einv2": System(
        partial(presets.ein_seld, num_mels=64),
        partial(sk.models.einv2, widths=(16, 32, 64, 128)),
        partial(sk.formats.TrackWise, overflow="drop"),
        sk.losses.trackwise_pit_loss,
    ),
}


def main() -> None:
    """Run the stages one after the other."""
    args = read_options(
        __doc__,
        SIZES,
        {"system": list(SYSTEMS)},
        **dict.fromkeys(("sounds", "data", "out", "minutes", "test_minutes", "epochs")),
        batch_size=16,
        lr=1e-3,
        accelerator="auto",
        precision="32-true",
        seed=0,
    )
    out = args.out or Path("runs") / args.system
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=args.precision)
    fabric.seed_everything(args.seed)
    train_clips, test_clips, classes = read_clips(args, out)
    system, n = SYSTEMS[args.system], len(classes)
    extractor, network, format = system.features(), system.network(n), system.format(n)
    chunks = sk.data.read_chunks(
        tqdm(train_clips, "features"), format, extractor=extractor, chunk_s=CHUNK_S, hop_s=1.0
    )
    scaler = sk.features.Standardize(extractor.num_channels, extractor.num_bins)
    scaler.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline = sk.Pipeline(
        extractor, network, format, standardize=scaler, window_s=CHUNK_S, classes=classes
    ).to(fabric.device)

    def step(model: nn.Module, features: Tensor, target: Any) -> tuple[Tensor, dict[str, Tensor]]:
        features, target = turn(extractor, features, target)
        loss = system.loss(model(scaler(features)), target)
        losses = {"loss": loss} if isinstance(loss, Tensor) else loss._asdict()
        return torch.stack(list(losses.values())).sum(), losses

    batches = load(chunks, args.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), args.lr)
    run = train(
        fabric,
        network,
        optimizer,
        one_cycle(optimizer, args.lr, args.epochs * len(batches)),
        batches,
        step,
        epochs=args.epochs,
        checkpoint=out / "checkpoint.safetensors",
        settings=settings_of(args, "system", "size", "minutes", "epochs", "batch_size", "lr"),
        seed=args.seed,
    )
    for losses in run:
        print(show(losses), flush=True)
    pipeline.save(out / "pipeline")
    found = [pipeline.predict(clip.audio) for clip in tqdm(test_clips, "predictions")]
    print(show(score(found, test_clips, n)))


def read_clips(args: argparse.Namespace, out: Path) -> tuple[Clips, Clips, tuple[str, ...]]:
    """Return clips to train and to test on, which share no sound and no room, and the classes."""
    if args.data is not None:
        corpus = sk.data.read_corpus(args.data, "starss23", split="development")
        return corpus.train, corpus.test, corpus.classes
    minutes = {"train": args.minutes, "test": args.test_minutes}
    clips = []
    for seed, (part, folds) in enumerate(FOLDS.items(), start=args.seed):
        sounds = choose_sounds(args.sounds, folds)
        synthesizer = sk.synth.SceneSynthesizer(sounds, distance_m=(1.0, 3.0), label_range_db=20.0)
        clips.append(make_clips(synthesizer, out / "scenes" / part, minutes[part], seed))
    return clips[0], clips[1], tuple(sounds.classes)


if __name__ == "__main__":
    main()
