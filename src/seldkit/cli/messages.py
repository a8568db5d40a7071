"""What the program tells beside its results."""

import sys


def note(text: str) -> None:
    """Tell the user something beside the result."""
    sys.stderr.write(f"note: {text}\n")


def error_text(error: BaseException) -> str:
    """Return what an error says, and below it the notes that it was given on its way."""
    return "\n  ".join([str(error), *getattr(error, "__notes__", ())])
