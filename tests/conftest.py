"""Where reference numbers and real recordings are, a seed for every test, and the program."""

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from seldkit.cli import main

ROOT = Path(__file__).parents[1]

# Thousands of tests and the graphs of exported networks are many objects: looking through them as
# often as by default takes time, and finds little.
gc.set_threshold(20_000, 20, 50)

# Under load any example may be slow. The same examples every time, so that a change passes or fails
# by what it changes; SELDKIT_EXAMPLES=new looks for others.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("new", deadline=None)
settings.load_profile(os.environ.get("SELDKIT_EXAMPLES", "same"))

REFERENCE = "0,0,0,10,0\n1,0,0,10,0\n1,1,1,90,0\n10,0,0,10,0\n10,0,2,-90,0\n11,0,0,10,0\n"
PREDICTION = "0,0,0,20,0\n1,0,0,14,0\n1,1,0,60,0\n10,0,0,16,0\n11,1,0,90,0\n"


@pytest.hookimpl(tryfirst=True)  # before others choose by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark examples of docstrings as such."""
    for item in items:
        if isinstance(item, pytest.DoctestItem):
            item.add_marker("doctests")


def _finder(variable: str, default: Path) -> Callable[[str], Path]:
    folder = Path(os.environ.get(variable, default))

    def find(name: str) -> Path:
        if not folder.is_dir():
            pytest.skip(f"{variable} is not set and {default} is no folder")
        path = folder / name
        assert path.exists(), f"{path} is missing"
        return path

    return find


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    """Return a function from a name to the path of a published implementation's output."""
    return _finder("SELDKIT_GOLDEN", ROOT.parent / "shared" / "golden")


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Return a function from a name to the path of real recordings and labels."""
    return _finder("SELDKIT_DATA", ROOT.parent / "shared" / "data")


@pytest.fixture(scope="module")
def dask() -> Iterator[Executor]:
    """Return the executor of a cluster of two workers in this process, without any port."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from distributed import Client, LocalCluster

        cluster = LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        )
    with cluster, Client(cluster) as client:
        yield client.get_executor()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # tests are small: threads would only wait for one another


@pytest.fixture
def seldkit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return the program: words in; exit code, output and messages out."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def clips(write: Callable[[str, str], Path]) -> None:
    """Write two clips: one with every kind of error, and one that is found as it is."""
    for side, first in (("reference", REFERENCE), ("prediction", PREDICTION)):
        write(f"{side}/mix001.csv", first)
        write(f"{side}/mix002.csv", "0,1,0,30,0\n5,1,0,30,0\n")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a file, and the folders that it stands in."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
