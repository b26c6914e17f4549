"""A report opens with what was found, in a sentence with its figure; how it was found follows."""

import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.display import HTML

from synvae_workbench import plots
from synvae_workbench.reports import export_html, opening
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


MEASURED = {"notes/auc": 0.75, "floor/auc": float("nan"), "n": 1200}
MEASURED["title"] = "recordings in {n:,} <b>"


def told(*sentences):
    soup = BeautifulSoup(in_short("Does it?", *sentences, measured=MEASURED).data, "html.parser")
    return [each.text for each in soup.select("p")]


def test_sentences_have_the_figures_that_they_name():
    assert told("An AUC of {notes/auc:.2f}.", "Of {n:,}.") == ["An AUC of 0.75.", "Of 1,200."]


def test_a_title_from_outside_is_text_and_names_no_figure():
    assert told("Of {n:,}.", "From {title}.")[1] == "From recordings in {n:,} <b>."


@pytest.mark.parametrize("lacking", ["floor/auc", "ear/no_such_figure"])
def test_what_was_not_measured_is_said_in_place_of_its_sentence(lacking):
    answer, said = told("An AUC of {notes/auc:.2f}.", f"The floor is {{{lacking}:.2f}}.", "")
    assert answer == "An AUC of 0.75."
    assert said.startswith("Not measured here")
    assert lacking.replace("/", ": ").replace("_", " ") in said


def test_an_answer_that_was_not_measured_is_none_either():
    answer, *more = told("It is {ear/auc:.2f}.", "An AUC of {notes/auc:.2f}.", "{ear/auc:.2f}")
    assert answer == "This run did not measure what would answer it."
    assert more[0] == "An AUC of 0.75."
    assert more[1].count("ear: auc") == 1


def test_a_smoke_run_says_so_first(monkeypatch):
    monkeypatch.setattr(opening, "current_parameters", lambda: {"SMOKE": True})
    assert told("0.75.", "More.") == ["0.75.", opening.OF_SMOKE, "More."]


def test_a_figure_is_shown_as_an_image_with_its_numbers():
    figure = plots.precision_bars({"visual": {1: 0.25}})
    soup = BeautifulSoup(in_short("Does it?", "7 of 9.", shown=figure).data, "html.parser")
    assert "visual latents: 0.250" in soup.img["alt"]
    assert soup.img["src"].startswith("data:image/svg+xml;base64,")


def test_kept_is_explained_variance():
    assert [opening.share_kept(error, 50.0) for error in (0, 50.0, 100.0)] == [1, 0, -1]
    assert np.isnan(opening.share_kept(0.0, 0.0)), "all pictures are the mean picture"


def test_digits_are_read_and_other_pictures_compared_with_the_mean_picture():
    answer, _ = opening.drawn_from_notes({"notes/cnn_agreement": 0.9})
    assert "read rightly" in answer
    assert "average picture" in opening.drawn_from_notes({})[0]


NOTEBOOKS = sorted((Path(__file__).parents[3] / "notebooks").glob("[0-3]*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_training_and_evaluation_has_an_opening(path):
    cells = nbformat.read(path, as_version=4).cells
    opens = [cell.source for cell in cells if TAG in cell.metadata.get("tags", [])]
    assert len(opens) == 1
    assert "in_short(" in opens[0]


def test_a_notebook_that_says_what_was_found_does_not_wait_for_what_runs_it():
    program = "import sys\nfrom synvae_workbench.reports import opening\nprint(*sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    read = {*done.stdout.split()}
    assert opening.__name__ in read
    assert read.isdisjoint({"nbconvert", "nbformat", "papermill", "torch"})


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
    assert main.select_one("section + .about .facts"), "where it comes from follows"


def test_where_a_run_stopped_before_it_opens_with_nothing(tmp_path):
    main = report(tmp_path, [])
    assert [part.get("id") for part in main.select("section")] == [None, "cell-2", "cell-3"]
    assert not main.select(".about")
    assert main.find_previous("dl", class_="facts"), "the header has it"
