"""Live pages: their choice among notebooks, their parameters, and the cells that they show.

A notebook becomes a page by its title, its question, and the cells that it tags `live`: what comes
before them runs unseen, and what comes after, or is tagged `report`, would only let people wait.
"""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from synvae_workbench.reports.parameters import (
    TAG,
    notebook_parameters,
    parse_parameters,
    read_notebook,
)

NUMBERS = range(40, 50)
LIVE, REPORT = "live", "report"
NAME = re.compile(r"\d\d_\w+")


class Page(NamedTuple):
    """A live page: its address, its title, the question that it answers, and its notebook."""

    name: str
    title: str
    question: str
    path: Path


def live_pages(folder: Path) -> list[Page]:
    """The live pages among the notebooks of a folder, by number.

    Raises:
        ValueError: if there is none, or one lacks a title or a question.
    """
    paths = sorted(path for number in NUMBERS for path in folder.glob(f"{number}_*.ipynb"))
    pages = [_page(path) for path in paths if NAME.fullmatch(path.stem)]
    if not pages:
        numbers = f"{NUMBERS[0]} to {NUMBERS[-1]}"
        raise ValueError(f"{folder} has no live page: expected notebooks numbered {numbers}")
    return pages


def _page(path: Path) -> Page:
    first = read_notebook(path).cells[0].source
    title = re.match(r"# +(\S.*)", first)
    question = re.search(r"\*\*(.+?\?)\*\*", first, re.DOTALL)
    if title is None or question is None:
        raise ValueError(f"{path.name} must begin with '# Title' and its **question?** in bold")
    return Page(path.stem, title[1].strip(), " ".join(question[1].split()), path)


def page_parameters(pages: list[Page], texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Parses values typed as text by the parameters of each page, by the page's name.

    Raises:
        ValueError: for a name that no page declares, or a value of another type.
    """
    known = {page.name: notebook_parameters(page.path) for page in pages}
    for name in texts:
        if not any(name in declared for declared in known.values()):
            names = ", ".join(dict.fromkeys(name for each in known.values() for name in each))
            raise ValueError(f"no live page has a parameter {name!r}. They know: {names}.")
    return {
        page.name: parse_parameters(
            page.path, {name: text for name, text in texts.items() if name in known[page.name]}
        )
        for page in pages
    }


def live_notebook(
    notebook: nbformat.NotebookNode, page: Page, parameters: Mapping[str, Any]
) -> nbformat.NotebookNode:
    """Reduces a notebook to its page: title, question, and the cells tagged `live`.

    A notebook without such a cell runs and shows everything.
    """
    shown = copy.deepcopy(notebook)
    shown.metadata["title"] = page.title
    for cell in shown.cells:
        if _has(cell, TAG):  # what is given stands below what is declared, as papermill does
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    live = [i for i, cell in enumerate(shown.cells) if _has(cell, LIVE)]
    if not live:
        return shown
    first, *rest = shown.cells[: live[-1] + 1]
    first.source = "\n\n".join(first.source.split("\n\n")[:2])
    for cell in rest:
        if cell.cell_type == "code" and not _has(cell, LIVE):
            cell.source = f"%%capture\n{cell.source}"
    runs = [cell for cell in rest if cell.cell_type == "code" and not _has(cell, REPORT)]
    shown.cells = [first, *(cell for cell in rest if _has(cell, LIVE) or cell in runs)]
    return shown


def _has(cell: nbformat.NotebookNode, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])
