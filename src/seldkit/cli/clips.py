"""The clips that `seldkit score` compares: their files chosen, read and cut to one length."""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seldkit.cli.files import ClipFiles
from seldkit.cli.messages import note
from seldkit.events import Events
from seldkit.io import read_events
from seldkit.io.editions import FORMATS


class NamedClip(NamedTuple):
    """What a system found in a clip, and what there is."""

    name: str
    prediction: Events
    reference: Events


def choose_files(files: list[ClipFiles], *, missing: str, extra: str) -> list[ClipFiles]:
    """Return the clips to score.

    Args:
        files: All clips, some of which may lack a side.
        missing: What to do about clips without a prediction: `"error"`, `"empty"`, `"skip"`.
        extra: What to do about clips without a reference: `"error"` or `"skip"`.

    Raises:
        ValueError: If there are such clips and they are an error, with all their names; or if no
            clip is left.
    """
    lacking = [clip for clip in files if clip.prediction is None]
    superfluous = [clip for clip in files if clip.reference is None]
    told = []
    if lacking and missing == "error":
        told += [f"{clip.reference} has no prediction" for clip in lacking]
        told += ["(--missing empty scores it as nothing found, --missing skip leaves it out)"]
    if superfluous and extra == "error":
        told += [f"{clip.prediction} has no reference" for clip in superfluous]
        told += ["(--extra skip leaves it out)"]
    if told:
        raise ValueError("\n  ".join(["files must come in pairs", *told]))
    if lacking:
        done = "scored as nothing found" if missing == "empty" else "left out"
        note(f"references without a prediction, {done}: {len(lacking)}")
    if superfluous:
        note(f"predictions without a reference, left out: {len(superfluous)}")
    chosen = [
        clip
        for clip in files
        if clip.reference is not None and (clip.prediction is not None or missing == "empty")
    ]
    if not chosen:
        raise ValueError("no reference has a prediction of its name")
    return chosen


def read_clips(
    files: list[ClipFiles], args: argparse.Namespace, classes: Sequence[str] | None
) -> list[NamedClip]:
    """Read both sides of all clips.

    Args:
        files: Clips that have a reference; without a prediction nothing was found.
        args: The options of `seldkit score`.
        classes: Names of the classes in event lists.

    Raises:
        ValueError: If a file is not in order.
    """

    def read(path: Path | None, side: str | None, num_frames: int | None) -> Events:
        format = side or args.format or args.protocol
        if path is None:
            return Events.from_degrees(
                [], [], [], [], frame_s=args.frame_s or FORMATS[format].frame_s
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            events = read_events(
                path,
                format=format,
                num_frames=num_frames,
                frame_s=args.frame_s,
                check=args.check,
                classes=classes,
            )
        for warning in caught:
            note(str(warning.message))
        return events

    clips = []
    for name, reference_path, prediction_path in files:
        reference = read(reference_path, args.reference_format, args.num_frames)
        prediction = read(prediction_path, args.prediction_format, None)
        if args.frames == "clip" and args.num_frames is None:
            reference = reference.window(0, max(1, _end(reference), _end(prediction)))
        clips.append(NamedClip(name, prediction, reference))
    if args.num_frames is not None:
        beyond = sum(int((clip.prediction.frame >= args.num_frames).sum()) for clip in clips)
        if beyond:
            note(f"predictions beyond --num-frames {args.num_frames}, not in the clip: {beyond}")
    return clips


def _end(events: Events) -> int:
    return int(events.frame.max()) + 1 if len(events) else 0
