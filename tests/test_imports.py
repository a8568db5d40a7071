"""What an import brings in: a block costs what it needs, the root and the version nothing."""

import subprocess
import sys

import pytest

import seldkit

pytestmark = pytest.mark.programs

NEEDS = {
    **{room: {"einops"} for room in ("backbones", "compat", "heads", "layers", "models")},
    "data": {"safetensors"},
    **{room: {"einops", "safetensors"} for room in ("pipeline", "pretrained")},
}
"""What a room may load beyond torch and NumPy; rooms that are not named, nothing."""


def run(code: str) -> str:
    """Run code in a Python of its own; return what it prints."""
    told = subprocess.run([sys.executable, "-c", code], check=True, text=True, capture_output=True)
    return told.stdout


def test_the_root_and_the_version_load_nothing() -> None:
    told = run(
        "import sys\n"
        "import seldkit\n"
        "from seldkit.cli import main\n"
        "try:\n"
        "    main(['--version'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted({'torch', 'numpy', 'seldkit.io', 'seldkit.metrics'} & set(sys.modules)))\n"
    )
    assert told.splitlines()[-1] == "[]"


def test_a_room_loads_only_what_its_blocks_need() -> None:
    # scipy and soundfile are loaded by the functions that use them, matplotlib by plots.
    code = (
        "import importlib, sys\n"
        "sys.modules['jaxtyping'] = None  # of tests alone\n"
        "import numpy.random, torch\n"
        "import seldkit\n"
        "ours = {*sys.stdlib_module_names, 'seldkit', 'torch', 'torchgen'}\n"
        "def loaded(): return {name.split('.')[0] for name in sys.modules} - ours\n"
        "for room in ROOMS:\n"
        "    before = loaded()\n"
        "    importlib.import_module(f'seldkit.{room}')\n"
        "    print(room, *sorted(loaded() - before))\n"
    )
    rooms = [*(name for name in seldkit.__all__ if name.islower()), "pipeline"]
    rooms.sort(key=lambda room: len(NEEDS.get(room, ())))  # each shows what it brings in itself
    told = run(code.replace("ROOMS", repr(rooms)))
    found = {room: set(brought) for room, *brought in map(str.split, told.splitlines())}
    assert set(found) == set(rooms)
    assert {room: found[room] - NEEDS.get(room, set()) for room in rooms} == {
        r: set() for r in rooms
    }


def test_the_root_names_its_rooms() -> None:
    assert set(seldkit.__all__) <= set(dir(seldkit))
    everything: dict[str, object] = {}
    exec("from seldkit import *", everything)
    assert set(seldkit.__all__) <= set(everything)
    assert everything["Events"] is seldkit.events.Events
    with pytest.raises(AttributeError, match="module 'seldkit' has no attribute 'layer'"):
        _ = seldkit.layer
    with pytest.raises(ImportError, match="cannot import name 'layer' from 'seldkit'"):
        exec("from seldkit import layer")
