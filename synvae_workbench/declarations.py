"""Parameters declared in a notebook cell, `NAME = VALUE  # comment`, with plain typed values."""

import ast
import io
import math
import tokenize
from collections.abc import Mapping
from typing import Any, NamedTuple

TYPES = {kind.__name__: kind for kind in (bool, int, float, str, list)}
MARK = "SMOKE"  # in every notebook: identifies the cell of parameters


class Parameter(NamedTuple):
    """A declared parameter: default, type (or None if `optional`) and comment."""

    default: Any
    type: type
    optional: bool
    help: str


def declarations(source: str, name: str) -> dict[str, Parameter]:
    """Parses the parameters that a cell declares, in order.

    Args:
        name: of the notebook, for messages.

    Raises:
        ValueError: if the cell holds anything but plain values of the types bool, int, float, str
            and list.
    """
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


def current_parameters() -> dict[str, Any]:
    """Parameters of the notebook that runs in this process, with their current values; else {}.

    They are the names in executed cells that contain nothing but declarations, with `SMOKE` among
    them; not the constants of other cells or imports.
    """
    from IPython import get_ipython  # slow to import outside of notebooks

    shell = get_ipython()
    names: dict[str, Parameter] = {}
    for source in shell.user_ns.get("In", ()) if shell else ():
        try:
            declared = declarations(source, "an executed cell")
        except ValueError:
            continue
        names |= declared if MARK in declared else {}
    return {name: shell.user_ns[name] for name in names if name in shell.user_ns}


def check_value(value: Any, parameter: Parameter, where: str) -> Any:
    """Converts a value to the declared type.

    Raises:
        ValueError: for a value of another type; the message begins with `where`.
    """
    kind = parameter.type
    if value is None and parameter.optional:
        return None
    if kind is float and type(value) is int:
        value = float(value)
    # type() and not isinstance: True is an int in Python, but not what a user means by one.
    if type(value) is not kind:
        raise ValueError(f"{where}: expected {describe_type(parameter)}, got {value!r}")
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{where}: expected a finite number, got {value!r}")
    if kind is list and isinstance(parameter.default, list) and parameter.default:
        item = Parameter(None, type(parameter.default[0]), False, "")
        return [check_value(element, item, f"{where}[{i}]") for i, element in enumerate(value)]
    return value


def describe_type(parameter: Parameter) -> str:
    """Name of a parameter's type, with its notation."""
    name = parameter.type.__name__
    hint = {"bool": " (true or false)", "list": " (such as [1, 2])"}.get(name, "")
    return f"{name}{hint}{' or None' if parameter.optional else ''}"


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
    return key, declared._replace(default=check_value(default, declared, f"{name}: {key}"))


def _comments(source: str) -> dict[int, str]:
    """Comments at the ends of lines, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
