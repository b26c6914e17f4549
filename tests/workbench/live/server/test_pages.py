import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from synvae_workbench.live.server.pages import Page, live_notebook, live_pages, page_parameters

FIRST = "# Draw it\n\n**What does\na line sound like?** Draw one.\n\nReads a model. Takes a minute."


def write(
    path, *cells, first=FIRST, parameters="SMOKE = False  # short\nTEMPO = 120.0  # per minute"
):
    given = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    notebook = new_notebook(cells=[new_markdown_cell(first), given, *cells])
    nbformat.write(notebook, path)
    return notebook


def cell(source, *tags, make=new_code_cell):
    return make(source, metadata={"tags": list(tags)})


def test_pages_are_the_numbered_notebooks_with_title_and_question(tmp_path):
    for name in ("41_draw_it", "40_hear_it", "12_train", "50_later", "41_draw it"):
        write(tmp_path / f"{name}.ipynb")
    pages = live_pages(tmp_path)
    assert [page.name for page in pages] == ["40_hear_it", "41_draw_it"]
    assert pages[0].title == "Draw it"
    assert pages[0].question == "What does a line sound like?"


def test_a_folder_without_pages_is_refused(tmp_path):
    write(tmp_path / "12_train.ipynb")
    with pytest.raises(ValueError, match="has no live page: expected notebooks numbered 40 to 49"):
        live_pages(tmp_path)


@pytest.mark.parametrize("first", ["Draw it\n\n**What?**", "# Draw it\n\nWhat?", "# \n\n**What?**"])
def test_a_page_without_title_or_question_is_refused(tmp_path, first):
    write(tmp_path / "40_hear_it.ipynb", first=first)
    with pytest.raises(ValueError, match="40_hear_it.ipynb must begin with"):
        live_pages(tmp_path)


def test_each_page_takes_the_parameters_that_it_declares(tmp_path):
    write(tmp_path / "40_hear_it.ipynb")
    write(tmp_path / "41_draw_it.ipynb", parameters="SMOKE = False  # short\nRUN = ''  # which")
    given = page_parameters(live_pages(tmp_path), {"SMOKE": "true", "TEMPO": "90"})
    assert given == {"40_hear_it": {"SMOKE": True, "TEMPO": 90.0}, "41_draw_it": {"SMOKE": True}}


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"SMOK": "true"}, "no live page has a parameter 'SMOK'. They know: SMOKE, TEMPO"),
        ({"TEMPO": "fast"}, "TEMPO: expected float, got 'fast'"),
    ],
)
def test_other_parameters_are_refused(tmp_path, texts, why):
    write(tmp_path / "40_hear_it.ipynb")
    with pytest.raises(ValueError, match=why):
        page_parameters(live_pages(tmp_path), texts)


PAGE = Page("40_hear_it", "Hear it", "What?", None)


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_a_page_shows_its_live_cells_alone(tmp_path):
    notebook = write(
        tmp_path / "40.ipynb",
        cell("load()"),
        cell("## How", make=new_markdown_cell),
        cell("table()", "report"),
        cell("*Draw here.*", "live", make=new_markdown_cell),
        cell("show()", "live"),
        cell("slow()"),
    )
    before = nbformat.writes(notebook)
    shown = live_notebook(notebook, PAGE, {"SMOKE": True})
    assert nbformat.writes(notebook) == before, "the notebook itself stays as it is"
    title, parameters, *rest = sources(shown)
    assert title == "# Draw it\n\n**What does\na line sound like?** Draw one."
    assert parameters.startswith("%%capture\nSMOKE = False")
    assert parameters.endswith("\nSMOKE = True")
    assert rest == ["%%capture\nload()", "*Draw here.*", "show()"]
    assert shown.metadata.title == "Hear it"


def test_a_page_without_live_cells_runs_and_shows_all(tmp_path):
    notebook = write(tmp_path / "40.ipynb", cell("load()"), cell("show()"))
    assert sources(live_notebook(notebook, PAGE, {})) == sources(notebook)
