"""Draw networks of a few words: boxes in lanes, and what leads from one to another.

A block of the language `drawing` is a sentence for those who do not see the drawing, an empty line,
and then a line for each lane or link, which goes on where the next begins with spaces:

    0: ~features / 7 channels / 64 bins > conv of 64 / norm, ReLU *3 > gru=GRU 128
    1: . | . | . > head=!activity / 13 classes
    gru > head

A lane begins with its height; whole numbers are apart as far as the highest box needs. Its boxes
stand in columns: `>` is an arrow from one to the next, `|` is none, `.` leaves a column empty. A
box is a title and small lines. Its name is what stands before `=`, or the title. `~` is for what
comes in, `!` for what goes out, `?` for an option; `*3` repeats a box, and `(+)` is a circle.

    a > b         an arrow, across to the column before, up or down, across
    a v b         up or down, then across
    a ^ b         across, then up or down
    a u b         below all that lies between; a n b above it
    a o b         a stitch behind both
    over a b      a bracket; also under, and frame
    note a        words below

A link may end in `marked`, to stand out, and in a colon and words.
"""

import re
from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig

from canvas import LINE, SMALL, TITLE, Box, Canvas, words_width  # MkDocs looks beside a hook

LANE = re.compile(r"(\d+(?:\.\d+)?): (.+)")
BOX = re.compile(r"(?:(\w+)=)?([~!?]?)(.+?)(?: \*(\w+))?")
LINK = re.compile(r"(\w+) ([>v^uno]) (\w+)( marked)?(?:: (.+))?")
NOTE = re.compile(r"(over|under|frame|note) (\w+)(?: (\w+))?: (.+)")
WIDTH, CLOSEST, WIDEST, APART = 960, 26, 56, 44


def on_config(config: MkDocsConfig) -> None:
    """Take blocks of the language `drawing`: MkDocs calls this once."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {})
    own = {"name": "drawing", "class": "drawing", "format": figure}
    fences["custom_fences"] = [*fences.get("custom_fences", []), own]


def figure(source: str, *_: object, **__: Any) -> str:
    """Return the figure of a block: the extension of Markdown calls this for each."""
    return f'<figure class="drawing">\n{draw(source)}\n</figure>'


def draw(source: str) -> str:
    """Return a drawing as SVG, or raise `ValueError` for a line that it does not know."""
    told, _, body = source.strip().partition("\n\n")
    boxes: dict[str, Box] = {}
    arrows: list[tuple[str, str]] = []
    others = []
    for line in re.sub(r"\n +", " ", body).splitlines():
        if lane := LANE.fullmatch(line):
            arrows += _add_lane(boxes, float(lane[1]), lane[2])
        else:
            others.append(line)
    _place([*boxes.values()])
    canvas = Canvas()
    for box in boxes.values():
        canvas.box(box)
    for before, after in arrows:
        _draw_across(canvas, boxes[before], boxes[after], "line", None)
    for line in others:
        _draw_line(canvas, boxes, line)
    return canvas.svg(" ".join(told.split()), WIDTH)


def _add_lane(boxes: dict[str, Box], row: float, lane: str) -> Iterator[tuple[str, str]]:
    """Add the boxes of a lane, and yield the names at both ends of each arrow."""
    before, arrow = "", False
    for column, cell in enumerate(re.split(r" (?=[>|] )", f"| {lane}")):
        arrow |= cell.startswith(">")
        read = BOX.fullmatch(cell[2:])
        if read is None or read[3] == ".":
            continue
        lines = read[3].split(" / ")
        name = read[1] or lines[0]
        if name in boxes:
            raise ValueError(f"boxes must have different names, got twice {name!r}")
        boxes[name] = Box(read[2], lines, read[4], column, row)
        if arrow:
            yield before, name
        before, arrow = name, False


def _place(boxes: list[Box]) -> None:
    """Give boxes their sizes and places: columns spread over the width, lanes as high as needed."""
    columns = [0.0] * (1 + max(box.column for box in boxes))
    for box in boxes:
        box.fit()
        columns[box.column] = max(columns[box.column], box.width)
    between = (WIDTH - sum(columns)) / max(1, len(columns) - 1)
    between = min(max(between, CLOSEST), WIDEST)
    pitch = max(box.height for box in boxes) + APART
    for box in boxes:
        before = sum(columns[: box.column]) + between * box.column
        box.middle, box.y = before + columns[box.column] / 2, pitch * box.row
        if not box.sign:
            box.width = columns[box.column]
            box.height = max(other.height for other in boxes if other.row == box.row)


def _draw_line(canvas: Canvas, boxes: dict[str, Box], line: str) -> None:
    note, link = NOTE.fullmatch(line), LINK.fullmatch(line)
    try:
        if note:
            first, last = boxes[note[2]], boxes[note[3] or note[2]]
            around = canvas.between(first, last) if note[1] == "frame" else [first, last]
            _draw_note(canvas, note[1], around, note[4])
        elif link:
            kind = "arc" if link[4] else "line"
            _draw_link(canvas, boxes[link[1]], link[2], boxes[link[3]], kind, link[5])
        else:
            raise ValueError(f"a line of a drawing must be a lane or a link, got {line!r}")
    except KeyError as error:
        raise ValueError(f"a link must name boxes, got {line!r}") from error


def _draw_note(canvas: Canvas, what: str, boxes: list[Box], words: str) -> None:
    left, right = min(box.left for box in boxes), max(box.right for box in boxes)
    top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
    middle, lines = (left + right) / 2, words.split(" / ")
    if what == "note":
        y = bottom + 20
    elif what == "frame":
        corners = [(left - 9, top - 9), (right + 9, top - 9), (right + 9, bottom + 9)]
        canvas.path(*corners, (left - 9, bottom + 9), corners[0], kind="faint", head=False)
        y = top - 17
    else:
        edge, to = (top - 14, 6) if what == "over" else (bottom + 14, -6)
        ends = [(left, edge + to), (left, edge), (right, edge), (right, edge + to)]
        canvas.path(*ends, kind="faint", head=False)
        y = edge - 8 if what == "over" else edge + 18
    for i, line in enumerate(lines):
        canvas.text(middle, y + LINE * i, line)


def _draw_link(canvas: Canvas, a: Box, way: str, b: Box, kind: str, words: str | None) -> None:
    down, onto = (a.bottom, b.top) if b.y > a.y else (a.top, b.bottom)
    if way == "o":
        x = max(a.right, b.right) + 13
        canvas.path((x, a.y), (x, b.y), kind="arc", head=False)
        canvas.dot(x, a.y)
        canvas.dot(x, b.y)
        _beside(canvas, x, (a.y + b.y) / 2, words, "arc")
    elif way in "un":
        _draw_around(canvas, a, way, b, kind, words)
    elif a.column == b.column:
        canvas.path((a.middle, down), (a.middle, onto), kind=kind)
        _beside(canvas, a.middle, (down + onto) / 2, words, kind)
    elif way == "v":
        canvas.path((a.middle, down), (a.middle, b.y), (b.left, b.y), kind=kind)
        _beside(canvas, a.middle, (down + b.y) / 2, words, kind)
    elif way == "^":
        canvas.path((a.right, a.y), (b.middle, a.y), (b.middle, onto), kind=kind)
        _beside(canvas, b.middle, (a.y + onto) / 2, words, kind)
    else:
        _draw_across(canvas, a, b, kind, words)


def _draw_across(canvas: Canvas, a: Box, b: Box, kind: str, words: str | None) -> None:
    turn = b.left - 17
    between = [] if a.y == b.y else [(turn, a.y), (turn, b.y)]
    canvas.path((a.right, a.y), *between, (b.left, b.y), kind=kind)
    _beside(canvas, turn, (a.y + b.y) / 2, words, kind)


def _draw_around(canvas: Canvas, a: Box, way: str, b: Box, kind: str, words: str | None) -> None:
    far, between = 24 + 16 * canvas.turn(way, a), canvas.between(a, b)
    if way == "u":
        out, into, y = a.bottom, b.bottom, max(box.bottom for box in between) + far
    else:
        out, into, y = a.top, b.top, min(box.top for box in between) - far
    canvas.path((a.middle, out), (a.middle, y), (b.middle, y), (b.middle, into), kind=kind)
    if words:
        place = y + 17 if way == "u" else y - 7
        canvas.text((a.middle + b.middle) / 2, place, words, _word_kind(kind))


def _beside(canvas: Canvas, x: float, y: float, words: str | None, kind: str) -> None:
    """Write words to the left of a line."""
    if words:
        wide = words_width(words, TITLE if kind == "arc" else SMALL)
        canvas.text(x - 9 - wide / 2, y + 5, words, _word_kind(kind))


def _word_kind(kind: str) -> str:
    return "marked" if kind == "arc" else "small"
