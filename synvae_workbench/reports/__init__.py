"""Notebooks run headless into self-contained HTML reports."""

from synvae_workbench.reports.html import export_html
from synvae_workbench.reports.parameters import (
    Parameter,
    check_parameters,
    notebook_parameters,
    parse_parameters,
    read_notebook,
    typed_parameters,
    write_notebook,
)
from synvae_workbench.reports.run import NotebookFailed, NotebookInterrupted, Stopped, run_notebook
from synvae_workbench.reports.strip import strip_notebook

__all__ = [
    "NotebookFailed",
    "NotebookInterrupted",
    "Parameter",
    "Stopped",
    "check_parameters",
    "export_html",
    "notebook_parameters",
    "parse_parameters",
    "read_notebook",
    "run_notebook",
    "strip_notebook",
    "typed_parameters",
    "write_notebook",
]
