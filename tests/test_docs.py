"""README and reference pages tell the truth: code runs, names are complete, commands exist."""

import re
from pathlib import Path

import pytest

from house import ROOT, public_objects, rooms

README = (ROOT / "README.md").read_text()
REFERENCE = ROOT / "docs" / "reference"
NAVIGATION = (ROOT / "mkdocs.yml").read_text()
PAGES = sorted({name.split(".")[0] for name in rooms()})


def test_the_code_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    shown = re.search(r"```text\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    told = capsys.readouterr().out.splitlines()[: len(lines)]
    assert [line.partition(",")[0] for line in told] == [line.partition(",")[0] for line in lines]


def test_the_commands_of_the_readme_exist() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.rsplit(" && ", 1)[1] for command in commands] == [
        ".venv/bin/python examples/train_einv2.py",
        ".venv/bin/python -m pytest -n auto",
    ]
    assert (ROOT / "examples" / "train_einv2.py").is_file()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "examples/README.md"])
def test_files_linked_on_the_front_pages_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(
        r'src(?:set)?="(.*?)"', text
    )
    folder = (ROOT / page).parent
    assert [link for link in links if not (folder / link).exists()] == []


def test_the_list_of_examples_is_complete() -> None:
    listed = (ROOT / "examples" / "README.md").read_text()
    scripts = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
    assert [name for name in scripts if f"]({name})" not in listed] == []
    numbers = re.findall(r"^\| (\d+) \|", listed, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("room", PAGES)
def test_the_reference_names_everything_once(room: str) -> None:
    page = REFERENCE / f"{room}.md"
    assert page.is_file(), f"docs/reference/{room}.md is missing"
    assert f"reference/{room}.md" in NAVIGATION, f"mkdocs.yml does not list reference/{room}.md"
    title, sentence, *_ = page.read_text().split("\n\n")
    assert title.startswith("# ")
    assert sentence.endswith("."), "a page opens with one sentence saying what the room is for"
    listed = re.findall(r"^::: (\S+)$", page.read_text(), re.MULTILINE)
    public = [path for path in public_objects() if path.startswith(f"seldkit.{room}.")]
    missing = [f"::: {path}" for path in public if path not in listed]
    assert not missing, "\n".join([f"docs/reference/{room}.md lacks:", *missing])
    assert sorted(listed) == sorted(public)


def test_every_reference_page_has_a_room() -> None:
    assert [
        page.stem for page in REFERENCE.glob("*.md") if page.stem not in {"index", *PAGES}
    ] == []
