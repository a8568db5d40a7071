"""What the published corpora hold, and how their trees differ."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from seldkit._checks import check_choice
from seldkit.data.splits import SPLITS, Fold, Split
from seldkit.io.classes import (
    L3DAS_CLASSES,
    NIGENS2020_CLASSES,
    NIGENS2021_CLASSES,
    STARSS_CLASSES,
    TAU2019_CLASSES,
)


class Recordings(NamedTuple):
    """One of the forms in which the sound of a corpus is published.

    Attributes:
        folders: Folder that recordings lie below, and their fold; None where names tell it.
        num_channels: Channels of a recording.
        ending: What comes behind the name of a clip in that of a recording.
    """

    folders: Mapping[str, Fold | None]
    num_channels: int
    ending: str = ""


class Published(NamedTuple):
    """A published corpus.

    Attributes:
        title: Its name, as published.
        audio: Its recordings by their kind; the first is what is read by default.
        labels: Folders that label files lie below.
        format: Format of the labels, as of `io.read_events`.
        classes: Names of the classes.
        splits: How it is divided.
        tree: A recording and its labels in the published tree.
        aliases: Other names, in small letters and digits.
        beginning: What comes before the name of a clip in that of a label file.
        evaluation: The fold whose labels are published later or never.
    """

    title: str
    audio: Mapping[str, Recordings]
    labels: tuple[str, ...]
    format: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    tree: tuple[str, ...]
    aliases: tuple[str, ...]
    beginning: str = ""
    evaluation: Fold = "eval"


def _dcase(
    title: str,
    name: str,
    format: str,
    classes: tuple[str, ...],
    clip: str,
    *aliases: str,
    kinds: Mapping[str, int] = {"foa": 4, "mic": 4},
    evaluation: Fold = "eval",
) -> Published:
    """Return a corpus whose recordings lie below `foa_dev` or `mic_dev`, labels in a like tree."""
    folders = {kind: {f"{kind}_dev": None, f"{kind}_eval": evaluation} for kind in kinds}
    return Published(
        title,
        {kind: Recordings(folders[kind], channels) for kind, channels in kinds.items()},
        ("metadata_dev", "metadata_eval"),
        format,
        classes,
        SPLITS[name],
        (*(f"{kind}_dev/{clip}.wav" for kind in kinds), f"metadata_dev/{clip}.csv"),
        aliases,
        evaluation=evaluation,
    )


def _l3das(year: str, prefix: str, alias: str) -> Published:
    """Return a corpus whose recordings are of two microphones, A and B, and lie by their parts."""
    parts: dict[str, Fold | None] = {f"{prefix}_{part}": part for part in ("train", "dev", "test")}
    name = f"l3das{year}"
    return Published(
        f"L3DAS{year}, task 2",
        {"foa": Recordings(parts, 4, "_A"), "foa_b": Recordings(parts, 4, "_B")},
        tuple(parts),
        name,
        L3DAS_CLASSES,
        SPLITS[name],
        (
            f"{prefix}_train/data/split0_ov1_0_A.wav",
            f"{prefix}_train/data/split0_ov1_0_B.wav",
            f"{prefix}_train/labels/label_split0_ov1_0.csv",
        ),
        (alias,),
        beginning="label_",
        evaluation="test",
    )


PUBLISHED = {
    "tau2019": _dcase(
        "TAU Spatial Sound Events 2019",
        "tau2019",
        "dcase2019",
        TAU2019_CLASSES,
        "split1_ir0_ov1_1",
        *("dcase2019", "tausse2019", "tau2019sse", "tauspatialsoundevents2019"),
        evaluation=0,
    ),
    "nigens2020": _dcase(
        "TAU-NIGENS Spatial Sound Events 2020",
        "nigens2020",
        "dcase2020",
        NIGENS2020_CLASSES,
        "fold1_room1_mix001_ov1",
        *("dcase2020", "tau2020", "taunigens2020", "tau2020ssenigens", "taunigenssse2020"),
        "taunigensspatialsoundevents2020",
    ),
    "nigens2021": _dcase(
        "TAU-NIGENS Spatial Sound Events 2021",
        "nigens2021",
        "dcase2021",
        NIGENS2021_CLASSES,
        "dev-train/fold1_room1_mix001",
        *("dcase2021", "tau2021", "taunigens2021", "tau2021ssenigens", "taunigenssse2021"),
        "taunigensspatialsoundevents2021",
    ),
    "starss22": _dcase(
        "STARSS22",
        "starss22",
        "dcase2022",
        STARSS_CLASSES,
        "dev-train-sony/fold3_room21_mix001",
        *("dcase2022", "starss2022"),
    ),
    "starss23": _dcase(
        "STARSS23",
        "starss23",
        "dcase2023",
        STARSS_CLASSES,
        "dev-train-sony/fold3_room21_mix001",
        *("starss", "starss2023", "dcase2023", "dcase2024"),
    ),
    "dcase2025": _dcase(
        "DCASE2025 Task3 Stereo SELD Dataset",
        "dcase2025",
        "dcase2025",
        STARSS_CLASSES,
        "dev-train-sony/fold3_room21_mix001",
        *("dcase2025stereo", "stereo2025", "stereoseld", "dcase2025stereoselddataset"),
        kinds={"stereo": 2},
    ),
    "l3das21": _l3das("21", "L3DAS_Task2", "l3das2021"),
    "l3das22": _l3das("22", "L3DAS22_Task2", "l3das2022"),
    "l3das23": _l3das("23", "L3DAS23_Task2", "l3das2023"),
}
"""The corpora that can be read, by name."""


def find_published(name: str) -> str:
    """Return the name in the table of a corpus that may be called otherwise.

    Signs between letters and digits and the number of the task do not matter.

    Raises:
        ValueError: If there is no such corpus; the error lists the names.

    Examples:
        >>> find_published("TAU-NIGENS 2020"), find_published("dcase2023_task3")
        ('nigens2020', 'starss23')
    """
    key = re.sub(r"[^a-z0-9]", "", name.lower()).replace("task3", "").replace("task2", "")
    for known, corpus in PUBLISHED.items():
        if key == known or key in corpus.aliases:
            return known
    check_choice("name", name, PUBLISHED)
    return name
