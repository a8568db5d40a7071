"""Pages tell the truth: programs print what is shown, and examples give what stands below them."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from house import ROOT
from seldkit.cli import main

PAGES = {
    str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.glob("docs/**/*.md"))
}
TRANSCRIPT = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILE = re.compile(r'^```csv title="(\S+)"\n(.*?)^```', re.DOTALL | re.MULTILINE)


@pytest.fixture
def page(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a page, and enter a folder that holds the files which it shows."""
    text = PAGES[request.param]
    monkeypatch.chdir(tmp_path)
    for name, rows in FILE.findall(text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(rows)
    return text


def test_files_are_put_in_as_they_must_be_named() -> None:
    """A formatter takes the mark of a file, in a block of Python, for an expression."""
    assert [name for name, text in PAGES.items() if re.search(r"--8\s+<", text)] == []


@pytest.mark.parametrize(
    "page", [name for name, text in PAGES.items() if TRANSCRIPT.search(text)], indirect=True
)
def test_programs_print_what_is_shown(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for transcript in TRANSCRIPT.findall(page):
        _, *parts = re.split(r"^\$ (.*)\n", transcript, flags=re.MULTILINE)
        for command, shown in zip(parts[::2], parts[1::2], strict=True):
            program, *words = shlex.split(command)
            assert program == "seldkit"
            main(words)
            out, err = capsys.readouterr()
            assert f"{err}{out}" == shown


@pytest.mark.parametrize(
    "page", [name for name, text in PAGES.items() if ">>>" in text], indirect=True
)
def test_examples_give_what_stands_below_them(page: str) -> None:
    text = page.replace("\n```\n", "\n\n")  # the end of a block is no output
    examples = doctest.DocTestParser().get_doctest(text, {}, "page", None, None)
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0
