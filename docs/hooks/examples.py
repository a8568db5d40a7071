"""Put the examples on the site: their list, a page with the source of each, and links to these."""

import ast
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

FOLDER = Path("examples")
PICTURE = re.compile(r"!\[[^]]*\]\((\w+\.svg)\)")
NAMED = re.compile(r'(?<!">)<code>(?:python )?examples/(\w+)\.py</code>')


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the list of the examples and a page for each: MkDocs calls this once."""
    listed = re.sub(r"\]\((\w+)\.py\)", r"](\1.md)", (FOLDER / "README.md").read_text())
    listed = listed.replace("](../docs/", "](../")
    listed = PICTURE.sub(_picture, listed)
    files.append(File.generated(config, "examples/index.md", content=listed))
    for script in sorted(FOLDER.glob("*.py")):
        source = script.read_text()
        told = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        text = f"# {script.name}\n\n{told}\n\n```python\n{source}```\n"
        files.append(File.generated(config, f"examples/{script.stem}.md", content=text))


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Make the name of an example a link to its source, wherever it stands."""

    def link(named: re.Match[str]) -> str:
        url = get_relative_url(f"examples/{named[1]}/", page.url)
        return f'<a href="{url}">{named[0]}</a>'

    return NAMED.sub(link, html)


def _picture(shown: re.Match[str]) -> str:
    """Return a picture as a part of the page, whose colours it can take."""
    return f"<figure><svg{(FOLDER / shown[1]).read_text().partition('<svg')[2]}</figure>"
