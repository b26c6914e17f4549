"""Notebooks by number, name or path, and the question that each answers."""

import difflib
import re
from pathlib import Path

from synvae_core.places import whole_path
from synvae_workbench.reports import notebook_parameters, read_notebook

NUMBERED = re.compile(r"(\d+)_(.+)")
QUESTION = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


def find_notebook(what: str, folder: Path) -> Path:
    """The notebook of a folder that a number (`12`), a name (`train_synvae`) or a path names.

    Raises:
        ValueError: if there is none, or if a number names several.
    """
    path = Path(what)
    if path.suffix in (".yaml", ".yml"):
        raise ValueError(f"{what} is a file of parameters: run it by `synvae sweep {what}`")
    if path.suffix == ".ipynb" and (whole := whole_path(what)).is_file():
        return whole
    known = {path.stem: path for path in sorted(folder.glob("[!.]*.ipynb"))}
    wanted = path.name.removesuffix(".ipynb")
    if wanted in known:
        return known[wanted]
    split = {stem: NUMBERED.fullmatch(stem) for stem in known}
    found = [
        stem for stem, parts in split.items() if parts and wanted in short_names(*parts.groups())
    ]
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise ValueError(f"{what!r} may be {' or '.join(found)}: name one of them in full")
    names = {parts[2] if parts else stem: stem for stem, parts in split.items()}
    close = difflib.get_close_matches(re.sub(r"^\d+_", "", wanted), names, n=1)
    guess = f"did you mean {names[close[0]]}? " if close else ""
    raise ValueError(
        f"{what!r} is no notebook of {folder}; {guess}"
        "Expected a number, a name or a path: `synvae list` shows them"
    )


def short_names(number: str, name: str) -> set[str]:
    """Short names of `07_train`: `train`, `07` and `7`."""
    return {name, number, str(int(number))}


def question_of(path: Path) -> str:
    """The notebook's question: the first words in bold of its first cell, on one line."""
    cells = read_notebook(path).cells
    match = QUESTION.search(cells[0].source) if cells else None
    return " ".join(match[1].split()) if match else ""


def parameter_lines(path: Path) -> list[str]:
    """The notebook's parameters in columns: name, type, default, and what it is."""
    known = notebook_parameters(path)
    rows = [(n, p.type.__name__, repr(p.default), p.help) for n, p in known.items()]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    template = "   " + "".join(f" {{:{width}}}" for width in widths) + " {}"
    return [template.format(*row) for row in rows]
