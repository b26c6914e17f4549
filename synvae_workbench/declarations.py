"""Parameters declared in a notebook cell, `NAME = VALUE  # comment`, with plain typed values."""

import ast
import io
import math
import re
import tokenize
from collections.abc import Mapping
from typing import Any, NamedTuple

TYPES = {kind.__name__: kind for kind in (bool, int, float, str, list)}
MARK = "SMOKE"  # in every notebook: identifies the cell of parameters
NUMBER = r"(?<![\d.,])(-?\d+(?:\.\d+)?)"
# The words of comments that state a range, and are held to. Below 0 a notebook takes its own value.
LEAST, ABOVE = re.compile(rf"{NUMBER} or more"), re.compile(rf"\babove {NUMBER}")
BY_SPACES = "by spaces"  # and numbers in a default that is such a list: so must be the value
BELOW, BETWEEN = re.compile(rf"\bbelow {NUMBER}"), re.compile(rf"{NUMBER} to {NUMBER}")
UNWRITABLE = re.compile(r"[\ud800-\udfff]")  # bytes that the locale's encoding does not know
PATH = re.compile(r"\bpath\b")  # in the comment of a text that names a file or a folder


class Parameter(NamedTuple):
    """A declared parameter: default, type (or None if `optional`) and comment."""

    default: Any
    type: type
    optional: bool
    help: str

    @property
    def is_path(self) -> bool:
        """Whether the comment calls it a path, which counts from where it was typed."""
        return self.type is str and PATH.search(self.help) is not None


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


def current_parameters(*, check: bool = False) -> dict[str, Any]:
    """Parameters of the notebook that runs in this process, with their current values; else {}.

    They are the names in executed cells that contain nothing but declarations, with `SMOKE` among
    them; not the constants of other cells or imports.

    Args:
        check: refuses values of other types than declared, or outside of the stated range.

    Raises:
        ValueError: naming the parameter that is refused.
    """
    declared, namespace = _declared_here()
    found = {name: namespace[name] for name in declared if name in namespace}
    return {k: check_value(v, declared[k], k) for k, v in found.items()} if check else found


def current_defaults() -> dict[str, Any]:
    """Defaults of the parameters of the notebook that runs in this process; else {}."""
    return {name: parameter.default for name, parameter in _declared_here()[0].items()}


def _declared_here() -> tuple[dict[str, Parameter], Mapping[str, Any]]:
    """Parameters that executed cells of this process declare, and the values of all names."""
    from IPython import get_ipython  # slow to import outside of notebooks

    shell = get_ipython()
    namespace: Mapping[str, Any] = shell.user_ns if shell else {}
    names: dict[str, Parameter] = {}
    for source in namespace.get("In", ()):
        try:
            declared = declarations(source, "an executed cell")
        except ValueError:
            continue
        if MARK in declared:  # papermill's own cell says nothing of them
            names |= {k: each for k, each in declared.items() if each.help or k not in names}
    return names, namespace


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
    if kind in (int, float):
        _check_range(value, parameter, where)
    if kind is str and BY_SPACES in parameter.help and _numbers(parameter.default):
        _check_numbers(value, parameter, where)
    if kind is str and UNWRITABLE.search(value):
        raise ValueError(f"{where}: expected text in UTF-8, got {value!a}: rename it")
    if kind is list and isinstance(parameter.default, list) and parameter.default:
        item = Parameter(None, type(parameter.default[0]), False, "")
        return [check_value(element, item, f"{where}[{i}]") for i, element in enumerate(value)]
    return value


def _numbers(text: str) -> list[float] | None:
    """Finite numbers that a text lists by spaces; None if one is none, or there are none."""
    try:
        found = [float(word) for word in text.split()]
    except ValueError:
        return None
    return found if found and all(map(math.isfinite, found)) else None


def _check_numbers(text: str, parameter: Parameter, where: str) -> None:
    """Holds numbers that are listed by spaces to the range that the comment states.

    Raises:
        ValueError: if one is no number, or lies outside.
    """
    found = _numbers(text)
    if found is None:
        raise ValueError(f"{where}: expected numbers by spaces, got {text!r}")
    for number in found:
        _check_range(number, Parameter(number, float, False, parameter.help), where)


def _check_range(value: float, parameter: Parameter, where: str) -> None:
    """Holds a number to the range that the comment states, or counts to 0 or more.

    Raises:
        ValueError: if it lies outside.
    """
    words = parameter.help
    if BELOW.search(words) and not ABOVE.search(words):
        return  # below 0: the configuration's own
    if not any(pattern.search(words) for pattern in (LEAST, ABOVE, BETWEEN)):
        counts = parameter.type is int and (parameter.default or 0) >= 0
        words = "0 or more" if counts else ""
    outside = [
        stated[0]
        for pattern, wrong in (
            (LEAST, lambda low: value < low),
            (ABOVE, lambda low: value <= low),
            (BELOW, lambda high: value >= high),
            (BETWEEN, lambda low, high: not low <= value <= high),
        )
        if (stated := pattern.search(words)) and wrong(*map(float, stated.groups()))
    ]
    if outside:
        raise ValueError(f"{where}: expected {outside[0]}, got {value!r}")


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
