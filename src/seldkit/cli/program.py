"""The program `seldkit`: its commands, and what becomes of bad input."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from seldkit._files import version

COMMANDS = {
    "predict": "tell what sounds in recordings, when and from where",
    "models": "list trained systems, and what saved ones are made of and cost",
    "export": "write a trained system as one file for ONNX Runtime",
    "convert": "bring label files into another format",
    "score": "score predictions as a published protocol does",
    "check": "find all that is wrong with label files",
    "localize": "find where the sounds of a recording come from, without a network",
    "synth": "make labelled scenes from sounds",
    "pack": "decode a corpus once into a store for training",
    "plot": "draw labels, predictions and recordings",
}
"""What each command does, in a line; its file is imported when it is asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, such as `seldkit check labels --format dcase2023`.

    Args:
        argv: The words behind the program's name; by default those that it was started with.

    Returns:
        The exit code: 0 if all is well, 1 if `check` found problems, 2 if the input is bad, 130 if
        it was interrupted.

    Raises:
        SystemExit: If the words are no command, or ask for help.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from pathlib import Path
        >>> with TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "clip.csv").write_text("0,3,0,90,0")
        ...     main(["check", folder, "--format", "dcase2022"])
        1 file, 0 problems
        0
    """
    words = sys.argv[1:] if argv is None else list(argv)
    args = _parser(words).parse_args(words)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, OverflowError, MemoryError, ModuleNotFoundError) as error:
        told = str(error) or "there is not enough memory"
        sys.stderr.write(f"seldkit {args.command}: error: {told}\n")
        return 2
    return code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands; it knows the options of those among the words."""
    parser = argparse.ArgumentParser(
        prog="seldkit",
        description="Tools for sound event localization and detection (SELD).",
        epilog="'seldkit COMMAND --help' tells all about a command and shows an example.",
    )
    parser.add_argument("--version", action="version", version=f"seldkit {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command, summary in COMMANDS.items():
        if command in words:
            import_module(f"seldkit.cli.{command}").add_command(commands, summary)
        else:
            commands.add_parser(command, help=summary)
    return parser
