"""The command line: hear, export, score, check, convert and make scenes without a program."""

from seldkit.cli.program import main

__all__ = ["main"]
