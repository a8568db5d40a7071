"""`seldkit score`: what a published protocol says of predictions."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from textwrap import fill

from seldkit.cli.clips import NamedClip, choose_files, read_clips
from seldkit.cli.files import match_files, read_names
from seldkit.cli.messages import note
from seldkit.cli.options import (
    add_counting,
    add_files,
    add_output,
    add_sides,
    check_number,
    counting,
)
from seldkit.cli.score_maps import PROTOCOL, run_maps
from seldkit.cli.tables import (
    Table,
    as_json,
    as_text,
    group_table,
    jackknife_table,
    overall_table,
    track_table,
    write_json,
)
from seldkit.events.rows import MAX_FRAMES
from seldkit.io.editions import FORMATS
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import by_overlap, class_table
from seldkit.metrics.protocols import PROTOCOLS
from seldkit.metrics.seld import MAX_CLASSES

EXAMPLE = """example:
  seldkit score metadata_dev/dev-test-tau predictions --protocol dcase2023 --by-class

Files are matched by their names, wherever in the folders they stand. The exit code is 0, or 2 if a
file is missing, superfluous or not in order."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `score` to the commands of a program."""
    parser = commands.add_parser(
        "score",
        help=summary,
        description="Score predictions against references, as a published protocol does.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_sides(parser)
    add_counting(parser.add_argument_group("counting, by default as published"))
    add_files(parser.add_argument_group("files"))
    add_output(parser.add_argument_group("output"))
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the scores; return the exit code."""
    check_number("--num-frames", args.num_frames, MAX_FRAMES)
    check_number("--num-classes", args.num_classes, MAX_CLASSES)
    if args.protocol == PROTOCOL:
        return run_maps(args)
    if args.protocol == "dcase2019" and args.frames == "clip" and args.num_frames is None:
        raise ValueError("--frames clip needs --num-frames here: the frame recall counts silence")
    prefix = "label_" if args.protocol.startswith("l3das") else ""
    files = match_files(args.reference, args.prediction, prefix=prefix)
    names = read_names(args.classes) if args.classes else None
    chosen = choose_files(files, missing=args.missing, extra=args.extra)
    if args.jackknife and len(chosen) < 2:
        raise ValueError(f"--jackknife leaves out a clip: at least 2 clips, got {len(chosen)}")
    clips = read_clips(chosen, args, classes=names)
    metrics = SELDMetrics(args.protocol, _num_classes(args, names, clips), **counting(args))
    for clip in clips:
        try:
            metrics.update(clip.prediction, clip.reference)
        except ValueError as error:
            raise ValueError(f"{clip.name}: {error}") from error
    tables = _tables(args, metrics, clips, names or FORMATS[args.protocol].classes)
    words = " ".join(f"{name}={value}" for name, value in _described(metrics).items())
    if args.json != "-":
        sys.stdout.write(f"{fill(words, 79)}\n\n{as_text(tables)}")
    if args.json:
        write_json(args.json, as_json(_described(metrics), tables))
    return 0


def _num_classes(
    args: argparse.Namespace, names: Sequence[str] | None, clips: Sequence[NamedClip]
) -> int:
    """Return how many classes the user says that there are, or the data of the protocol have."""
    if args.num_classes is not None:
        return int(args.num_classes)
    if names:
        return len(names)
    published = PROTOCOLS[args.protocol].num_classes
    labels = [int(e.label.max()) for clip in clips for e in clip[1:] if len(e)]
    if max(labels, default=0) < published:
        return published
    if max(labels) >= MAX_CLASSES:
        raise ValueError(f"labels must be below {MAX_CLASSES}, got {max(labels)}")
    note(
        f"labels go up to {max(labels)}: {max(labels) + 1} classes are scored, not the {published}"
        f" of {args.protocol}; --num-classes tells how many there are"
    )
    return max(labels) + 1


def _tables(
    args: argparse.Namespace, metrics: SELDMetrics, clips: Sequence[NamedClip], names: Sequence[str]
) -> Mapping[str, Table]:
    tables = {"clips": overall_table(metrics)}
    if args.jackknife:
        tables["jackknife"] = jackknife_table(metrics)
    if args.by_class:
        classes = names if len(names) == metrics.num_classes else None
        tables["class"] = class_table(metrics, classes).as_dict()
    groups = _groups(metrics, clips) if args.by_overlap else {}
    if groups:
        tables["sources"] = group_table(groups)
    if args.tracks:
        tables["tracks"] = track_table(clips, args.angle_threshold_deg)
    _tell_absent_classes({"all": metrics, **groups})
    _tell_unknown_distances(metrics)
    return tables


def _groups(metrics: SELDMetrics, clips: Sequence[NamedClip]) -> Mapping[str, SELDMetrics]:
    """Return the metrics of the frames with 1, 2, ... sources, then of those with a class twice."""
    pairs = [(clip.prediction, clip.reference) for clip in clips]
    everywhere = by_overlap(pairs, metrics)
    same_class = by_overlap(pairs, metrics, same_class=True)
    groups = {str(sources): group for sources, group in everywhere.items()}
    return groups | {f"{sources}, same class": group for sources, group in same_class.items()}


def _tell_absent_classes(rows: Mapping[str, SELDMetrics]) -> None:
    """Tell in which rows the mean takes in classes that are on neither side."""
    told = []
    for label, metrics in rows.items():
        counts = metrics.counts().total().by_class
        absent = int((counts["Nref"] + counts["Nsys"] == 0).sum())
        if absent and metrics.average == "macro" and metrics.absent_classes == "published":
            told.append(f"{absent} of {metrics.num_classes} in row {label!r}")
    if told:
        note(
            f"absent classes score 0 in the mean, as published: {', '.join(told)}"
            " (--absent-classes skip leaves them out)"
        )


def _tell_unknown_distances(metrics: SELDMetrics) -> None:
    """Tell that a protocol of distances scores clips without them by another formula."""
    unknown = int(metrics.compute().counts.get("clips_without_distance", 0))
    if unknown:
        note(
            f"clips without distances: {unknown} of {metrics.num_clips}; in them the angle alone"
            " decides what a hit is"
        )


def _described(metrics: SELDMetrics) -> Mapping[str, object]:
    """Return all that one must know to get the same numbers."""
    return {
        "protocol": metrics.protocol,
        "average": metrics.average,
        "frames": metrics.frames,
        "absent_classes": metrics.absent_classes,
        "frame_s": metrics.frame_s,
        **metrics.settings,
        "num_classes": metrics.num_classes,
        "num_clips": metrics.num_clips,
    }
