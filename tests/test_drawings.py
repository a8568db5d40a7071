"""Drawings of networks: what is written is drawn, where it is said, and all of it is seen."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from house import ROOT

BLOCK = re.compile(r"^```drawing\n(.*?)^```", re.DOTALL | re.MULTILINE)
PAGES = sorted((ROOT / "docs" / "models").glob("*.md"))
DRAWN = {
    f"{page.stem}, {number}": source
    for page in PAGES
    for number, source in enumerate(BLOCK.findall(page.read_text()), 1)
    if page.stem != "index"
}
WORDS = st.text("abcdefg &<", min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """Return the hook, loaded as MkDocs loads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs" / "hooks")
        return importlib.import_module("drawings")


@pytest.fixture(scope="module")
def draw(hook: ModuleType) -> Callable[[str], str]:
    """Return what draws."""
    return hook.draw  # type: ignore[no-any-return]


def parts(drawing: str, kind: str) -> list[ElementTree.Element]:
    """Return the parts of a drawing of one kind."""
    return [part for part in ElementTree.fromstring(drawing).iter() if part.tag == kind]


def numbers(part: ElementTree.Element, *names: str) -> list[float]:
    """Return attributes as numbers."""
    return [float(part.attrib[name]) for name in names]


def view(drawing: str) -> list[float]:
    """Return the edges of what is shown: left, top, right, bottom."""
    x, y, width, height = map(float, ElementTree.fromstring(drawing).attrib["viewBox"].split())
    return [x, y, x + width, y + height]


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "index"], ids=str)
def test_the_page_of_every_network_has_a_drawing(page: Path) -> None:
    assert BLOCK.search(page.read_text())


@pytest.mark.parametrize("source", DRAWN.values(), ids=DRAWN)
def test_boxes_are_apart_and_all_is_seen(draw: Callable[[str], str], source: str) -> None:
    drawing = draw(source)
    assert "\n\n" not in drawing  # which would end the figure in Markdown
    assert len(parts(drawing, "svg")) == 1
    left, top, right, bottom = view(drawing)
    assert right - left <= 1300, "letters would be too small to read"
    boxes = [numbers(x, "x", "y", "width", "height") for x in parts(drawing, "rect")]
    for i, (x, y, width, height) in enumerate(boxes):
        assert left < x < x + width < right
        assert top < y < y + height < bottom
        for a, b, wide, high in boxes[:i]:
            apart = x >= a + wide or a >= x + width or y >= b + high or b >= y + height
            assert apart or (abs(x - a), abs(y - b)) == (5, 5)  # the shadow of a repeated box
    for words in parts(drawing, "text"):
        x, y = numbers(words, "x", "y")
        assert left < x < right
        assert top < y < bottom


@given(st.lists(WORDS, min_size=1, max_size=6, unique=True), st.integers(0, 3))
def test_all_that_is_written_is_drawn(
    draw: Callable[[str], str], titles: list[str], row: int
) -> None:
    drawing = draw("Told & <so>\n\n" + f"{row}: " + " > ".join(titles))
    assert [x.text for x in parts(drawing, "text")] == titles
    assert parts(drawing, "svg")[0].attrib["aria-label"] == "Told & <so>"
    assert len(parts(drawing, "rect")) == len(titles)
    assert len(parts(drawing, "path")) == 2 * (len(titles) - 1)  # a line and a head each
    middles = [numbers(x, "x")[0] for x in parts(drawing, "text")]
    assert middles == sorted(set(middles))


def test_kinds_of_boxes(draw: Callable[[str], str]) -> None:
    drawing = draw("Told\n\n0: ~in / 7 > one=block / 64 *3 > ?maybe > (+) > !out")
    styles = [x.attrib["class"] for x in parts(drawing, "rect")]
    assert styles == ["faint", "faint", "line", "faint", "arc"]  # a shadow before its box
    assert [x.text for x in parts(drawing, "text")] == [
        *("in", "7", "\N{MULTIPLICATION SIGN} 3", "block", "64", "maybe", "+", "out")
    ]
    assert len(parts(drawing, "circle")) == 1


def test_a_line_may_go_on_and_a_column_may_be_empty(draw: Callable[[str], str]) -> None:
    whole = draw("Told\n\n0: a > b > c\n1: . | d | e")
    assert draw("Told\n\n0: a > b\n   > c\n1: .\n   | d | e") == whole
    a, b, c, d, e = (numbers(x, "x", "y") for x in parts(whole, "text"))
    assert (b[0], c[0]) == (d[0], e[0])
    assert a[1] == b[1] == c[1] < d[1] == e[1]
    assert len(parts(whole, "path")) == 4


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("a > b", ("right", "left")),
        ("a v b", ("bottom", "left")),
        ("a ^ b", ("right", "top")),
        ("a u b", ("bottom", "bottom")),
        ("a n b", ("top", "top")),
    ],
)
def test_links_leave_and_come_in_where_they_should(
    draw: Callable[[str], str], line: str, ends: tuple[str, str]
) -> None:
    drawing = draw(f"Told\n\n0: a\n1: . | b\n{line} marked: words")
    edges = []
    for x, y, width, height in (
        numbers(box, "x", "y", "width", "height") for box in parts(drawing, "rect")
    ):
        middle = {"left": (x, y + height / 2), "right": (x + width, y + height / 2)}
        edges.append(middle | {"top": (x + width / 2, y), "bottom": (x + width / 2, y + height)})
    head, way = (re.findall(r"-?[\d.]+", x.attrib["d"]) for x in parts(drawing, "path"))
    assert tuple(map(float, way[:2])) == pytest.approx(edges[0][ends[0]], abs=1e-3)
    assert tuple(map(float, head[:2])) == pytest.approx(edges[1][ends[1]], abs=1e-3)
    assert parts(drawing, "text")[-1].text == "words"
    assert {x.attrib["class"] for x in parts(drawing, "path")} == {"arc", "marked"}


def test_stitches_and_notes(draw: Callable[[str], str]) -> None:
    boxes = "Told\n\n0: a > b\n1: c > d\n"
    plain = draw(boxes)
    stitched = draw(boxes + "a o c: stitch")
    assert len(parts(stitched, "circle")) == 2
    assert "stitch" in [x.text for x in parts(stitched, "text")]
    for what in ("over a b", "under c d", "frame a d", "note a"):
        noted = draw(boxes + f"{what}: first / second")
        assert [x.text for x in parts(noted, "text")][-2:] == ["first", "second"]
        assert len(parts(noted, "path")) == len(parts(plain, "path")) + (what != "note a")


@pytest.mark.messages
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("0: a > a", "boxes must have different names, got twice 'a'"),
        ("0: a\na > b", "a link must name boxes, got 'a > b'"),
        ("0: a\nwhatever", "a line of a drawing must be a lane or a link, got 'whatever'"),
    ],
)
def test_messages(draw: Callable[[str], str], body: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(f"Told\n\n{body}")


def test_mkdocs_is_told_of_the_language(hook: ModuleType) -> None:
    from mkdocs.config.defaults import MkDocsConfig

    config = MkDocsConfig()
    config.mdx_configs = {}
    hook.on_config(config)
    (fence,) = config.mdx_configs["pymdownx.superfences"]["custom_fences"]
    figure = fence["format"](DRAWN["einv2, 1"], "drawing", "drawing", {}, None)
    assert fence["name"] == "drawing"
    assert figure.startswith('<figure class="drawing">\n<svg')
