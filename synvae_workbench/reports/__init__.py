"""Notebooks run headless into self-contained HTML reports.

Each name is imported when it is first used: a notebook that only says what its report opens with
(`reports.opening`) does not import papermill and nbconvert, which run it.
"""

from importlib import import_module
from typing import Any

_DEFINED_IN = {
    name: module
    for module, names in {
        "html": ("export_html",),
        "parameters": (
            "Parameter",
            "check_parameters",
            "notebook_parameters",
            "parse_parameters",
            "read_notebook",
            "typed_parameters",
            "write_notebook",
        ),
        "run": ("NotebookFailed", "NotebookInterrupted", "Stopped", "run_notebook"),
        "strip": ("strip_notebook",),
    }.items()
    for name in names
}
__all__ = list(_DEFINED_IN)


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
