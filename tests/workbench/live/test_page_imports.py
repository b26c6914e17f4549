"""What a live page makes its visitor wait for: the packages that it imports before it is shown."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from synvae_workbench.live.server.pages import live_notebook, live_pages

PAGES = {page.name: page for page in live_pages(Path(__file__).parents[3] / "notebooks")}
# Half a second and 20 MB and more each, for what no page shows before somebody asks for it.
UNREAD = {
    *("bokeh", "distributed", "lightning_fabric", "matplotlib", "music21", "nbconvert", "numba"),
    *("pandas", "papermill", "scipy.linalg", "scipy.signal", "scipy.stats", "seaborn", "sklearn"),
    *("umap", "verovio"),
}


def imports_of(page):
    """The import statements of the cells that run before a page is shown."""
    notebook = live_notebook(nbformat.read(page.path, as_version=4), page, {})
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    whole = "\n".join(source.removeprefix("%%capture\n") for source in sources)
    kinds = ast.Import | ast.ImportFrom
    return "\n".join(ast.unparse(each) for each in ast.parse(whole).body if isinstance(each, kinds))


@pytest.mark.slow
def test_pages_import_only_what_they_show():
    """In one process, which imports torch once; what a page imports counts against all after it."""
    program = "import sys\nbefore = {*sys.modules}\n" + "\n".join(
        f"{imports_of(PAGES[name])}\nprint({name!r}, *sys.modules.keys() - before)"
        for name in PAGES
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    read = {line.split()[0]: {*line.split()[1:]} for line in done.stdout.splitlines()}
    assert read.keys() == PAGES.keys()
    for name in PAGES:
        assert "synvae_workbench" in read[name]
        assert not read[name] & UNREAD, name
