"""Notebooks as they are committed: without anything that a run or an editor left in them."""

import copy

import nbformat

CELL_METADATA = {"tags", "synvae"}
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def strip_notebook(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy without outputs, counts and widget state; of metadata, tags and hints stay."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        kept = {key: value for key, value in cell.metadata.items() if key in CELL_METADATA}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook
