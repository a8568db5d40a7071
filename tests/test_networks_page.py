"""The table of all networks has every one, by pages that exist."""

import contextlib
import io
import re
from typing import Any

import pytest
import torch

from house import ROOT
from seldkit import models
from seldkit._builders import built_by

PAGE = (ROOT / "docs" / "models" / "index.md").read_text()
CODE = re.findall(r'^```python exec="on"[^\n]*\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE)
NO_NETWORKS = {"with_adapters", "with_lora"}  # they change one


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """Return what the code of the page defines, before it counts."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(CODE[0].partition("HEAD = ")[0], "index.md", "exec"), names)
    return names


@pytest.fixture(scope="module")
def rows(names: dict[str, Any]) -> list[Any]:
    """Return the rows of all tables."""
    return [row for group in names["GROUPS"].values() for row in group]


def test_every_builder_is_in_the_table(rows: list[Any]) -> None:
    with torch.device("meta"):
        calls = [built_by(row.build()) for row in rows]
    built = {call.name for call in calls if call is not None}
    builders = {name for name in models.__all__ if hasattr(getattr(models, name), "is_builder")}
    assert builders - NO_NETWORKS - built == set()


def test_every_page_is_in_the_table_and_in_the_navigation(rows: list[Any]) -> None:
    pages = {row.page.partition("#")[0].rstrip("/") for row in rows}
    folder = ROOT / "docs" / "models"
    assert [page for page in pages if not (folder / f"{page}.md").resolve().is_file()] == []
    stems = {page.stem for page in folder.glob("*.md")} - {"index"}
    assert stems - pages == set()
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert [stem for stem in stems if f"models/{stem}.md" not in navigation] == []


def test_costs_are_counted(names: dict[str, Any], rows: list[Any]) -> None:
    (row,) = (row for row in rows if row.name == "SELDnet")
    parameters, products = names["cost"](row)
    assert parameters == 737_141
    # The first convolution of 7 x 3 x 3 numbers at 64 x 250 x 64 places is the larger half.
    assert 0.4 < 7 * 9 * 64 * 50 * 64 / products < 0.6


def test_every_network_has_a_card(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(compile(CODE[1], "index.md", "exec"), names)
    cards = re.findall(r"^-   \[\*\*.*?\*\*\]\((\w+)/\)$", shown.getvalue(), re.MULTILINE)
    pages = {page.stem for page in (ROOT / "docs" / "models").glob("*.md")} - {"index"}
    assert sorted(cards) == sorted(pages)
    assert shown.getvalue().count("    ```drawing\n") == len(cards)
