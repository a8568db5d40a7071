"""Tiny corpora in the trees in which they are published."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

from seldkit.arrays import ArrayGeometry
from seldkit.io import write_audio, write_events
from seldkit.synth import SceneSynthesizer

POLAR = "0,1,0,90,10\n"
DISTANT = "0,1,0,90,10,150\n"
TAU2019 = "sound_event_recording,start_time,end_time,ele,azi,dist\ndrawer,0.0,0.05,10,90,1\n"
STEREO = "frame,class,source,azimuth,distance,onscreen\n0,1,0,90,150,0\n"
L3DAS = "File,Start,End,Class,X,Y,Z\na.wav,0.0,0.05,Computer_keyboard,0,1,0\n"
L3DAS23 = "File,Start,End,Class,rho,theta,z\na.wav,0.0,0.05,Computer_keyboard,1,0,0\n"

Fold = int | str
Place = Callable[[str, Fold], str]
"""Where a file of a clip is, from its name and its fold."""


class Tree(NamedTuple):
    """A published tree.

    Attributes:
        labels: What a label file holds: class 1 at the left.
        clips: Fold and name of each clip, below the folder of its part.
        audio: Recordings of a clip, by kind of sound, where KIND is `dev` or `eval`.
        table: Its label file.
        num_channels: Channels of a recording.
    """

    labels: str
    clips: tuple[tuple[Fold, str], ...]
    audio: Mapping[str, Place]
    table: Place
    num_channels: int = 4


def _part(fold: Fold) -> str:
    return "eval" if fold in (0, "eval") else "dev"


def _dcase(labels: str, *clips: tuple[Fold, str], kinds: tuple[str, ...] = ("foa", "mic")) -> Tree:
    def below(folder: str, suffix: str) -> Place:
        return lambda clip, fold: f"{folder}_{_part(fold)}/{clip}{suffix}"

    audio = {kind: below(kind, ".wav") for kind in kinds}
    return Tree(labels, clips, audio, below("metadata", ".csv"), 2 if "stereo" in kinds else 4)


def _l3das(labels: str, prefix: str) -> Tree:
    def below(folder: str, beginning: str, ending: str) -> Place:
        return lambda clip, fold: f"{prefix}_{fold}/{folder}/{beginning}{clip}{ending}"

    clips = (
        ("train", "split0_ov1_0"),
        ("train", "split3_ov2_7"),
        ("dev", "split4_ov1_0"),
        ("test", "split5_ov3_2"),
    )
    audio = {"foa": below("data", "", "_A.wav"), "foa_b": below("data", "", "_B.wav")}
    return Tree(labels, clips, audio, below("labels", "label_", ".csv"))


TREES = {
    "tau2019": _dcase(
        TAU2019,
        (0, "split0_1"),
        *((split, f"split{split}_ir{split}_ov1_{split}1") for split in (1, 2, 3, 4)),
    ),
    "nigens2020": _dcase(
        POLAR,
        *((fold, f"fold{fold}_room1_mix001_ov1") for fold in (1, 2, 3, 4, 5, 6)),
        ("eval", "mix001"),
    ),
    "nigens2021": _dcase(
        POLAR,
        *((fold, f"dev-train/fold{fold}_room1_mix001") for fold in (1, 2, 3, 4)),
        (5, "dev-val/fold5_room7_mix001"),
        (6, "dev-test/fold6_room9_mix001"),
        ("eval", "mix001"),
    ),
    "starss22": _dcase(
        POLAR,
        (1, "dev-train-synth/fold1_room1_mix001"),
        (2, "dev-train-synth/fold2_room1_mix001"),
        (3, "dev-train-sony/fold3_room21_mix001"),
        (3, "dev-train-tau/fold3_room4_mix001"),
        (4, "dev-test-tau/fold4_room2_mix001"),
        ("eval", "mix001"),
    ),
    "starss23": _dcase(
        DISTANT,
        (1, "dev-train-synth/fold1_room1_mix001"),
        (2, "dev-train-synth/fold2_room1_mix001"),
        (3, "dev-train-sony/fold3_room21_mix001"),
        (3, "dev-train-tau/fold3_room4_mix001"),
        (4, "dev-test-tau/fold4_room2_mix001"),
        ("eval", "mix001"),
    ),
    "dcase2025": _dcase(
        STEREO,
        (1, "dev-train-synth/fold1_room1_mix001_deg000_start00"),
        (3, "dev-train-sony/fold3_room21_mix001_deg100_start01"),
        (4, "dev-test-tau/fold4_room2_mix001_deg010_start02"),
        kinds=("stereo",),
    ),
    "l3das21": _l3das(L3DAS, "L3DAS_Task2"),
    "l3das22": _l3das(L3DAS, "L3DAS22_Task2"),
    "l3das23": _l3das(L3DAS23, "L3DAS23_Task2"),
}


def publish(
    root: Path, name: str, *, flat: bool = False, deep: bool = False, labelled: bool = True
) -> Path:
    """Write a corpus: all kinds of recordings, each of 0.2 s, and labels.

    Args:
        root: Where it goes.
        name: One of `TREES`.
        flat: Whether files lie right in the folder of their part.
        deep: Whether these folders lie deeper, twice in each other.
        labelled: Whether the evaluation set has labels.
    """
    tree = TREES[name]
    for fold, clip in tree.clips:
        paths = [(kind, path(clip, fold)) for kind, path in tree.audio.items()]
        if labelled or fold not in (0, "eval", "test"):
            paths.append(("labels", tree.table(clip, fold)))
        for number, (kind, below) in enumerate(paths):
            first, *_, last = Path(below).parts
            path = Path(first, last) if flat else Path(below)
            path = root / "proj" / first / path if deep else root / path
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "labels":
                path.write_text(tree.labels)
            else:
                sound = torch.full((tree.num_channels, 4800), 0.1 * (number + 1))
                write_audio(path, sound, 24000)
    return root


def record(
    root: Path,
    *,
    seconds: float = 5.0,
    evaluation: bool = False,
    array: ArrayGeometry | None = None,
) -> Path:
    """Write STARSS23 in small: a scene for each fold, in FOA or as an array hears it."""
    scenes = SceneSynthesizer(duration_s=seconds, anechoic=True, array=array)
    kind = "foa" if array is None else "mic"
    clips = [
        ("dev", "dev-train-tau/fold3_room4_mix001"),
        ("dev", "dev-test-tau/fold4_room2_mix001"),
    ]
    for index, (part, clip) in enumerate([*clips, *[("eval", "mix001")] * evaluation]):
        waveform, events = scenes.scene(0, index)
        audio = root / f"{kind}_{part}/{clip}.wav"
        labels = root / f"metadata_{part}/{clip}.csv"
        for path in (audio, labels):
            path.parent.mkdir(parents=True, exist_ok=True)
        sixteen_bits = (waveform * 2**15).round() / 2**15  # as published
        write_audio(audio, sixteen_bits, scenes.sample_rate)
        if part == "dev":
            write_events(labels, events, format="dcase2023")
    return root
