"""What the pages say can be done: their links lead somewhere, their commands are understood."""

import re
import shlex
from pathlib import Path

import pytest

from synvae_workbench.__main__ import parser
from synvae_workbench.batch.notebooks import find_notebook
from synvae_workbench.reports import parse_parameters, read_notebook

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "pretrained").glob("*/CARD.md")),
]
INDEX = re.compile(r"^\| \dx \w+ \| \[(\d\d) ([^\]]+)\]\(notebooks/([^)]+)\)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> list[str]:
    """What stands behind `synvae` in code, a table's included, without what # explains."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(?:\.venv/bin/)?(synvae [^`]+)`", text)
    found = [line.partition("  #")[0].strip() for line in lines]
    return [line.removeprefix("synvae ") for line in found if line.startswith("synvae ")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_code_name_the_module_or_what_it_defines(page):
    for label, target in re.findall(
        r"\[([^\]]+)\]\(([^)#\s]+\.py)\)", page.read_text(encoding="utf-8")
    ):
        module = page.parent / target
        defined = set(
            re.findall(r"^(?:def|class) (\w+)", module.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert target.endswith(f"/{label}.py") or set(label.split(", ")) <= defined, target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_understood_and_name_what_there_is(page):
    for command in commands(page):
        options = parser().parse_args(shlex.split(command))
        if command.startswith("run "):
            notebook = find_notebook(str(options.notebook), ROOT / "notebooks")
            parse_parameters(notebook, dict(options.parameter))


def test_commands_are_found():
    assert len(commands(ROOT / "README.md")) > 5


def test_the_index_names_each_notebook_by_its_title():
    listed = set(INDEX.findall((ROOT / "README.md").read_text(encoding="utf-8")))
    there = sorted((ROOT / "notebooks").glob("*.ipynb"))
    titles = [read_notebook(path).cells[0].source.partition("\n")[0] for path in there]
    assert listed == {
        (path.name[:2], title.removeprefix("# "), path.name)
        for path, title in zip(there, titles, strict=True)
    }
