"""Turn formulas into MathML when the site is built, so that pages need no script and no network."""

import re
from html import unescape

from latex2mathml.converter import convert

FORMULA = re.compile(
    r'<(span|div) class="arithmatex">(?:\\\((?P<inline>.+?)\\\)|\\\[(?P<block>.+?)\\\])</\1>',
    re.DOTALL,
)
OPERATOR = re.compile(r"\\operatorname\{(\w+)\}")


def on_page_content(html: str, **_: object) -> str:
    """Replace what arithmatex marked in the rendered page: MkDocs calls this for every page."""
    return FORMULA.sub(_mathml, html)


def _mathml(formula: re.Match[str]) -> str:
    tex = unescape(formula["inline"] or formula["block"]).strip()
    upright = OPERATOR.sub(r"\,\\text{\1}", tex)  # the converter splits names such as atan2
    return convert(upright, display="block" if formula["block"] else "inline")
