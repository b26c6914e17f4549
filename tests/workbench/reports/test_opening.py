"""A report opens with what was found, in a sentence with its figure; how it was found follows."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from IPython.display import HTML

from synvae_workbench.reports import export_html
from synvae_workbench.reports.opening import TAG, in_short

new = nbformat.v4


def test_the_answer_stands_below_the_question_and_above_what_is_shown():
    shown = in_short("Does <it>?", "946 of 1,000 & more.", "Guessing, 100.", shown=HTML("<hr>"))
    soup = BeautifulSoup(shown.data, "html.parser")
    assert soup.h2.text == "Does <it>?"
    assert [each.text for each in soup.select("p")] == ["946 of 1,000 & more.", "Guessing, 100."]
    assert soup.div.find_all(recursive=False)[-1].name == "hr"


def test_an_answer_without_a_figure_is_none():
    with pytest.raises(ValueError, match="figure"):
        in_short("Does it?", "Very well.")


def report(tmp_path, outputs):
    cells = [new.new_markdown_cell("# Title\n\nHow it is done."), new.new_code_cell("a = 1")]
    last = new.new_code_cell("in_short()", metadata={"tags": [TAG]})
    last.outputs = outputs
    nbformat.write(new.new_notebook(cells=[*cells, last]), tmp_path / "n.ipynb")
    page = export_html(tmp_path / "n.ipynb", tmp_path / "n.html").read_text(encoding="utf-8")
    return BeautifulSoup(page, "html.parser").select_one("main")


def test_what_was_computed_last_is_said_first(tmp_path):
    data = {"text/html": in_short("Does it?", "7 of 9.").data}
    main = report(tmp_path, [new.new_output("display_data", data=data)])
    assert [part.get("id") for part in main.select("section")] == ["cell-3", None, "cell-2"]
    assert main.h2.text == "Does it?"


def test_where_a_run_stopped_before_it_opens_with_nothing(tmp_path):
    main = report(tmp_path, [])
    assert [part.get("id") for part in main.select("section")] == [None, "cell-2", "cell-3"]
