"""The built site as a reader sees it: nothing sticks out, and search finds what is looked for."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, browser, served

SITE = Path(os.environ.get("SELDKIT_SITE", Path(__file__).parents[2] / "site"))
PAGES = sorted(
    f"{page.parent.relative_to(SITE)}/".removeprefix("./") for page in SITE.glob("**/index.html")
)
PHONE, DESK = 390, 1280

LEAVES_ITS_BOX = """
[...document.querySelectorAll(".drawing svg")].flatMap(svg => {
  const boxes = [...svg.querySelectorAll("rect")].map(rect => rect.getBBox());
  return [...svg.querySelectorAll("text")].filter(text => {
    const own = text.getBBox(), x = own.x + own.width / 2, y = own.y + own.height / 2;
    const around = boxes.filter(box =>
      box.x <= x && x <= box.x + box.width && box.y <= y && y <= box.y + box.height);
    return around.length && around.every(box =>
      own.x < box.x || own.x + own.width > box.x + box.width);
  }).map(text => text.textContent);
})
"""
CUT_TABLES = """
[...document.querySelectorAll("article table:not(.highlighttable)")].filter(
  table => table.getBoundingClientRect().width > table.closest(".md-typeset").clientWidth + 1
).map(table => table.textContent.trim().slice(0, 60))
"""
TYPE = """
(() => {
  document.querySelector(".md-search-result__list").replaceChildren();
  const field = document.querySelector("[data-md-component=search-query]");
  field.focus();
  field.value = %s;
  field.dispatchEvent(new Event("keyup"));
})()
"""
FOUND = """
(links => links.length && links.slice(0, 5).map(
  link => link.getAttribute("href").replace(/[?][^#]*/, "")
))([...document.querySelectorAll(".md-search-result__link")])
"""

WORDS = {
    "normalisation": "glossary/#normalisation-standardisation-scaler",
    "standardization": "glossary/#normalisation-standardisation-scaler",
    "positional encoding": "glossary/#positional-encoding",
    "CSV": "glossary/#csv-label-file-metadata",
    "DOA": "glossary/#direction-of-arrival-doa-doae",
    "direction of arrival": "glossary/#direction-of-arrival-doa-doae",
    "ambisonics": "glossary/#ambisonics-foa-b-format",
    "B-format": "glossary/#b-format",
    "hub": "how-to/share-a-system/",
    "FOA": "-in-foa-",
    "GCC-PHAT": "gcc-phat",
    "intensity vector": "glossary/#intensity-vector",
    "log-mel": "glossary/#log-mel-spectrogram",
    "SALSA": "salsa",
    "ACCDOA": "accdoa",
    "permutation": "permutation",
    "cross-stitch": "cross-stitch",
    "conformer": "conformer",
    "augmentation": "augmentation",
    "reverberation": "glossary/#reverberation-room-impulse-response-rir",
    "polyphony": "glossary/#overlap-polyphony",
    "fine-tuning": "glossary/#transfer-learning-fine-tuning",
    "threshold": "threshold",
    "latency": "glossary/#streaming-real-time-latency",
    "EINV2": "models/einv2/",
    "SELDnet": "models/seldnet/",
    "F-score": "glossary/#seld-score-f-score-error-rate",
}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Return the address of the site, served to this machine alone."""
    with served(SITE) as url:
        yield url


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    """Return a browser."""
    with browser() as tab:
        yield tab


def test_every_page_fits_a_phone_and_a_desk(site: str, tab: Browser) -> None:
    faults: dict[str, object] = {}
    # Each page would build the index of the search again, which takes a second or two.
    tab.call("Network.setBlockedURLs", urls=["*/search_index.json"])
    for page in PAGES:
        tab.look(width=PHONE)
        tab.open(site + page)
        width = tab.ask("document.documentElement.scrollWidth")
        if width > PHONE:
            faults[f"{page} on a phone"] = width
        tab.look(width=DESK)
        if cut := tab.ask(CUT_TABLES):
            faults[f"{page}: tables that are cut"] = cut
        if words := tab.ask(LEAVES_ITS_BOX):
            faults[f"{page}: words that leave their box"] = words
    tab.call("Network.setBlockedURLs", urls=[])
    assert faults == {}
    assert [asked for asked in tab.requests if not asked.startswith((site, "data:", "blob:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_have_the_colours_of_the_page(site: str, tab: Browser, scheme: str) -> None:
    tab.open(site)
    tab.ask("localStorage.clear()")  # where the choice of a reader is kept
    tab.look(width=DESK, scheme=scheme)
    tab.open(site)
    shown = tab.ask("document.body.dataset.mdColorScheme")
    assert shown == {"light": "default", "dark": "slate"}[scheme]
    ground = tab.ask("getComputedStyle(document.body).backgroundColor")
    paper = "getComputedStyle(document.querySelector('svg.figure path')).fill"
    assert tab.ask(paper) == ground
    words = tab.ask("getComputedStyle(document.querySelector('article p')).color")
    assert tab.ask("getComputedStyle(document.querySelector('svg.figure')).fill") == words
    assert words != ground


def test_formulas_have_their_own_font(site: str, tab: Browser) -> None:
    tab.open(site + "balancing/")
    assert tab.wait(
        "[...document.fonts].some(font =>"
        " font.family.includes('STIX Two Math') && font.status === 'loaded')"
    )


def test_search_finds_the_words_of_the_field(site: str, tab: Browser) -> None:
    tab.open(site)
    missed = {}
    for words, place in WORDS.items():
        tab.ask(TYPE % json.dumps(words))
        found = tab.wait(FOUND)
        if not any(place in link for link in found):
            missed[words] = found
    assert missed == {}
