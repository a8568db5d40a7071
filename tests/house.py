"""The public names of the library, as the tests of its frame see them."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import seldkit

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "seldkit"


def rooms() -> dict[str, ModuleType]:
    """Return the public modules by name: those below the root and those that a room exports."""
    below = [m.name for m in pkgutil.iter_modules(seldkit.__path__) if not m.name.startswith("_")]
    found = {}
    for name in below:
        module = importlib.import_module(f"seldkit.{name}")
        found[name] = module
        found |= {f"{name}.{n}": m for n, m in exports(module) if inspect.ismodule(m)}
    return found


def exports(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module offers: its `__all__`, or the functions and classes it defines."""
    own = [n for n, thing in vars(module).items() if _defined_in(module, thing) and n[0] != "_"]
    for name in getattr(module, "__all__", own):
        yield name, getattr(module, name)


def public_objects() -> dict[str, object]:
    """Return every public function, class and constant by its blessed path."""
    return {
        f"seldkit.{room}.{name}": thing
        for room, module in rooms().items()
        for name, thing in exports(module)
        if not inspect.ismodule(thing)
    }


def _defined_in(module: ModuleType, thing: object) -> bool:
    kinds = inspect.isfunction(thing) or inspect.isclass(thing)
    return kinds and getattr(thing, "__module__", None) == module.__name__
