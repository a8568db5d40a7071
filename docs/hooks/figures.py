"""Give pictures of matplotlib the colours of the page, to be right on white and on dark."""

import re

FIGURE = re.compile(r"<svg\b(?:(?!</svg>).)*?Matplotlib.*?</svg>", re.DOTALL)
COLOURS = {
    "#ffffff": "var(--md-default-bg-color)",
    "#000000": "currentcolor",
}


def on_page_content(html: str, **_: object) -> str:
    """Recolour what is black or white in each picture: MkDocs calls this for every page."""
    return FIGURE.sub(_recolour, html)


def _recolour(figure: re.Match[str]) -> str:
    text = figure[0].replace("<svg", '<svg class="figure" fill="currentcolor"', 1)
    for plain, themed in COLOURS.items():
        text = re.sub(rf"(fill|stroke): {plain}", rf"\1: {themed}", text)
    return text
