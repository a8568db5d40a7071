"""Command lines at random: words that the program knows, files of every kind, numbers and junk."""

import argparse
import contextlib
import io
import json
import os
import random
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from doors import PIECES, some_events
from seldkit import io as files
from seldkit import models
from seldkit.cli import main
from seldkit.cli.program import _parser
from seldkit.features import presets
from seldkit.formats import MultiACCDOA
from seldkit.pipeline import Pipeline

NUMBERS = ["0", "1", "1", "2", "8", "-1", "0.5", "0.01", "nan", "inf", "-1e999", "1e-300"]
LARGE = ["9" * 25, "1e30", str(2**31), str(2**63)]
ASKED_FOR = ("--minutes", "--duration", "--workers", "--image-order", "--max-polyphony")
"""Options of which a large number is an order to do much, not a mistake."""
FILES = [
    *("good.csv", "good.csv", "labels", "prediction", "clip.wav", "clip.wav", "system", "system"),
    *("array.json", "names.txt", "new", "new.csv", "new.onnx", "junk", "none", ".", "foa"),
]


GOOD = {
    "check": "labels --format dcase2024",
    "convert": "good.csv new.csv --from dcase2024 --to dcase2022",
    "export": "system new.onnx",
    "localize": "clip.wav --array array.json",
    "models": "system",
    "pack": "corpus store --labels labels --format dcase2024",
    "plot": "good.csv --kind events",
    "predict": "clip.wav --model system",
    "score": "labels prediction --protocol dcase2024",
    "synth": "new --minutes 0.01 --duration 0.6 --workers 0 --anechoic",
}
"""What is all right behind each command."""


def prepare(folder: Path) -> None:
    """Write files of every kind that commands take."""
    for name in ("good.csv", "labels/good.csv", "prediction/good.csv"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        files.write_events(path, some_events(), format="dcase2024")
    noise = 0.1 * torch.randn(4, 8000, generator=torch.Generator().manual_seed(0))
    for name in ("clip.wav", "corpus/good.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        files.write_audio(folder / name, noise, 8000)
    system().save(folder / "system")
    (folder / "array.json").write_text(
        json.dumps({"positions": [[0, 0, 0.1 * n] for n in range(4)]})
    )
    (folder / "names.txt").write_text("knock\nvoice\n")
    (folder / "junk").write_bytes(bytes(range(256)))


def system() -> Pipeline:
    """Return a small system that every program can load."""
    small: dict[str, Any] = {"widths": (4,), "pool_time": (4,), "pool_freq": (4,), "hidden": (4,)}
    network = models.seldnet(2, num_bins=16, rnn_channels=4, num_heads=2, **small)
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=16)
    return Pipeline(extractor, network, MultiACCDOA(2, threshold=0.01), window_s=0.2)


def vocabulary(command: str) -> list[argparse.Action]:
    """Return the arguments of a command, as its own parser has them."""
    (commands,) = (
        action for action in _parser([command])._actions if isinstance(action.choices, dict)
    )
    assert isinstance(commands.choices, dict)
    return list(commands.choices[command]._actions)


def value(option: argparse.Action, chance: random.Random) -> str:
    """Return a word for an argument: one it knows, a file, a number or junk."""
    right = "choice" if option.choices else "number" if option.type in (int, float) else "file"
    kind = chance.choice([*[right] * 12, "file", "number", "junk"])
    if kind == "choice":
        return str(chance.choice(list(option.choices or ())))
    if kind == "file":
        return chance.choice(FILES)
    if kind == "number":
        asked = set(option.option_strings) & set(ASKED_FOR)
        return chance.choice(NUMBERS if asked else NUMBERS + LARGE)
    return chance.choice(PIECES).decode(errors="replace").replace("\0", "")


def command_line(chance: random.Random, commands: Sequence[str] = tuple(GOOD)) -> list[str]:
    """Return a good line of one of some commands after up to four changes."""
    words = [chance.choice(commands)]
    words += GOOD[words[0]].split()
    options = vocabulary(words[0])
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        option = chance.choice(options)
        count = option.nargs if isinstance(option.nargs, int) else 1
        new = [value(option, chance) for _ in range(count)]
        if not words or chance.random() < 0.6:
            words += [*option.option_strings[-1:], *new]
        else:
            place = chance.randrange(len(words))
            words[place : place + 1] = chance.choice([[], new])
    return words


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(words: list[str], folder: Path) -> int:
    """Run a command line in a folder and return its exit code.

    Raises:
        AssertionError: If it ends otherwise than in 0, 1 or 2 and words.
        Exception: What the program let through.
    """
    out, err = io.StringIO(), io.StringIO()
    with inside(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                code = main(words)
            except SystemExit as end:  # of the parser
                code = int(end.code or 0)
    assert code in (0, 1, 2), code
    assert code == 0 or out.getvalue() or err.getvalue(), "it ends without a word"
    assert "Traceback" not in err.getvalue()
    return code
