"""What the program tells beside its results."""

import sys


def note(text: str) -> None:
    """Tell the user something beside the result."""
    sys.stderr.write(f"note: {text}\n")
