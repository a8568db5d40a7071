"""The command line: score predictions, check labels and make scenes without a program."""

from seldkit.cli.program import main

__all__ = ["main"]
