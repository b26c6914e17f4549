"""Stripping of notebooks for a commit: outputs, counts, and what an editor left."""

import copy

import nbformat

CELL_METADATA = {"tags", "synvae"}
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def strip_notebook(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Copies a notebook without outputs, counts and widget state; tags and hints stay."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        kept = {key: value for key, value in cell.metadata.items() if key in CELL_METADATA}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook
