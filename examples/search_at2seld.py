"""Search for the best AT2SELD in the stages of its report, on made scenes.

    front-end  what is read, and the blocks of the spatial encoder; without a tagger
    depth      of the spatial encoder, of the track encoder and of the smoothing
    stitches   where a frozen tagger takes part, and how much dropout

Each stage tries all combinations, stops those that fall behind the median, prints a ranking by the
SELD score on sounds and rooms that were not trained on (lower is better), and hands the best one to
the next stage. Several processes (`--processes N`) share the trials, which are kept on disk: run it
again to go on where it was stopped. Takes about a quarter of an hour on two processor cores, with
trainings so short that ranks next to each other mean little; `--quick` tries one of each and shows
in seconds that all of it runs. Everything is written to `runs/at2seld-search` (or `--out DIR`):

    scenes_SIZE/  audio and labels, made once     trials_SIZE.log  for optuna's own tools, too
    tagger_STEPS.safetensors  the tagger, if it had to learn
"""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import optuna
import torch
from lightning_fabric import Fabric
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import seldkit as sk
from stages import THREE_FOLDS, TRAINING, choose_sounds, read_options, score
from train_at2seld import (
    CHUNK_S,
    Recipe,
    Tagger,
    build_model,
    choose_threshold,
    load_tagger,
    read_chunks,
    read_scenes,
    scan,
    track_wise,
    train_system,
)

# What each stage chooses: names, and arguments of the preset and of the model.
Choices = dict[str, dict[str, dict[str, Any]]]
STAGES: dict[str, Choices] = {
    "front-end": {
        "features": {
            "intensity": {"phase": None},
            "phase and intensity": {"phase": "cosine_sine"},
            "phase and unit intensity": {"phase": "cosine_sine", "norm": "unit"},
        },
        "block": {
            "convolution": {"block": "convolution"},
            "residual": {"block": "residual"},
            "squeeze-excite": {"block": "residual", "attention": "squeeze_excite"},
        },
    },
    "depth": {
        "blocks": {str(count): {"blocks": count} for count in (3, 4, 2)},
        "track layers": {str(count): {"num_layers": count} for count in (1, 2)},
        "smoothing layers": {str(count): {"smoothing_layers": count} for count in (1, 2)},
    },
    "stitches": {
        "stitches": {
            "none": {"tagger": True},
            "late": {"tagger": True, "late_stitch": True},
            "early": {"tagger": True, "early_stitches": ["block3"]},
            "both": {"tagger": True, "late_stitch": True, "early_stitches": ["block3"]},
        },
        "dropout": {
            "weak": {"map_dropout": 0.1, "dropout": 0.1},
            "strong": {"map_dropout": 0.4, "dropout": 0.3},
        },
    },
}
BEFORE: dict[str, Any] = {  # what a later stage chooses
    "tagger": False,
    "late_stitch": False,
    "blocks": 3,
    **STAGES["stitches"]["dropout"]["weak"],
}


class Setup(NamedTuple):
    """What all trials have in common."""

    out: Path
    sounds: Path | None
    seed: int
    size: str
    minutes: float  # of scenes to train on; a third as many to rank by
    epochs: int
    widths: tuple[int, ...]
    channels: int
    naming_steps: int  # of a tagger, where no trained one is installed
    num_choices: int | None  # try only so many of each


SIZES: dict[str, tuple[Any, ...]] = {
    "quick": (0.5, 1, (4, 8, 8, 16), 32, 2, 1),
    "small": (8, 8, (16, 32, 64, 64), 64, 400, None),
}


def main() -> None:
    """Run the stages one after the other."""
    own = {"sounds": None, "out": Path("runs/at2seld-search"), "seed": 0}
    own["processes"] = os.cpu_count() or 1
    args = read_options(__doc__, {size: {} for size in SIZES}, own)
    if torch.distributed.is_torchelastic_launched():
        raise RuntimeError("its processes share the trials: say --processes, not torchrun")
    setup = Setup(args.out, args.sounds, args.seed, args.size, *SIZES[args.size])
    read_parts(setup)
    winner: dict[str, str] = {}
    threads = max((os.cpu_count() or 1) // args.processes, 1)
    with ProcessPoolExecutor(
        args.processes, get_context("spawn"), sk.data.begin_worker, (threads,)
    ) as pool:
        for stage in STAGES:
            study = open_study(setup, stage)
            waiting = queue_trials(study, STAGES[stage], setup.num_choices)
            print(f"\n{stage}: {waiting} trials to go", flush=True)
            list(pool.map(partial(run_trial, setup, stage, winner), range(waiting)))
            print_ranking(study)
            winner |= study.best_params
    print("\nthe winner:", ", ".join(f"{name}: {option}" for name, option in winner.items()))


def open_study(setup: Setup, stage: str) -> optuna.Study:
    """Return the trials of a stage, which are on disk."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Not SQLite, of which two processes at once may be given the same trial.
    journal = JournalFileBackend(str(setup.out / f"trials_{setup.size}.log"))
    return optuna.create_study(
        study_name=f"{stage}, seed {setup.seed}",
        storage=JournalStorage(journal),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=setup.epochs // 3),
        load_if_exists=True,
    )


def queue_trials(study: optuna.Study, choices: Choices, num_choices: int | None) -> int:
    """Queue what was not tried to its end yet, and return how many trials wait."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)  # the search was stopped in its midst
    kept = study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED, TrialState.WAITING])
    known = [trial.user_attrs["settings"] for trial in kept]
    for names in product(*(list(options)[:num_choices] for options in choices.values())):
        settings = dict(zip(choices, names, strict=True))
        if settings not in known:
            study.enqueue_trial(settings, user_attrs={"settings": settings})
    return len(study.get_trials(states=[TrialState.WAITING]))


def run_trial(setup: Setup, stage: str, winner: dict[str, str], number: int) -> None:
    """Take the next trial from the queue and run it."""

    def objective(trial: optuna.Trial) -> float:
        choices = STAGES[stage].items()
        own = {name: trial.suggest_categorical(name, list(options)) for name, options in choices}
        for epoch, seld_score in enumerate(seld_scores(setup, winner | own)):
            trial.report(seld_score, epoch)
            if epoch + 1 < setup.epochs and trial.should_prune():
                raise optuna.TrialPruned
        return seld_score

    open_study(setup, stage).optimize(objective, n_trials=1)


def seld_scores(setup: Setup, settings: dict[str, str]) -> Iterator[float]:
    """Train a network and give its SELD score after each epoch."""
    arguments = dict(BEFORE)
    for choices in STAGES.values():
        for name, options in choices.items():
            arguments |= options[settings[name]] if name in settings else {}
    extract = {name: arguments.pop(name) for name in ("phase", "norm") if name in arguments}
    blocks, heard = arguments.pop("blocks"), arguments.pop("tagger")
    train_clips, validation_clips, tagger = read_parts(setup)
    num_classes = len(train_clips.classes)
    extractor = sk.features.presets.at2seld(bins="mel", tagger=tagger.bands, **extract)
    format = track_wise(num_classes)
    chunks = read_chunks(train_clips, extractor, format)
    args = argparse.Namespace(
        **{**TRAINING, "seed": setup.seed, "epochs": setup.epochs, "lr": 1e-3}
    )
    fabric = Fabric(devices=1, precision="bf16-mixed")
    fabric.seed_everything(setup.seed, verbose=False)
    model = build_model(
        format.num_classes,
        extractor.num_channels,
        tagger if heard else None,
        widths=setup.widths[:blocks],
        pool_time=(5, 2, 1, 1)[:blocks],
        pool_freq=(4, 2, 2, 2)[:blocks],
        channels=setup.channels,
        **arguments,
    )
    pipeline = sk.Pipeline(extractor, model, format, window_s=CHUNK_S).to(fabric.device)
    for _ in train_system(fabric, args, model, extractor, Recipe(), chunks):
        outputs = scan(pipeline, validation_clips)
        best = choose_threshold(outputs, validation_clips)
        yield score(map(best.decode, outputs), validation_clips, num_classes)["SELD"]


@cache
def read_parts(setup: Setup) -> tuple[sk.data.Corpus, sk.data.Corpus, Tagger]:
    """Return scenes to train on and to rank by, made if need be, and the tagger."""
    minutes = {"train": setup.minutes, "validation": setup.minutes / 3}
    args = argparse.Namespace(out=setup.out, size=setup.size, sounds=setup.sounds)
    train_clips, validation_clips = read_scenes(args, minutes)
    torch.manual_seed(setup.seed)
    sounds = choose_sounds(setup.sounds, THREE_FOLDS["train"])
    return train_clips, validation_clips, load_tagger(setup.out, sounds, setup.naming_steps)


def print_ranking(study: optuna.Study) -> None:
    """Print the trials from the best to the worst, then those that were stopped."""
    finished = study.get_trials(states=[TrialState.COMPLETE])
    stopped = study.get_trials(states=[TrialState.PRUNED])
    for trial in sorted(finished, key=lambda trial: trial.values) + stopped:
        epoch, seld_score = max(trial.intermediate_values.items())
        end = f"  (stopped after epoch {epoch + 1})" if trial in stopped else ""
        print(f"{seld_score:.3f}  {', '.join(f'{k}: {v}' for k, v in trial.params.items())}{end}")


if __name__ == "__main__":
    main()
