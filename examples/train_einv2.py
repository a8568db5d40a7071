"""Train EINV2 on made scenes; find events in scenes whose sounds and rooms it never heard.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`), trains, writes
the events that it finds in the test scenes as DCASE files, scores them, and saves the trained
pipeline and a picture. Takes under ten minutes on two processor cores, `--quick` some seconds. Run
it again, with the same arguments, to go on after the last epoch that was finished, or the last step
that was saved (`--save-every STEPS`): on the same processor the result is, bit for bit, that of a
run that was never stopped. Everything is written to `runs/einv2` (or `--out DIR`):

    scenes/       audio and labels, made once     checkpoint.safetensors  the state of training
    predictions/  events found, as CSV files      pipeline/               the trained system
    scores.json   before and after training       scene.png               a test scene as a picture
    log.csv       losses of each epoch
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from loop import load, open_fabric, train
from seldkit import (
    Events,
    Pipeline,
    SELDOutput,
    data,
    features,
    formats,
    io,
    losses,
    models,
    plot,
)
from stages import (
    TRAINING,
    Clips,
    bar,
    has_bfloat16,
    make_scenes,
    one_cycle,
    read_options,
    score,
    settings_of,
    show,
    turn,
    write_scores,
)

CHUNK_S = 4.0  # length of the training chunks, and of the windows in which long audio is read
SIZES = {
    "quick": {"minutes": 1 / 3, "test_minutes": 1 / 6, "epochs": 2, "batch_size": 7},
    "small": {"minutes": 60.0, "test_minutes": 6.0, "epochs": 8},
    "full": {"minutes": 60.0, "test_minutes": 6.0, "epochs": 8},
}
# What the SED branch hears and the stitches behind the encoders help a class and its direction to
# meet on one track where two events overlap.
REDUCED: dict[str, Any] = {"sed_channels": 7, "dropout": 0.0, "stitch_tracks": True}
NETWORKS: dict[str, dict[str, Any]] = {
    "quick": REDUCED | {"widths": (8, 16, 16, 32), "pool_freq": (4, 4, 2, 1), "feedforward": 32},
    "small": REDUCED
    | {"widths": (32, 64, 128, 256), "pool_freq": (4, 2, 2, 1), "feedforward": 256},
    "full": {},  # as published
}


def main() -> None:
    """Run the stages one after the other."""
    defaults = dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs"))
    precision = "bf16-mixed" if has_bfloat16() else "32-true"
    own = {"out": Path("runs/einv2"), "moving": 0.0, "lr": 1e-3, "precision": precision}
    args = read_options(__doc__, SIZES, {**defaults, **TRAINING, **own})
    fabric = open_fabric(args)
    fabric.seed_everything(args.seed)
    with fabric.rank_zero_first():
        train_clips, test_clips = make_scenes(
            args.out / "scenes",
            {"train": args.minutes, "test": args.test_minutes},
            sounds=args.sounds,
            seed=args.seed,
            max_polyphony=2,
            moving=args.moving,
            distance_m=(1.0, 3.0),
            snr_db=(20.0, 30.0),
            label_range_db=20.0,
        )
    classes = train_clips.classes
    fabric.print("classes:", ", ".join(classes))

    pipeline = build_pipeline(args.size, classes)
    extractor, network = pipeline.extractor, pipeline.model
    fabric.print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
    chunks = data.read_chunks(
        bar(train_clips, "features"),
        formats.TrackWise(len(classes), num_tracks=2),
        extractor=extractor,
        chunk_s=CHUNK_S,
        hop_s=1.0,
    )
    standardize = features.Standardize(extractor.num_channels, extractor.num_bins)
    pipeline.standardize = standardize.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline.to(fabric.device)

    def step(model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        heard, target = turn(extractor, *batch)
        return compute_losses(model, standardize(heard), target)

    scores = {"untrained": evaluate(pipeline, test_clips, args.out / "predictions")}
    batches = load(fabric, args, chunks, chunks.collate)
    optimizer = build_optimizer(network, args.lr)
    schedule = one_cycle(optimizer, args, batches)
    settings = settings_of(args, "minutes", "lr")
    for values in train(
        fabric,
        args,
        network,
        optimizer,
        schedule,
        batches,
        step,
        folder=args.out,
        settings=settings,
    ):
        fabric.print(show(values), flush=True)
    scores["trained"] = evaluate(pipeline, test_clips, args.out / "predictions")
    if fabric.is_global_zero:
        pipeline.save(args.out / "pipeline")
        clip = test_clips[0]
        found = pipeline.predict(clip.audio)
        figure = plot.plot_events(clip.events(), found, classes=classes)
        figure.savefig(args.out / "scene.png", dpi=150)
        write_scores(scores, args.out)


def build_pipeline(size: str, classes: Sequence[str]) -> Pipeline:
    """Return an untrained system: the published one, or a smaller one that trains in minutes."""
    extractor = features.presets.ein_seld(num_mels=256 if size == "full" else 64)
    model = models.einv2(len(classes), **NETWORKS[size])
    # Channels last convolve faster; torch's stubs do not know the argument.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    # What the network is not sure of is often in the wrong place, too.
    format = formats.TrackWise(len(classes), num_tracks=2, threshold=0.65)
    return Pipeline(extractor, model, format, window_s=CHUNK_S, classes=classes)


def build_optimizer(network: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Return the optimizer."""
    return torch.optim.AdamW(network.parameters(), lr, weight_decay=0.01, fused=True)


def compute_losses(
    model: nn.Module, clip: Tensor, target: SELDOutput
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the sum of the losses, and each."""
    # Flash attention, whose gradients in bfloat16 are slow on a CPU, is left out.
    with sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]):
        output = model(clip)
    loss = losses.trackwise_pit_loss(output, target)
    return loss.sed + loss.doa, loss._asdict()


def evaluate(pipeline: Pipeline, clips: Clips, folder: Path) -> dict[str, float]:
    """Write the events found in the clips and return their scores."""
    folder.mkdir(parents=True, exist_ok=True)

    def find(clip: data.Clip) -> Events:
        events = pipeline.predict(clip.audio)
        io.write_events(folder / f"{clip.name}.csv", events, format="dcase2023", kind="output")
        return events

    return score(data.map_over_processes(find, clips), clips, len(pipeline.classes or ()))


if __name__ == "__main__":
    main()
