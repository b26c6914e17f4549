"""Parameters of notebooks: declared defaults, and checked values to give instead.

Papermill only warns about a misspelt name, after a kernel has started, and passes any type. Here
both are refused before.
"""

import ast
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from synvae_core.atomic import write_text
from synvae_core.small_files import read_small
from synvae_workbench.declarations import Parameter, check_value, declarations, describe_type
from synvae_workbench.places import typed_path

TAG = "parameters"
MAX_BYTES = 500_000_000  # of a notebook; executed ones hold sounds and figures
BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def notebook_parameters(path: Path) -> dict[str, Parameter]:
    """Reads the declarations of the one cell tagged `parameters`, in its order.

    Raises:
        ValueError: if the file is no notebook, has no such cell or several, or if the cell holds
            anything but plain values of the types bool, int, float, str and list.
    """
    return declared_parameters(read_notebook(path), path.name)


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Reads a notebook in format 4.5, in which cells have ids.

    Raises:
        ValueError: if there is no such file, or it is no notebook.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such notebook; expected a path like notebooks/NAME.ipynb")
    content, invalid = read_small(path, most_bytes=MAX_BYTES), {}
    try:
        read = nbformat.reads(content.decode(), as_version=4, capture_validation_error=invalid)
        notebook = nbformat.v4.upgrade(read)
    except Exception as error:  # nbformat raises its own, json's, and AttributeError
        raise ValueError(f"{path} is not a Jupyter notebook: {error}") from error
    if invalid:
        words = str(invalid["ValidationError"]).partition("\n")[0][:200]
        raise ValueError(f"{path} is not a Jupyter notebook: {words}")
    return notebook


def write_notebook(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Writes a notebook atomically, as nbformat does.

    Raises:
        UnwritableError: if the disk is full or read-only; what was there before stays.
    """
    write_text(path, nbformat.writes(notebook).removesuffix("\n") + "\n")


def declared_parameters(notebook: nbformat.NotebookNode, name: str) -> dict[str, Parameter]:
    """Reads declarations of a notebook in memory, called `name` in messages; errors as above."""
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"{name}: expected one cell tagged {TAG!r}, found {len(cells)}")
    return declarations(cells[0].source, name)


def check_parameters(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the given values, and converts them to the types that the notebook declares.

    Raises:
        ValueError: for a name that it does not declare, or a value of another type.
    """
    known = notebook_parameters(path)
    return {
        name: check_value(value, _declaration_of(name, known, path), f"{path.name}: {name}")
        for name, value in given.items()
    }


def parse_parameters(path: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    """Parses values typed as text by the declared types; else as `typed_parameters`."""
    known = notebook_parameters(path)
    values = {
        name: _parse_value(text, _declaration_of(name, known, path), f"{path.name}: {name}")
        for name, text in texts.items()
    }
    return typed_parameters(path, values)


def typed_parameters(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Checks values as `check_parameters`; paths among them count from the current folder."""
    known = notebook_parameters(path)
    return {
        name: typed_path(value, path.parent) if value and known[name].is_path else value
        for name, value in check_parameters(path, given).items()
    }


def _declaration_of(name: str, known: Mapping[str, Parameter], path: Path) -> Parameter:
    if name in known:
        return known[name]
    upper = {key.upper(): key for key in known}
    close = difflib.get_close_matches(name.upper(), upper, n=1)
    guess = f"; did you mean {upper[close[0]]!r}?" if close else "."
    known_names = ", ".join(known) or "none"
    raise ValueError(f"{path.name} has no parameter {name!r}{guess} It knows: {known_names}.")


def _parse_value(text: str, parameter: Parameter, where: str) -> Any:
    kind = parameter.type
    if parameter.optional and text == "None":
        return None
    try:
        if kind is bool:
            return BOOLS[text.lower()]
        if kind is list:
            return ast.literal_eval(text)
        return kind(text)
    except (KeyError, ValueError, TypeError, SyntaxError):
        raise ValueError(f"{where}: expected {describe_type(parameter)}, got {text!r}") from None
