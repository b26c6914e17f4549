"""The parameters of a notebook: what it declares, and what may be given instead.

Papermill only warns about a misspelt name, after a kernel has started, and passes any type. Here
both are refused before.
"""

import ast
import difflib
import io
import math
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

TAG = "parameters"
TYPES = {kind.__name__: kind for kind in (bool, int, float, str, list)}
BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Parameter(NamedTuple):
    """A declared parameter: its default, type (None as well if `optional`) and comment."""

    default: Any
    type: type
    optional: bool
    help: str


def notebook_parameters(path: Path) -> dict[str, Parameter]:
    """What the one cell tagged `parameters` declares, in its order.

    Raises:
        ValueError: if the file is no notebook, has no such cell or several, or if the cell holds
            anything but plain values of the types bool, int, float, str and list.
    """
    return declared_parameters(read_notebook(path), path.name)


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook in format 4.5, in which cells have ids.

    Raises:
        ValueError: if there is no such file, or it is no notebook.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such notebook; expected a path like notebooks/NAME.ipynb")
    try:
        return nbformat.v4.upgrade(nbformat.read(path, as_version=4))
    except Exception as error:  # nbformat raises its own, json's, and AttributeError
        raise ValueError(f"{path} is not a Jupyter notebook: {error}") from error


def declared_parameters(notebook: nbformat.NotebookNode, name: str) -> dict[str, Parameter]:
    """As `notebook_parameters`, of a notebook in memory that is called `name` in messages."""
    cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"{name}: expected one cell tagged {TAG!r}, found {len(cells)}")
    source = cells[0].source
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"{name}: the cell of parameters is not Python: {error}") from error
    comments = _comments(source)
    parameters = {}
    for statement in statements:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        key, parameter = _declaration(statement, comments, name)
        parameters[key] = parameter
    return parameters


def _declaration(
    statement: ast.stmt, comments: Mapping[int, str], name: str
) -> tuple[str, Parameter]:
    wrong = ValueError(
        f"{name}, cell of parameters, line {statement.lineno}: expected NAME = VALUE with a plain "
        f"bool, int, float, str or list, got {ast.unparse(statement)!r}"
    )
    match statement:
        case ast.AnnAssign(target=ast.Name(id=key), annotation=annotation, value=ast.expr()):
            kinds = [kind.strip() for kind in ast.unparse(annotation).split("|")]
        case ast.Assign(targets=[ast.Name(id=key)]):
            kinds = []
        case _:
            raise wrong
    try:
        default = ast.literal_eval(statement.value)
    except ValueError:
        raise wrong from None
    optional = "None" in kinds
    kinds = [kind.partition("[")[0] for kind in kinds if kind != "None"] or [type(default).__name__]
    if len(kinds) != 1 or kinds[0] not in TYPES:
        raise wrong
    declared = Parameter(default, TYPES[kinds[0]], optional, comments.get(statement.end_lineno, ""))
    return key, declared._replace(default=_checked(default, declared, f"{name}: {key}"))


def _comments(source: str) -> dict[int, str]:
    """Text of the comment that ends each line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def check_parameters(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, as the types that the notebook declares.

    Raises:
        ValueError: for a name that it does not declare, or a value of another type.
    """
    known = notebook_parameters(path)
    return {
        name: _checked(value, _find(name, known, path), f"{path.name}: {name}")
        for name, value in given.items()
    }


def parse_parameters(path: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    """Values typed as text, read by the declared types; errors as in `check_parameters`."""
    known = notebook_parameters(path)
    values = {
        name: _parsed(text, _find(name, known, path), f"{path.name}: {name}")
        for name, text in texts.items()
    }
    return check_parameters(path, values)


def _find(name: str, known: Mapping[str, Parameter], path: Path) -> Parameter:
    if name in known:
        return known[name]
    upper = {key.upper(): key for key in known}
    close = difflib.get_close_matches(name.upper(), upper, n=1)
    guess = f"; did you mean {upper[close[0]]!r}?" if close else "."
    known_names = ", ".join(known) or "none"
    raise ValueError(f"{path.name} has no parameter {name!r}{guess} It knows: {known_names}.")


def _checked(value: Any, parameter: Parameter, where: str) -> Any:
    kind = parameter.type
    if value is None and parameter.optional:
        return None
    if kind is float and type(value) is int:
        value = float(value)
    # type() and not isinstance: True is an int to Python, but never what a user meant by one.
    if type(value) is not kind:
        raise ValueError(f"{where}: expected {_kind(parameter)}, got {value!r}")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value!r}")
    if kind is list and isinstance(parameter.default, list) and parameter.default:
        item = Parameter(None, type(parameter.default[0]), False, "")
        return [_checked(element, item, f"{where}[{i}]") for i, element in enumerate(value)]
    return value


def _parsed(text: str, parameter: Parameter, where: str) -> Any:
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
        raise ValueError(f"{where}: expected {_kind(parameter)}, got {text!r}") from None


def _kind(parameter: Parameter) -> str:
    name = parameter.type.__name__
    hint = {"bool": " (true or false)", "list": " (such as [1, 2])"}.get(name, "")
    return f"{name}{hint}{' or None' if parameter.optional else ''}"
