"""Scenes of `train_everyday.py` and `score_everyday.py`: many rooms, and recordings held out."""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import seldkit as sk
from stages import bar

HELD_OUT = "4"  # the fold of recordings that are for the test alone
SPEEDS = range(24, 37)  # thirtieths of the sampling rate: up to a quarter faster, a sixth slower
NEAR: dict[str, Any] = {  # living rooms, in which up to three sounds are told apart
    "max_polyphony": 3,
    "pause_s": (0.3, 5.0),
    "distance_m": (0.5, 3.5),
    "snr_db": (0.0, 30.0),
    "t60_s": (0.1, 0.5),
}
FAR: dict[str, Any] = {  # where the room is louder than the sound
    "pause_s": (0.3, 4.0),
    "distance_m": (1.0, 5.0),
    "snr_db": (10.0, 30.0),
    "room_m": ((4.0, 15.0), (3.5, 12.0), (2.5, 6.0)),
    "t60_s": (0.4, 1.5),
    "image_order": 8,
}
KINDS = {"near": NEAR, "far": FAR}
ALIKE: dict[str, Any] = {"moving": 0.15, "label_range_db": 20.0}


@dataclass(frozen=True)
class Varied:
    """Sounds that are slower and lower, or faster and higher, each time they are heard."""

    sounds: sk.synth.Sounds

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.sounds.classes

    def draw(self, label: int, generator: np.random.Generator, sample_rate: int) -> Any:
        """Return a sound of a class."""
        rate = sample_rate * int(generator.choice(SPEEDS)) // 30
        return self.sounds.draw(label, generator, rate)

    def fingerprint(self) -> str:
        """Return a text that changes with what may be drawn."""
        return f"{self.sounds.fingerprint()} at {len(SPEEDS)} speeds"  # type: ignore[attr-defined]


def divide(folder: Path, out: Path) -> None:
    """Write a table of recordings that says for what each is: training, validation or test.

    Of those that are not of the held-out fold every eighth is for validation; pieces of one
    recording stay together.
    """
    with (folder / "metadata.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        row["group"] = re.sub(r"-[A-Z]\.ogg$", "", row["original_id"])
        if row["fold"] != HELD_OUT and row["group"] not in groups[row["class"]]:
            groups[row["class"]].append(row["group"])
    out.mkdir(parents=True, exist_ok=True)
    with (out / "metadata.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(("file", "class", "fold"))
        for row in rows:
            part = "test"
            if row["fold"] != HELD_OUT:
                eighth = groups[row["class"]].index(row["group"]) % 8 == 4
                part = "validation" if eighth else "train"
            writer.writerow(((folder / row["file"]).resolve(), row["class"], part))


def sounds_for(part: str, folder: Path | None, out: Path) -> sk.synth.Sounds:
    """Return the recordings for training, validation or test; the built-in sounds if no folder."""
    if folder is None:
        return sk.synth.BuiltinSounds()
    if not (out / "sounds" / "metadata.csv").exists():
        divide(folder, out / "sounds")
    sounds = sk.synth.FolderSounds(out / "sounds", folds=(part,), cache_mb=1024)
    return Varied(sounds) if part == "train" else sounds


def classes_of(sounds: Path | None, out: Path) -> tuple[str, ...]:
    """Return the names of the classes."""
    return sounds_for("test", sounds, out).classes


def make(
    part: str,
    minutes: float,
    *,
    seed: int,
    sounds: Path | None,
    out: Path,
    kinds: Mapping[str, Mapping[str, Any]] = KINDS,
) -> list[sk.data.Clip]:
    """Return scenes of one part, so many minutes of each kind, made unless they are there."""
    drawn, clips = sounds_for(part, sounds, out), list[sk.data.Clip]()
    for number, (name, kind) in enumerate(kinds.items(), start=seed):
        synthesizer = sk.synth.SceneSynthesizer(drawn, **{**ALIKE, **kind})
        folder = out / "scenes" / f"{part}-{name}"
        count = max(round(minutes * 60 / synthesizer.duration_s), 1)
        scenes = sk.synth.write_scenes(synthesizer, folder, count, seed=number)
        for _ in bar(scenes, f"scenes in {folder}", total=count):
            pass
        clips += sk.data.read_folder(folder, classes=drawn.classes)[:count]
    return clips


def features_of(
    clips: Sequence[sk.data.Clip], extractor: sk.features.FeatureExtractor, path: Path
) -> Tensor:
    """Return the features of clips of one length, computed unless they are on the disk already."""
    if not path.exists():
        draft = path.with_suffix(".draft.npy")
        for number, clip in enumerate(bar(clips, "features")):
            waveform, _ = sk.io.read_audio(clip.audio)
            features = extractor(waveform.unsqueeze(0))[0, :, :-1].half().numpy()
            if number == 0:
                shape = (len(clips), *features.shape)
                held = np.lib.format.open_memmap(draft, "w+", np.float16, shape)
            held[number] = features
        held.flush()
        draft.rename(path)
    kept = np.lib.format.open_memmap(path, "c")
    if len(kept) != len(clips):
        raise ValueError(f"{path} must hold {len(clips)} clips, got {len(kept)}: delete it")
    return torch.from_numpy(kept)
