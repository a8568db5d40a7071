"""Where the reference numbers and the real recordings are, and a seed for every test."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


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


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # tests are small: threads would only wait for one another
