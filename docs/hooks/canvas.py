"""What drawings are made of: boxes, words and lines, in the colours of the page.

Classes of the style sheet: `line` and `faint` are outlines, `arc` stands out, `marked` fills with
the same colour, `small` is for words beside the title.
"""

import re
from dataclasses import dataclass, field
from html import escape

Point = tuple[float, float]

TITLE, SMALL, LINE = 15, 13, 18  # sizes of letters, and from one line to the next
PAD, RADIUS, HEAD, SHADOW = 10, 11, 9, 5
STYLES = {
    "": 'class="line"',
    "~": 'class="faint"',
    "!": 'class="arc"',
    "?": 'class="faint" stroke-dasharray="4 4"',
}
NARROW, WIDE = set("fijlrtI.,:;'|()[]/- "), set("mwMW@%")


def words_width(words: str, size: float) -> float:
    """Return about how wide words are: fonts differ, so boxes have room to spare."""
    narrow, wide = (sum(letter in kind for letter in words) for kind in (NARROW, WIDE))
    capital = sum(letter.isupper() for letter in words)
    return size * (0.57 * len(words) - 0.25 * narrow + 0.28 * wide + 0.1 * capital)


@dataclass
class Box:
    """A box, or a circle around one sign: what is written in it, and where it is."""

    style: str
    lines: list[str]
    times: str | None
    column: int
    row: float
    middle: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0

    @property
    def sign(self) -> str | None:
        """What stands in the circle; None for a box."""
        found = re.fullmatch(r"\((.)\)", self.lines[0])
        return found and found[1]

    @property
    def shadow(self) -> int:
        """How far a repeated box reaches beyond itself."""
        return SHADOW if self.times else 0

    @property
    def left(self) -> float:
        """Where an arrow comes in."""
        return self.middle - self.width / 2

    @property
    def right(self) -> float:
        """Where a line goes out."""
        return self.middle + self.width / 2 + self.shadow

    @property
    def top(self) -> float:
        """Its upper edge, with the shadow."""
        return self.y - self.height / 2 - self.shadow

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height / 2

    def fit(self) -> None:
        """Take the size of what is written."""
        title, *small = self.lines
        if self.sign:
            self.width = self.height = 2 * RADIUS
            return
        widths = [words_width(title, TITLE), *(words_width(line, SMALL) for line in small)]
        self.width, self.height = max(widths) + 2 * PAD, LINE * len(self.lines) + 3 * PAD


@dataclass
class Canvas:
    """What is drawn so far, and how far it reaches."""

    parts: list[str] = field(default_factory=list)
    reached: list[Point] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    turns: dict[str, list[Box]] = field(default_factory=dict)

    def text(self, x: float, y: float, words: str, kind: str = "small") -> None:
        """Write words around a place."""
        half = words_width(words, SMALL if kind == "small" else TITLE) / 2
        self.reached += [(x - half, y - 12), (x + half, y + 5)]
        of_kind = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{of_kind} x="{x:g}" y="{y:g}">{escape(words)}</text>')

    def box(self, box: Box) -> None:
        """Draw a box with its words, and one behind it where it is repeated."""
        self.boxes.append(box)
        self.reached += [(box.left, box.top), (box.right, box.bottom)]
        style = STYLES[box.style]
        if box.sign:
            self.parts.append(f'<circle {style} cx="{box.middle:g}" cy="{box.y:g}" r="{RADIUS}"/>')
            self.text(box.middle, box.y + 5, box.sign, "")
            return
        y = box.bottom - box.height
        size = f'width="{box.width:g}" height="{box.height:g}" rx="6"/>'
        if box.times:
            behind = f'x="{box.left + SHADOW:g}" y="{y - SHADOW:g}"'
            self.parts.append(f"<rect {STYLES['~']} {behind} {size}")
            self.text(box.right - 12, box.top - 7, f"\N{MULTIPLICATION SIGN} {box.times}", "marked")
        self.parts.append(f'<rect {style} x="{box.left:g}" y="{y:g}" {size}')
        first = box.y - LINE * (len(box.lines) - 1) / 2 + 5
        for i, line in enumerate(box.lines):
            self.text(box.middle, first + LINE * i, line, "small" if i else "")

    def path(self, *points: Point, kind: str = "line", head: bool = True) -> None:
        """Draw a line across and down through points, with the head of an arrow at the last."""
        self.reached += points
        (x0, y0), (x, y) = points[-2:]
        if head:
            right, down = (x > x0) - (x < x0), (y > y0) - (y < y0)
            back = (x - HEAD * right, y - HEAD * down)
            wings = [(back[0] + s * 4 * down, back[1] + s * 4 * right) for s in (1, -1)]
            filled = ' class="marked"' if kind == "arc" else ""
            self.parts.append(f'<path{filled} d="{_trace((x, y), *wings)}z"/>')
            points = (*points[:-1], back)
        self.parts.append(f'<path class="{kind}" d="{_trace(*points)}"/>')

    def turn(self, way: str, origin: Box) -> int:
        """Return how many lines of other origins went the same way before."""
        origins = self.turns.setdefault(way, [])
        if origin not in origins:
            origins.append(origin)
        return origins.index(origin)

    def between(self, first: Box, last: Box) -> list[Box]:
        """Return the boxes in the columns from one to another."""
        return [box for box in self.boxes if first.column <= box.column <= last.column]

    def dot(self, x: float, y: float) -> None:
        """Draw the end of a stitch."""
        self.parts.append(f'<circle class="marked" cx="{x:g}" cy="{y:g}" r="5"/>')

    def svg(self, told: str, width: float) -> str:
        """Return the picture, at least so wide, that is told to those who do not see it."""
        xs, ys = zip(*self.reached, strict=True)
        wide, high = max(xs) - min(xs) + 4, max(ys) - min(ys) + 4
        left = min(xs) - 2 - max(0, width - wide) / 2
        view = f"{left:g} {min(ys) - 2:g} {max(width, wide):g} {high:g}"
        opening = f'<svg viewBox="{view}" role="img" aria-label="{escape(told)}">'
        return "\n".join([opening, '<g text-anchor="middle">', *self.parts, "</g>", "</svg>"])


def _trace(*points: Point) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
