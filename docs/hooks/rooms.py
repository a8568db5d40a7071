"""Show a large room of the reference as a summary and a page for each of its headings.

The source stays one file for each room, `reference/ROOM.md`, with one `:::` line for each name.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NAME = re.compile(r"^::: (seldkit\.\S+)$", re.MULTILINE)
LARGE = 20  # names: fewer stay on one page


@dataclass
class Section:
    """What stands under one heading of a room, and the page that it becomes."""

    title: str
    uri: str
    body: str


rooms: dict[str, tuple[str, list[Section]]] = {}


def on_config(config: MkDocsConfig) -> None:
    """Find the large rooms, and list their pages where the navigation names the room."""
    rooms.clear()
    _package.cache_clear()
    for page in sorted(Path(config.docs_dir).glob("reference/*.md")):
        uri = f"reference/{page.name}"
        text = page.read_text()
        if len(NAME.findall(text)) >= LARGE:
            opening, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
            rooms[uri] = opening, [_section(uri, part) for part in parts]
    config.nav = [_with_sections(entry) for entry in config.nav or []]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the page of each heading."""
    for uri, (opening, sections) in rooms.items():
        room = opening.partition("\n")[0].removeprefix("# ")
        for section in sections:
            text = f"# {section.title}\n\nA part of [{room}](../{Path(uri).name}).\n\n"
            body = re.sub(r"\]\((?!https?:|#)", "](../", section.body)
            files.append(File.generated(config, section.uri, content=text + body))


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Put in the place of a large room what each of its names is, in a line."""
    if page.file.src_uri not in rooms:
        return markdown
    opening, sections = rooms[page.file.src_uri]
    lines = [opening.rstrip()]
    for section in sections:
        lines += ["", f"## [{section.title}]({section.uri.removeprefix('reference/')})", ""]
        lines += ["| name | what it is |", "| --- | --- |"]
        for path in NAME.findall(section.body):
            told = _package()[path.removeprefix("seldkit.")].docstring
            name = path.split(".", 2)[2]
            lines.append(f"| [`{name}`][{path}] | {told.value.splitlines()[0] if told else ''} |")
    return "\n".join([*lines, ""])


@cache
def _package() -> griffe.Object | griffe.Alias:
    return griffe.load("seldkit", search_paths=["src"])


def _section(room: str, part: str) -> Section:
    title, _, body = part.partition("\n")
    slug = re.sub(r"\W+", "-", title.lower()).strip("-")
    return Section(title, f"{room.removesuffix('.md')}/{slug}.md", body.strip() + "\n")


def _with_sections(entry: Any) -> Any:
    """Return an entry of the navigation with the pages of the rooms in it."""
    if isinstance(entry, dict):
        return {title: _with_sections(below) for title, below in entry.items()}
    if isinstance(entry, list):
        return [_with_sections(below) for below in entry]
    if entry not in rooms:
        return entry
    opening, sections = rooms[entry]
    room = opening.partition("\n")[0].removeprefix("# ")
    return {room: [{"Summary": entry}, *(section.uri for section in sections)]}
