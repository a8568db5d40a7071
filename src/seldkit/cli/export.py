"""`seldkit export`: a trained system as one file for another run time."""

import argparse
import logging
import sys
from pathlib import Path

import torch
from torch import Tensor

from seldkit._checks import require
from seldkit.cli.systems import add_model, load_system
from seldkit.io import read_audio
from seldkit.pipeline import Pipeline, compare_onnx, export_onnx

EXAMPLE = """examples:
  seldkit export trained system.onnx
  seldkit export trained small.onnx --int8 --on street.wav

The file takes waveforms, (batch, channel, sample) at the rate of the system, of any number and
length: features are in it. It returns what the network does; how to make events of that tells the
page Export. The file is run once and compared with the system. The exit code is 0, or 2 if the
system cannot be exported."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `export` to the commands of a program."""
    parser = commands.add_parser(
        "export",
        help=summary,
        description="Write a trained system as one ONNX file, features included.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(parser, option=False)
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write, such as system.onnx")
    parser.add_argument(
        "--int8", action="store_true", help="hold the weights of linear layers in 8 bits"
    )
    parser.add_argument(
        "--on",
        type=Path,
        metavar="FILE",
        help="recording to compare the file and the system on; by default noise",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file, and tell what it takes, returns and changes; return the exit code."""
    if args.out.suffix != ".onnx":
        raise ValueError(f"OUT must end with .onnx, got {args.out}")
    require("onnxruntime", "onnx")
    system = load_system(args.model)
    waveform = None if args.on is None else _waveform(args.on, system)
    # It warns on loading of what other programs than this one may miss.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    export_onnx(system, args.out, int8=args.int8)
    changes = compare_onnx(args.out, system, waveform)
    extractor = system.extractor
    sys.stdout.write(
        f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB\n"
        f"takes waveform (batch, {extractor.in_channels}, sample) at {extractor.sample_rate} Hz,"
        f" returns {' and '.join(changes)}\n"
        f"largest difference on {'noise' if args.on is None else args.on}:"
        f" {', '.join(f'{name} {change:.2g}' for name, change in changes.items())}\n"
    )
    return 0


def _waveform(path: Path, system: Pipeline) -> Tensor:
    """Return a recording as a batch of one, or raise if it is not of the system's channels."""
    waveform, _ = read_audio(path, sample_rate=system.extractor.sample_rate)
    if len(waveform) != system.extractor.in_channels:
        raise ValueError(
            f"{path} must have {system.extractor.in_channels} channels, got {len(waveform)}"
        )
    return torch.unsqueeze(waveform, 0)
