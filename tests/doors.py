"""Every door by which files come into the library, and how a file may be damaged.

As a program, for `long_runs`, it damages the files of one door, led by the lines that they reach.
"""

import contextlib
import importlib
import inspect
import io
import json
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from compat.test_tensor_bundle import ARRAYS, write
from data.recordings import RATE, record
from killed_writers import constant
from killed_writers import pipeline as tiny_pipeline
from seldkit import data, models
from seldkit import io as files
from seldkit.cli import main as program
from seldkit.compat._tensor_bundle import read_bundle
from seldkit.compat.yamnet import class_names
from seldkit.events import EnergyMaps, Events
from seldkit.io.editions import FORMATS
from seldkit.pipeline import Pipeline, compare_onnx, export_onnx
from seldkit.synth import FolderSounds, RoomResponses, SceneSynthesizer, write_scenes
from synth.test_room_responses import write as write_responses
from synth.test_room_responses import write_sofa

PIECES = [
    *(b"nan", b"inf", b"-1", b"1e999", b"9" * 25, b"0x1", b",", b",,", b"\n", b"\r", b" ", b'"'),
    *(b"null", b"true", b"[]", b"{}", b"[" * 400, b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xff" * 8),
    *(b"\x7f\xff\xff\xff", b"\0\0\0\x80", "é٣\u2028".encode()),
]
REFUSALS = (KeyError, OSError, TypeError, ValueError)
"""What a door may raise."""
MEMORY = 8 << 30
"""Address space of a long run, in bytes; Torch alone maps some of it."""


class Door(NamedTuple):
    """A way into the library.

    Attributes:
        fill: Writes good files into a folder.
        enter: Reads them.
    """

    fill: Callable[[Path], object]
    enter: Callable[[Path], object]


def some_events(frame_s: float = 0.1) -> Events:
    """Return rows of every kind of column."""
    return Events.from_degrees(
        [0, 0, 7],
        [1, 0, 1],
        [0.0, -90.0, 33.0],
        [0.0, 0.0, 0.0],
        source=[0, 1, 0],
        distance=[1.0, 2.5, 0.5],
        onscreen=[True, False, True],
        frame_s=frame_s,
    )


def labels(name: str) -> Door:
    """Return the door of a label format."""

    def fill(folder: Path) -> None:
        events = some_events(FORMATS[name].frame_s)
        files.write_events(folder / "clip.csv", events, format=name)

    def enter(folder: Path) -> None:
        files.find_problems(folder / "clip.csv", format=name)
        assert files.read_events(folder / "clip.csv", format=name).direction.isfinite().all()

    return Door(fill, enter)


def audio(suffix: str) -> Door:
    """Return the door of a kind of recording."""

    def fill(folder: Path) -> None:
        noise = 0.1 * torch.randn(2, 400, generator=torch.Generator().manual_seed(0))
        soundfile.write(folder / f"clip{suffix}", noise.T.numpy(), RATE)

    def enter(folder: Path) -> None:
        files.read_audio(folder / f"clip{suffix}", truncated="keep", sample_rate=4000)

    return Door(fill, enter)


def _fill_store(folder: Path) -> None:
    clips = [record(folder / f"{name}.wav", 0.8, labels=some_events()) for name in "ab"]
    data.pack(clips, folder / "store")
    for clip in clips:
        clip.audio.unlink()


def _enter_store(folder: Path) -> None:
    for clip in data.Store(folder / "store"):
        clip.read()
        clip.events()


def _fill_checkpoint(folder: Path) -> None:
    data.save_checkpoint(folder / "run.safetensors", epoch=1, model=torch.nn.Linear(2, 3))


def _enter_checkpoint(folder: Path) -> None:
    data.load_checkpoint(folder / "run.safetensors", model=torch.nn.Linear(2, 3))


def _fill_adapters(folder: Path) -> None:
    network = models.with_lora(torch.nn.Linear(2, 3), rank=1)
    models.save_adapters(network, folder / "adapters.safetensors")


def _enter_adapters(folder: Path) -> None:
    models.load_adapters(torch.nn.Linear(2, 3), folder / "adapters.safetensors", base="any")


def _fill_array(folder: Path) -> None:
    files.write_audio(folder / "clip.wav", torch.zeros(4, 400), RATE)
    places = [[0.05, 0.05, 0], [-0.05, 0.05, 0], [-0.05, -0.05, 0], [0.05, -0.05, 0.01]]
    (folder / "array.json").write_text(json.dumps({"positions": places}))


def _run(words: list[str]) -> None:
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        assert program(words) in (0, 1, 2)


def _enter_array(folder: Path) -> None:
    _run(["localize", str(folder / "clip.wav"), "--array", str(folder / "array.json")])


def _enter_rooms(folder: Path) -> None:
    responses = RoomResponses(folder)
    for room in responses.rooms:
        for number in responses.positions(room):
            assert np.isfinite(responses.response(number, 8000).waveform).all()


def _enter_sofa(folder: Path) -> None:
    responses = RoomResponses(folder / "rooms.sofa")
    assert np.isfinite(responses.response(0, 8000).waveform).all()


def _fill_sounds(folder: Path) -> None:
    for name in ("knock", "voice"):
        record(folder / name / "one.wav", 0.3, channels=1)


def _enter_sounds(folder: Path) -> None:
    sounds = FolderSounds(folder)
    sounds.fingerprint()
    for label in range(len(sounds.classes)):
        assert np.isfinite(sounds.draw(label, np.random.default_rng(0), RATE)).all()


def _write_scene(folder: Path) -> None:
    synthesizer = SceneSynthesizer(duration_s=0.5, sample_rate=8000, anechoic=True)
    list(write_scenes(synthesizer, folder, 1, layout="flat", file_type="wav", num_workers=0))


def _enter_scenes(folder: Path) -> None:
    _write_scene(folder)
    corpus = data.read_folder(folder)
    for clip in corpus.clips:
        clip.events()


def _fill_class_map(folder: Path) -> None:
    (folder / "assets").mkdir()
    names = "\n".join(f"{n},/m/{n},{name}" for n, name in enumerate(("knock", "voice", "bell")))
    (folder / "assets" / "yamnet_class_map.csv").write_text(f"index,mid,display_name\n{names}\n")


def _fill_names(folder: Path) -> None:
    files.write_events(folder / "clip.csv", some_events(), format="dcase2024")
    (folder / "names.txt").write_text("knock\nvoice\n")


def _enter_names(folder: Path) -> None:
    words = ["check", str(folder / "clip.csv"), "--format", "dcase2024"]
    _run([*words, "--classes", str(folder / "names.txt"), "--json", str(folder / "found.json")])


def _fill_onnx(folder: Path) -> None:
    export_onnx(tiny_pipeline(0.5), folder / "system.onnx")


def _enter_onnx(folder: Path) -> None:
    compare_onnx(folder / "system.onnx", tiny_pipeline(0.5))


DOORS: dict[str, Door] = {
    **{name: labels(name) for name in FORMATS},
    **{suffix[1:]: audio(suffix) for suffix in (".wav", ".flac", ".ogg")},
    "label track": Door(
        lambda folder: files.write_label_track(folder / "clip.txt", some_events()),
        lambda folder: files.read_label_track(folder / "clip.txt"),
    ),
    "energy maps": Door(
        lambda folder: files.write_maps(
            folder / "clip.json", EnergyMaps.from_events(some_events())
        ),
        lambda folder: files.read_maps(folder / "clip.json"),
    ),
    "pipeline": Door(
        lambda folder: tiny_pipeline(0.5).save(folder),
        lambda folder: Pipeline.load(folder, builders={"constant": constant}),
    ),
    "checkpoint": Door(_fill_checkpoint, _enter_checkpoint),
    "adapters": Door(_fill_adapters, _enter_adapters),
    "store": Door(_fill_store, _enter_store),
    "TensorFlow bundle": Door(
        lambda folder: write(folder / "variables", ARRAYS),
        lambda folder: read_bundle(folder / "variables"),
    ),
    "array": Door(_fill_array, _enter_array),
    "names": Door(_fill_names, _enter_names),
    "class map": Door(_fill_class_map, class_names),
    "rooms": Door(write_responses, _enter_rooms),
    "SOFA": Door(lambda folder: write_sofa(folder / "rooms.sofa"), _enter_sofa),
    "sounds": Door(_fill_sounds, _enter_sounds),
    "scenes": Door(_write_scene, _enter_scenes),
    "ONNX": Door(_fill_onnx, _enter_onnx),
}


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file's bytes after one to four accidents."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        start = chance.randrange(len(content) + 1)
        stop = min(start + chance.choice((0, 1, 1, 2, 8, 60)), len(content))
        put = chance.choice(
            [b"", bytes([chance.randrange(256)]), chance.choice(PIECES), content[start:stop] * 2]
        )
        content = content[:start] + put + content[stop:]
        if chance.random() < 0.1:
            content = content[: chance.randrange(len(content) + 1)]
    return content


def try_door(door: Door, folder: Path, path: Path, content: bytes) -> str:
    """Enter while a file has another content; return how it ended.

    Raises:
        AssertionError: If a refusal does not name the file, or the folder it lies in.
        Exception: What is no refusal.
    """
    good = path.read_bytes()
    path.write_bytes(content)
    try:
        return enter(door, folder)
    finally:
        path.write_bytes(good)


def enter(door: Door, folder: Path) -> str:
    """Go through a door; return "read", or what it was refused with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            door.enter(folder)
    except REFUSALS as error:
        if str(folder) not in str(error):
            raise AssertionError(f"does not name the file: {error!r}") from error
        return type(error).__name__
    return "read"


def contents(folder: Path) -> dict[Path, bytes]:
    """Return the files below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def guided(door: Door, folder: Path, seconds: float) -> None:
    """Damage the largest file of a door, led by the lines that it reaches, and end the program."""
    atheris = importlib.import_module("atheris")

    for name, module in list(sys.modules.items()):
        if name.startswith("seldkit."):
            for thing in vars(module).values():
                if inspect.isfunction(thing) and thing.__module__ == name:
                    atheris.instrument_func(inspect.unwrap(thing))
    good = contents(folder)
    path = max(good, key=lambda each: len(good[each]))
    corpus = folder.with_name("corpus")
    corpus.mkdir()
    (corpus / "good").write_bytes(good[path])
    words = [sys.argv[0], f"-max_total_time={seconds:.0f}", f"-rss_limit_mb={MEMORY >> 20}"]
    words += ["-timeout=30"]
    atheris.Setup([*words, str(corpus)], lambda content: try_door(door, folder, path, content))
    atheris.Fuzz()


def fill_all(place: Path, names: Iterable[str] = DOORS) -> dict[str, Path]:
    """Write the good files of doors, and return the folder of each."""
    folders = {name: place / str(number) for number, name in enumerate(names)}
    for name, folder in folders.items():
        folder.mkdir()
        DOORS[name].fill(folder)
        assert enter(DOORS[name], folder) == "read", name
    return folders


if __name__ == "__main__":  # a door to be led through, and for how many seconds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        (folder,) = fill_all(Path(place), [sys.argv[1]]).values()
        guided(DOORS[sys.argv[1]], folder, float(sys.argv[2]))
