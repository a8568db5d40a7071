"""Train the system in the box: everyday sounds and their directions, in any room, as a stream.

Makes ten hours of scenes of recordings (`--sounds DIR`, see `everyday.py`; without it those of the
built-in sounds) in many rooms, trains a small network that never looks ahead, chooses the threshold
on validation scenes, whose recordings and rooms it has not heard, and saves the pipeline. Takes
an hour and a half on two processor cores, one process on each, and half a minute with `--quick`:

    torchrun --nproc_per_node 2 examples/train_everyday.py --sounds DIR

Run it again, with the same arguments, to go on where it was stopped. Everything is written to
`runs/everyday` (or `--out DIR`):

    scenes/    audio and labels, made once         best.safetensors        the best average
    sounds/    what each recording is for          checkpoint.safetensors  the state of training
    log.csv    losses and scores of each epoch     everyday12/             the trained system
    features.npy  of all scenes, computed once

`score_everyday.py` scores it on recordings of the held-out fold.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import everyday
from loop import load, open_fabric, train
from seldkit import (
    Pipeline,
    SELDOutput,
    augment,
    calibration,
    data,
    features,
    formats,
    losses,
    models,
    postprocess,
)
from stages import (
    TRAINING,
    Clips,
    bar,
    has_bfloat16,
    one_cycle,
    read_options,
    score,
    settings_of,
    show,
    turn,
)

CHUNK_FRAMES, RATIO = 50, 4  # label frames of a chunk, feature frames of a label frame
SECOND = 10  # label frames whose mean is the direction that is told
SIZES = {
    "quick": {"minutes": 1 / 3, "test_minutes": 1 / 6, "epochs": 1, "batch_size": 4},
    "small": {"minutes": 310.0, "test_minutes": 20.0, "epochs": 20},
}
NETWORKS: dict[str, dict[str, Any]] = {
    "quick": {"widths": (8, 16), "pool_time": (1, 4), "pool_freq": (4, 4), "rnn_channels": 16},
    "small": {"pool_time": (1, 4, 1, 1), "dropout": 0.2},
}


def main() -> None:
    """Run the stages one after the other."""
    defaults = dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs"))
    own = {"out": Path("runs/everyday"), "lr": 1e-3, "save_every": 100}
    precision = {"precision": "bf16-mixed" if has_bfloat16() else "32-true"}
    args = read_options(__doc__, SIZES, {**defaults, **TRAINING, **own, **precision})
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed)
    with fabric.rank_zero_first():
        parts = {"train": (args.minutes, 0), "validation": (args.test_minutes, 100)}
        clips, validation = (
            everyday.make(part, minutes, seed=args.seed + first, sounds=args.sounds, out=args.out)
            for part, (minutes, first) in parts.items()
        )
    classes = everyday.classes_of(args.sounds, args.out)
    extractor = features.presets.ein_seld(num_mels=64)
    network = models.causal_crnn(len(classes), format="class_wise", **NETWORKS[args.size])
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolves faster
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)
    fabric.print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
    format = formats.ClassWise(len(classes))
    with fabric.rank_zero_first():
        held = everyday.features_of(clips, extractor, args.out / "features.npy")
    targets = [
        format.encode(clip.events(), held.shape[2] // RATIO) for clip in bar(clips, "labels")
    ]
    chunks = data.Chunks(list(held), targets, chunk_frames=CHUNK_FRAMES, ratio=RATIO)
    standardize = features.Standardize(extractor.num_channels, extractor.num_bins)
    standardize.fit(clip.unsqueeze(0).float() for clip in chunks.features[::10])
    extractor.to(fabric.device)
    standardize.to(fabric.device)

    def pipeline_of(model: nn.Module, threshold: float = 0.5) -> Pipeline:
        return Pipeline(
            extractor,
            model,
            formats.ClassWise(len(classes), threshold=threshold),
            standardize=standardize,
            postprocess=postprocess.SmoothTracks(SECOND, threshold=threshold, causal=True),
            window_s=None,
            classes=classes,
        )

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        heard, target = augmented(extractor, batch[0].float(), batch[1])
        loss = losses.class_wise_loss(model(standardize(heard)), target)
        return loss.sed + loss.doa, loss._asdict()

    def evaluate() -> dict[str, float]:
        pipeline = pipeline_of(average.module)
        found = data.map_over_processes(lambda clip: pipeline.predict(clip.audio), validation)
        return score(found, validation, len(classes))

    batches = load(fabric, args, chunks, chunks.collate)
    optimizer = torch.optim.AdamW(network.parameters(), args.lr, weight_decay=0.05, fused=True)
    for values in train(
        fabric,
        args,
        network,
        optimizer,
        one_cycle(optimizer, args, batches),
        batches,
        step,
        average=average,
        folder=args.out,
        settings=settings_of(args, "minutes", "lr"),
        evaluate=evaluate,
        watch="F20 frame-wise",
    ):
        fabric.print(show(values), flush=True)
    if fabric.is_global_zero:
        threshold = choose_threshold(pipeline_of(network).cpu(), validation)
        fabric.print(f"threshold {threshold:.2f}")
        pipeline_of(network.half(), threshold).save(args.out / "everyday12")
        fabric.print(f"see {args.out}")


def augmented(
    extractor: features.FeatureExtractor, heard: Tensor, target: SELDOutput
) -> tuple[Tensor, SELDOutput]:
    """Return chunks turned, through random filters, and with parts that cannot be heard."""
    heard, target = turn(extractor, heard, target)
    heard, _ = augment.spec_augment(heard, target, extractor=extractor, p=0.5)
    heard, _ = augment.cutout(heard, target, num=8, max_time=20, extractor=extractor, p=0.5)
    return heard, target


def choose_threshold(pipeline: Pipeline, clips: Clips) -> float:
    """Return the threshold with the best F20, frame by frame."""
    outputs: list[Any] = [pipeline.scan(clip.audio) for clip in clips]
    num_classes = len(pipeline.classes or ())

    def f20(threshold: Tensor) -> float:
        format = formats.ClassWise(num_classes, threshold=float(threshold))
        found = (format.decode(output) for output in outputs)
        return score(found, clips, num_classes)["F20 frame-wise"]

    return float(calibration.search_thresholds(f20, torch.tensor(0.5)))


if __name__ == "__main__":
    main()
