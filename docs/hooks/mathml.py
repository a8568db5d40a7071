"""Turn formulas into MathML when the site is built, and give it the glyphs that they need.

So that pages need no script, no network and no mathematics font of the reader's.
"""

import re
from html import unescape
from importlib.metadata import distribution
from pathlib import Path
from unicodedata import normalize

from fontTools import subset
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig

FORMULA = re.compile(
    r'<(span|div) class="arithmatex">(?:\\\((?P<inline>.+?)\\\)|\\\[(?P<block>.+?)\\\])</\1>',
    re.DOTALL,
)
OPERATOR = re.compile(r"\\operatorname\{(\w+)\}")
FONT = "ziamath/fonts/STIXTwoMath-Regular.ttf"
MATHML = re.compile(r"<math.+?</math>", re.DOTALL)
ITALICS = [chr(point) for point in (0x210E, *range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C))]


def on_page_content(html: str, **_: object) -> str:
    """Replace what arithmatex marked in the rendered page: MkDocs calls this for every page."""
    return FORMULA.sub(_mathml, html)


def on_post_build(config: MkDocsConfig) -> None:
    """Write STIX Two Math, cut down to the characters that the formulas of the site have.

    It is under the SIL Open Font License 1.1, as its own table of names says.
    """
    site = Path(config.site_dir)
    pages = [page.read_text() for page in site.glob("**/*.html")]
    formulas = (formula for page in pages for formula in MATHML.findall(page))
    used = {letter for text in formulas for letter in unescape(re.sub(r"<[^>]+>", "", text))}
    italics = {letter for letter in ITALICS if normalize("NFKC", letter) in used}
    options = subset.Options(
        flavor="woff", hinting=False, layout_features=["flac", "ssty"], name_IDs=["*"]
    )
    font = subset.load_font(str(distribution("ziamath").locate_file(FONT)), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(used | italics)))
    subsetter.subset(font)
    subset.save_font(font, site / "assets" / "stix-two-math.woff", options)


def _mathml(formula: re.Match[str]) -> str:
    tex = unescape(formula["inline"] or formula["block"]).strip()
    upright = OPERATOR.sub(r"\,\\text{\1}", tex)  # the converter splits names such as atan2
    return convert(upright, display="block" if formula["block"] else "inline")
