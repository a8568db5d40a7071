"""The command line: score predictions and check label files without writing a program."""

from seldkit.cli.program import main

__all__ = ["main"]
