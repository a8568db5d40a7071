"""The habits of the house that no linter holds."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from house import ROOT, SOURCE, public_objects

pytestmark = pytest.mark.programs

FILES = sorted(SOURCE.rglob("*.py"))
FORBIDDEN = {"pickle", "torchaudio", "torchcodec", "torchvision", "timm"}
EXTRAS = (
    "distributed",
    "jaxtyping",
    "lightning",
    "lightning_fabric",
    "matplotlib",
    "optuna",
    "pyroomacoustics",
    "pytorch_optimizer",
    "sofar",
    "sounddevice",
    "tqdm",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imports(tree: ast.AST) -> set[str]:
    """Return the modules that a file imports anywhere, relative ones with their dots."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_source_file_keeps_the_habits(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    modules = imports(tree)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert len(text.splitlines()) <= 300, "split it: a file is one term of the field"
    assert calls & {"print", "torch.load", "torch.save", "torch.manual_seed"} == set()
    assert {name.split(".")[0] for name in modules} & FORBIDDEN == set()
    assert [name for name in modules if name.startswith(".")] == []
    assert path == SOURCE / "__init__.py" or "seldkit" not in modules, "name the room imported from"


def test_no_public_name_hides_a_file() -> None:
    hidden = [
        path
        for path in public_objects()
        if (ROOT / "src" / f"{path.replace('.', '/')}.py").exists()
    ]
    assert hidden == [], (
        "`seldkit.room.name` would be the file for one, and its content for another"
    )


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = [path.name for path in ROOT.glob("tests/**/test_*.py")]
    assert sorted(names) == sorted(set(names)), "pytest collects files by their names"


def test_every_module_imports_without_the_extras() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
        "import seldkit\n"
        "for module in pkgutil.walk_packages(seldkit.__path__, 'seldkit.'):\n"
        "    importlib.import_module(module.name)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_one_version_everywhere() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    released = re.search(r"^## ([\d.]+) - ([\d-]+)$", changes, re.MULTILINE)
    assert released is not None
    version, date = released.groups()
    assert version == PROJECT["version"]
    cited = f"\nversion: {version}\ndate-released: {date}\n"
    assert cited in (ROOT / "CITATION.cff").read_text()


def test_every_dependency_is_pinned() -> None:
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    wanted = {
        re.split(r"[\[<>=; ]", requirement)[0].lower().replace("_", "-")
        for requirement in sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
    }
    assert wanted - pinned - {"seldkit"} == set()
