"""Notebooks run headless into self-contained HTML reports.

Each name is imported when it is first used: a notebook that only says what its report opens with
(`reports.opening`) does not import papermill and nbconvert, which run it.
"""

from synvae_workbench.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
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
    },
)
