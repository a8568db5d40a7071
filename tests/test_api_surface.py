"""The public names and signatures, written down: a change of the interface is a change of a file.

`python tests/test_api_surface.py` writes `tests/api_surface.json` anew.
"""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

import seldkit
from house import public_objects, rooms

UNSAID = {"extra_repr", "reset_parameters"}
RECORD = Path(__file__).with_name("api_surface.json")
OBJECTS = public_objects()


def surface() -> dict[str, str]:
    """Return the signature of every public function, class and method, without annotations."""
    lines = {}
    for path, thing in OBJECTS.items():
        lines[path] = _signature(thing)
        if inspect.isclass(thing):
            lines |= {f"{path}.{name}": text for name, text in _members(thing)}
    return dict(sorted(lines.items()))


def _signature(thing: object) -> str:
    if not callable(thing) or isinstance(thing, property):
        return type(thing).__name__
    if isinstance(thing, type) and issubclass(thing, Exception):
        return "(*args)"  # those of Python have no signature to read
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(thing).parameters.values()
    ]
    # A function stands by its name, not by where it lies in memory.
    return re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(inspect.Signature(bare)))


def _members(cls: type) -> Iterator[tuple[str, str]]:
    """Yield what a class has beyond the public classes that it is one of."""
    bases = [base for base in cls.__mro__[1:] if base in OBJECTS.values()]
    inherited = {pair for base in bases for pair in _members(base)}
    for owner in cls.__mro__:
        if owner.__module__.startswith("seldkit."):
            for name, member in vars(owner).items():
                method = isinstance(member, property | classmethod | staticmethod | FunctionType)
                told = name, _signature(getattr(cls, name))
                public = not name.startswith("_") and name not in UNSAID
                if method and public and told not in inherited:
                    yield told


def test_the_interface_is_the_one_written_down() -> None:
    recorded, now = json.loads(RECORD.read_text()), surface()
    gone = [f"- {name}{recorded[name]}" for name in sorted(recorded.keys() - now.keys())]
    new = [f"+ {name}{now[name]}" for name in sorted(now.keys() - recorded.keys())]
    changed = [
        f"- {name}{recorded[name]}\n+ {name}{now[name]}"
        for name in sorted(recorded.keys() & now.keys())
        if recorded[name] != now[name]
    ]
    assert not gone + new + changed, "\n".join(
        [
            "the public interface changed:",
            *gone,
            *new,
            *changed,
            "if it is meant, run .venv/bin/python tests/test_api_surface.py and amend CHANGELOG.md",
        ]
    )


@pytest.mark.parametrize("path", OBJECTS)
def test_every_public_object_tells_what_it_is(path: str) -> None:
    thing = OBJECTS[path]
    if inspect.isfunction(thing) or inspect.isclass(thing):
        assert vars(thing).get("__doc__") or thing.__doc__, f"{path} has no docstring"


def test_a_name_has_one_path() -> None:
    paths: dict[object, list[str]] = {}
    for path, thing in OBJECTS.items():
        if inspect.isfunction(thing) or inspect.isclass(thing):
            paths.setdefault(thing, []).append(path)
    assert [found for found in paths.values() if len(found) > 1] == []


def test_packages_list_their_names() -> None:
    packages = {name: room for name, room in rooms().items() if hasattr(room, "__path__")}
    assert [name for name, room in packages.items() if not hasattr(room, "__all__")] == []


def test_the_root_exports_the_rooms_and_the_common_coins() -> None:
    coins = {"events": "Events", "outputs": "SELDOutput", "pipeline": "Pipeline"}
    assert set(seldkit.__all__) == {coins.get(name, name) for name in rooms() if "." not in name}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(surface(), indent=1) + "\n")
