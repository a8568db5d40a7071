"""Train EINV2 on made scenes; find events in scenes whose sounds and rooms it never heard.

Makes labelled scenes of the built-in sounds (or of your recordings: `--sounds DIR`), trains, writes
the events that it finds in the test scenes as DCASE files, scores them, and saves the trained
pipeline and a picture. Takes under ten minutes on two processor cores (`--quick` one); run it
again, with the same arguments, to go on after the last epoch that was finished: on the same
processor the result is, bit for bit, that of a run that was never stopped. Everything is written to
`runs/einv2` (or `--out DIR`):

    scenes/       audio and labels, made once     checkpoint.safetensors  the state of training
    predictions/  events found, as CSV files      pipeline/               the trained system
    scores.json   before and after training       scene.png               a test scene as a picture
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from seldkit import Pipeline, SELDOutput, data, features, formats, io, losses, models, plot, synth
from stages import (
    Clips,
    choose_sounds,
    has_bfloat16,
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

CHUNK_S = 4.0  # length of the training chunks, and of the windows in which long audio is read
FOLDS = {"train": ("1", "2", "3", "5"), "test": ("4",)}  # recordings of fold 4 are held out
SIZES = {
    "quick": {"minutes": 1.0, "test_minutes": 0.5, "epochs": 2},
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
    args = read_options(
        __doc__,
        SIZES,
        out=Path("runs/einv2"),
        **dict.fromkeys(("sounds", "minutes", "test_minutes", "epochs")),
        moving=0.0,
        batch_size=16,
        lr=1e-3,
        accelerator="auto",
        precision="bf16-mixed" if has_bfloat16() else "32-true",
        seed=0,
    )
    fabric = Fabric(accelerator=args.accelerator, devices=1, precision=args.precision)
    fabric.seed_everything(args.seed)
    clips: dict[str, Clips] = {}
    minutes = {"train": args.minutes, "test": args.test_minutes}
    for seed, (part, folds) in enumerate(FOLDS.items(), start=args.seed):
        sounds = choose_sounds(args.sounds, folds)
        synthesizer = synth.SceneSynthesizer(
            sounds,
            duration_s=10.0,
            max_polyphony=2,
            moving=args.moving,
            distance_m=(1.0, 3.0),
            snr_db=(20.0, 30.0),
            label_range_db=20.0,
        )
        clips[part] = make_clips(synthesizer, args.out / "scenes" / part, minutes[part], seed)
    print("classes:", ", ".join(sounds.classes))

    pipeline = build_pipeline(args.size, sounds.classes)
    extractor, network = pipeline.extractor, pipeline.model
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
    chunks = data.read_chunks(
        tqdm(clips["train"], "features"),
        formats.TrackWise(len(sounds.classes), num_tracks=2),
        extractor=extractor,
        chunk_s=CHUNK_S,
        hop_s=1.0,
    )
    standardize = features.Standardize(extractor.num_channels, extractor.num_bins)
    pipeline.standardize = standardize.fit(clip.unsqueeze(0) for clip in chunks.features)
    pipeline.to(fabric.device)

    def step(
        model: nn.Module, heard: Tensor, target: SELDOutput
    ) -> tuple[Tensor, dict[str, Tensor]]:
        heard, target = turn(extractor, heard, target)
        return compute_losses(model, standardize(heard), target)

    scores = {"untrained": evaluate(pipeline, clips["test"], args.out / "predictions")}
    batches = load(chunks, args.batch_size)
    optimizer = build_optimizer(network, args.lr)
    run = train(
        fabric,
        network,
        optimizer,
        one_cycle(optimizer, args.lr, args.epochs * len(batches)),
        batches,
        step,
        epochs=args.epochs,
        checkpoint=args.out / "checkpoint.safetensors",
        settings=settings_of(args, "size", "minutes", "epochs", "batch_size", "lr"),
        seed=args.seed,
    )
    for values in run:
        print(show(values), flush=True)
    scores["trained"] = evaluate(pipeline, clips["test"], args.out / "predictions")
    for name, values in scores.items():
        print(f"{name:>9}: {show(values)}")
    (args.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
    pipeline.save(args.out / "pipeline")
    clip = clips["test"][0]
    found = pipeline.predict(clip.audio)
    figure = plot.plot_events(clip.events(), found, classes=pipeline.classes)
    figure.savefig(args.out / "scene.png", dpi=150)
    print(f"see {args.out}")


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
    found = [pipeline.predict(clip.audio) for clip in tqdm(clips, "predictions")]
    for clip, events in zip(clips, found, strict=True):
        io.write_events(folder / f"{clip.name}.csv", events, format="dcase2023", kind="output")
    return score(found, clips, len(pipeline.classes or ()))


if __name__ == "__main__":
    main()
