"""`seldkit models`: which trained systems there are, what they are made of and what they cost."""

import argparse
import json
import sys
from typing import Any

from seldkit._builders import built_by
from seldkit.cli.systems import load_system
from seldkit.pipeline import Pipeline, measure_cost
from seldkit.pretrained import names

EXAMPLE = """examples:
  seldkit models
  seldkit models trained --cost

Without a model it lists the systems that come with the library. The exit code is 0, or 2 if a
folder holds none."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `models` to the commands of a program."""
    parser = commands.add_parser(
        "models",
        help=summary,
        description="List trained systems, or tell what some are made of and cost.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a name from the list, or the folder that Pipeline.save wrote",
    )
    parser.add_argument(
        "--cost",
        action="store_true",
        help="also parameters, multiply-accumulates, memory, and the time on one core, measured",
    )
    parser.add_argument("--json", action="store_true", help="JSON in place of the text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell of the systems; return the exit code."""
    models = args.models or names()
    told = {}
    for name in models:
        system = load_system(name)
        told[name] = described(system) | (_cost(system) if args.cost else {})
        if not args.json:
            sys.stdout.write(_text(name, told[name]) + ("" if name == models[-1] else "\n"))
    if args.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 0


def described(system: Pipeline) -> dict[str, Any]:
    """Return what a system hears and says, and how it is built."""
    extractor = system.extractor
    pieces = "whole recordings from start to end"
    if system.window_s is not None:
        pieces = f"in windows of {system.window_s:g} s every {system.hop_s:g} s"
    classes = system.classes or range(getattr(system.format, "num_classes", 0))
    return {
        "hears": f"{extractor.in_channels} channels at {extractor.sample_rate} Hz, {pieces}",
        "tells": f"{len(classes)} classes, {system.label_rate:g} times a second",
        "classes": [str(name) for name in classes],
        "features": _call(extractor),
        "network": _call(system.model),
        "format": _call(system.format),
        "postprocess": None if system.postprocess is None else _call(system.postprocess),
    }


def _cost(system: Pipeline) -> dict[str, Any]:
    cost = measure_cost(system)
    return {
        "parameters": f"{cost.parameters:,}, {cost.weight_bytes / 1e6:.2f} MB",
        "work": f"{cost.multiply_accumulates / 1e6:,.1f} million multiply-accumulates for a second"
        " of audio, without features",
        "memory": f"{cost.working_bytes / 1e6:.1f} MB for a window, beside the weights",
        "time": f"{cost.real_time_factor:.4f} s on one core for a second of audio, features"
        f" {cost.feature_share:.0%} of it",
    }


def _call(part: object) -> str:
    """Return the call that makes a part, or its kind where that is not known."""
    call = built_by(part)
    if call is None:
        return type(part).__name__
    given = ", ".join(f"{name}={_short(value)}" for name, value in call.arguments.items())
    return f"{call.name}({given})"


def _short(value: object) -> str:
    call = built_by(value)
    text = f"{call.name}(...)" if call is not None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(name: str, entries: dict[str, Any]) -> str:
    lines = [
        f"  {key:<11} {', '.join(value) if isinstance(value, list) else value}"
        for key, value in entries.items()
        if value is not None
    ]
    return "\n".join([f"{name}:", *lines]) + "\n"
