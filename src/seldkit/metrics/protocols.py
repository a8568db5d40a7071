"""The published protocols: how each counts, scores, averages and takes its frames.

What is odd in a published script is kept, named below, and mended by the argument of
[`SELDMetrics`][seldkit.metrics.SELDMetrics] in brackets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from seldkit.events import Events
from seldkit.metrics import scores
from seldkit.metrics.apart import count_apart
from seldkit.metrics.counts import Counts
from seldkit.metrics.frame import count_frames, count_stereo_frames
from seldkit.metrics.l3das import count_positions, count_positions_greedily
from seldkit.metrics.scores import LOCATED_NAMES, Average, Scoring
from seldkit.metrics.segment import count_classes, count_segments, count_segments_without_spatial
from seldkit.metrics.settings import Setting, Settings, check_setting, rescale


@dataclass(frozen=True)
class Protocol:
    """One published way to score.

    Attributes:
        count: From clips and, by name, the settings to the counts of each clip.
        scoring: From counts to scores.
        num_classes: How many classes the data of the edition have.
        clip_frames: How many frames the published script takes a clip to have that does not say;
            None if it goes by the last reference.
        frame_s: Length of a frame in seconds.
        averages: The averages that it knows, the published default first.
        settings: What may be set in its counting, and the published values.
        needs: The columns that events must have: always (None), or if this setting is on.
    """

    count: Callable[..., Counts]
    scoring: Scoring
    num_classes: int
    clip_frames: int | None = None
    frame_s: float = 0.1
    averages: tuple[Average, ...] = ("micro",)
    settings: Settings = field(default_factory=dict)
    needs: Mapping[str, str | None] = field(default_factory=dict)

    def at(self, frame_s: float) -> "Protocol":
        """Return the protocol for frames of another length: a clip lasts as long as before."""
        if self.clip_frames is None:
            return replace(self, frame_s=frame_s)
        clip_frames = round(self.clip_frames * self.frame_s / frame_s)
        return replace(self, frame_s=frame_s, clip_frames=clip_frames)

    def official_frames(self, reference: Events) -> int:
        """Return how many frames of a clip the published script scores.

        Those that the clip says, or else a number of its own; or, where it goes by the last
        reference, the largest index of a reference, 0 where there are none.
        """
        if self.clip_frames is None:
            return int(reference.frame.max()) if len(reference) else 0
        return self.clip_frames if reference.num_frames is None else reference.num_frames


BOTH: tuple[Average, ...] = ("macro", "micro")
LOCATED = Scoring(scores.segment_formulas, LOCATED_NAMES)
SECONDS: Settings = {"counting": "published", "angle_threshold_deg": 20.0, "block_frames": 10}
FRAMES: Settings = {"angle_threshold_deg": 20.0, "relative_distance_threshold": 1.0}
POSITIONS = Scoring(scores.position_formulas, {"F": "f_score", "P": "precision", "R": "recall"})

DCASE2019 = Protocol(
    count_apart,
    Scoring(
        scores.apart_formulas,
        {
            "ER": "error_rate",
            "F": "f_score",
            "DE": "localization_error_deg",
            "FR": "localization_recall",
            "SELD": "seld_score",
        },
    ),
    num_classes=11,
    clip_frames=3000,
    frame_s=0.02,
    settings={"doa": "regression", "counting": "published", "block_frames": 50},
)
"""Classes in seconds of 50 frames (20 ms), directions in frames, whatever the class.

- The last frame of each second is left out of the classes (`counting="corrected"`).
- The direction error is divided by the number of predictions rather than of pairs, so that
  superfluous predictions lower it (`counting="corrected"`).
- In the regression form a class has one direction in a frame, that of the later row
  (`counting="corrected"`); in the class form it may have several.
- In the class form directions go down to a grid of 10 degrees rather than to its nearest point, and
  180 degrees to its end, 170.
- Without predictions the direction error is 0 (`counting="corrected"`).
- A clip has 3000 frames unless its `num_frames` says otherwise.
- The scores that the baseline's README gives are those of the class form, counts of all files
  together.

Source: Adavanne et al., "Sound event localization and detection of overlapping sources using
convolutional recurrent neural networks", 2018; the scripts of DCASE 2019 task 3.
"""
DCASE2020 = Protocol(
    count_classes,
    Scoring(scores.class_formulas, LOCATED_NAMES),
    num_classes=14,
    clip_frames=600,
    settings=SECONDS,
)
"""Classes in seconds of 10 frames: a class is there or not, however many of it sound.

- Several instances add their angles up rather than average them (`counting="corrected"`).
- A spatial miss is a false negative alone, and lowers the precision through the number of
  predictions all the same.
- LR is in truth an F-score.
- A clip has 600 frames unless its `num_frames` says otherwise.

Source: Politis et al., "Overview and evaluation of sound event localization and detection in DCASE
2019", 2020; the scripts of DCASE 2020 task 3.
"""
DCASE2021 = Protocol(
    count_segments_without_spatial, LOCATED, num_classes=12, clip_frames=600, settings=SECONDS
)
"""Instances in seconds: several of one class count, told apart by their row order in a frame.

- A spatial miss is a false positive but no false negative.
- Where predictions and references of a second never meet in a frame, FN grows by the number of
  predictions; an instance that is never matched though the numbers agree is counted nowhere
  (`counting="corrected"`).
- A clip has 600 frames unless its `num_frames` says otherwise.

Source: the scripts of DCASE 2021 task 3.
"""
DCASE2023 = Protocol(count_segments, LOCATED, num_classes=13, averages=BOTH, settings=SECONDS)
"""Instances in seconds as in 2021, with spatial misses of their own: the scripts of 2022 and 2023.

- A spatial miss weighs in F like a false positive and a false negative together.
- Frames stop at the largest reference index: the last annotated frame is dropped, unless the last
  second, which is read whole, reaches it (`frames="clip"`).
- Predictions after that second cost nothing; in a clip without references none does
  (`frames="clip"`).
- "macro" averages over all classes: one that never occurs has F 0, LR 0 and LE 180, so that a
  perfect system scores below 1 (`absent_classes="skip"`).
- ER is always micro, in "macro" too, where it stands for every class.
- Instances are counted as in 2021 (`counting="corrected"`).
- Without a match F and LR are 0 and LE is 180; without any reference ER is 0, or beyond 1e15 where
  there are false alarms. Nothing is nan.
- The arc cosine puts equal directions up to 1e-6 degrees apart (`counting="corrected"`).

Source: Politis et al., "STARSS22: a dataset of spatial recordings of real scenes with
spatiotemporal annotations of sound events", 2022; the scripts of DCASE 2022 and 2023 task 3.
"""
DCASE2024 = Protocol(
    count_frames,
    Scoring(
        scores.frame_formulas,
        {
            "ER": "error_rate",
            "F": "f_score",
            "DOAE": "localization_error_deg",
            "DistE": "distance_error_m",
            "RDE": "relative_distance_error",
            "LR": "localization_recall",
            "SELD": "seld_score",
        },
    ),
    num_classes=13,
    averages=BOTH,
    settings={**FRAMES, "counting": "published"},
)
"""Frames: a hit is within 20 degrees and a relative distance error of 1.

- Frames stop before the last annotated one (`frames="clip"`).
- Angles, distances and LR take in every matched pair, however far apart, and pairs are matched by
  angle alone.
- DOAE, DistE and RDE are nan without a pair, and "macro" leaves such classes out of them, but not
  out of F and LR (`absent_classes="skip"`); the SELD of such a class is 1 - F alone.
- Where events have no distance the angle alone decides, DistE and RDE are nan and SELD is the mean
  of ER, 1 - F, DOAE / 180 and 1 - LR.
- Equal directions are 8.1e-4 degrees apart (`counting="corrected"`).

Source: Krause et al., "Sound event detection and localization with distance estimation", 2024; the
scripts of DCASE 2024 task 3.
"""
DCASE2025 = Protocol(
    count_stereo_frames,
    Scoring(
        scores.stereo_formulas,
        {
            "F": "f_score",
            "DOAE": "localization_error_deg",
            "DistE": "distance_error_m",
            "RDE": "relative_distance_error",
            "OnscreenAcc": "onscreen_accuracy",
        },
    ),
    num_classes=13,
    averages=BOTH,
    settings={**FRAMES, "require_onscreen": False},
    needs={"onscreen": "require_onscreen"},
)
"""Frames of stereo recordings: azimuths mirrored to the front, distances and on-screen flags.

- Frames stop before the last annotated one, and in a clip without references false alarms cost
  nothing (`frames="clip"`).
- F averages over all classes (`absent_classes="skip"`), the other scores over those with a pair.
- F with and without `require_onscreen` are two scores of two runs.

Source: the scripts of DCASE 2025 task 3.
"""


def l3das(
    num_frames: int, distance_threshold_m: float, count: Callable[..., Counts], **settings: Setting
) -> Protocol:
    """Return the protocol of one edition of L3DAS."""
    return Protocol(
        count,
        POSITIONS,
        num_classes=14,
        clip_frames=num_frames,
        settings={
            "distance_threshold_m": distance_threshold_m,
            "matching": "published",
            **settings,
        },
        needs={"distance": None},
    )


L3DAS21 = l3das(600, 2.0, count_positions_greedily, counting="published")
"""Positions in frames: a hit is nearer than 2 m.

- One prediction may serve several references, which makes FP negative (`matching="optimal"`).
- Frames with references alone or predictions alone are counted twice (`counting="corrected"`).
- A clip has 600 frames unless its `num_frames` says otherwise.

Source: the scripts of L3DAS21.
"""
L3DAS22 = l3das(300, 2.0, count_positions)
"""Positions in frames: a hit is nearer than 2 m.

- Matches are over-counted where several of a class or several classes sound at once
  (`matching="optimal"`).
- A clip has 300 frames unless its `num_frames` says otherwise.

Source: Guizzo et al., "L3DAS22 challenge", 2022, and its scripts.
"""
L3DAS23 = l3das(300, 1.75, count_positions)
"""As L3DAS22, nearer than 1.75 m. Source: the scripts of L3DAS23."""

PROTOCOLS: Mapping[str, Protocol] = {
    "dcase2019": DCASE2019,
    "dcase2020": DCASE2020,
    "dcase2021": DCASE2021,
    "dcase2022": DCASE2023,  # the published metric files of both years are the same
    "dcase2023": DCASE2023,
    "dcase2024": DCASE2024,
    "dcase2025": DCASE2025,
    "l3das21": L3DAS21,
    "l3das22": L3DAS22,
    "l3das23": L3DAS23,
}


def takers(name: str) -> list[str]:
    """Return the protocols that know a setting."""
    return [key for key, protocol in PROTOCOLS.items() if name in protocol.settings]


def choose_settings(protocol: str, frame_s: float, **given: Setting | None) -> Settings:
    """Return the published settings of a protocol, those replaced that are given, not None.

    Blocks last as long as published, whatever the length of frames, unless they are given.

    Raises:
        TypeError: If a setting is no number where one is needed.
        ValueError: If the protocol knows no such setting or value, or a block is no whole number of
            frames.
    """
    published = PROTOCOLS[protocol]
    settings = dict(published.settings)
    if "block_frames" in settings and given["block_frames"] is None:
        frames = float(settings["block_frames"])
        settings["block_frames"] = rescale("block_frames", frames, published.frame_s, frame_s)
    for name, value in given.items():
        if value is None:
            continue
        if name not in settings:
            raise ValueError(
                f"{name} is an argument of {', '.join(takers(name))} alone: leave it out for"
                f" {protocol!r}, got {value!r}"
            )
        settings[name] = check_setting(name, value, published.settings[name])
    return settings
