"""The built site is whole and stands alone: its links lead somewhere, and it loads nothing else."""

import os
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

SITE = Path(os.environ.get("SELDKIT_SITE", Path(__file__).parents[2] / "site"))
LOADED = {"img", "script", "source", "iframe", "video", "audio", "embed", "object"}


@dataclass
class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the attributes of an element that name an address or a place."""
        given = {name: value for name, value in attrs if value}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loads.append(given["href"])
        if tag in LOADED:
            self.loads += [given[name] for name in ("src", "data", "poster") if name in given]


def read(path: Path) -> Page:
    """Return what stands in a page."""
    page = Page()
    page.feed(path.read_text())
    return page


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    """Return every page of the site by its address."""
    assert (SITE / "index.html").is_file(), f"no site in {SITE}: run mkdocs build --strict"
    found = sorted(SITE.glob("**/*.html"))
    return {f"/{path.relative_to(SITE)}".removesuffix("index.html"): read(path) for path in found}


def is_outside(address: str) -> bool:
    """Return whether an address is on another machine."""
    return bool(urlsplit(address).netloc)


def test_pages_load_nothing_from_elsewhere(pages: dict[str, Page]) -> None:
    loaded = [(where, what) for where, page in pages.items() for what in page.loads]
    assert [pair for pair in loaded if is_outside(pair[1])] == []
    for sheet in SITE.glob("**/*.css"):
        named = re.findall(r"url\(\s*['\"]?([^'\")]+)", sheet.read_text())
        assert [what for what in named if is_outside(what)] == [], sheet


def test_no_link_is_broken(pages: dict[str, Page]) -> None:
    broken = []
    for where, page in pages.items():
        for what in (*page.links, *page.loads):
            target = urlsplit(urljoin(where, what))
            if target.scheme or target.netloc:
                continue
            path, place = unquote(target.path), unquote(target.fragment)
            if path in pages:
                if place and place not in pages[path].places and place != "__top":
                    broken.append((where, what))
            elif not (SITE / path.lstrip("/")).is_file():
                broken.append((where, what))
    assert broken == []


def test_every_page_can_be_reached_from_the_first(pages: dict[str, Page]) -> None:
    reached, new = set(), {"/"}
    while new:
        reached |= new
        links = {urljoin(where, what) for where in new for what in pages[where].links}
        new = ({urlsplit(link).path for link in links} & pages.keys()) - reached
    assert pages.keys() - reached - {"/404.html"} == set()
