"""What a person sees of a run: where it is, and an honest guess of how long is left."""

import io

import nbformat
import pytest

from synvae_workbench.progress import LoopState
from synvae_workbench.reports.estimate import (
    TRUST_IN_HINTS,
    Estimate,
    Step,
    headings,
    notebook_steps,
)
from synvae_workbench.reports.terminal import StatusLine, clock

STEPS = [Step(2, "Data", 1.0), Step(5, "Training", 60.0), Step(6, "Training", 9.0)]


def test_expected_seconds_are_what_is_left_at_the_start():
    assert Estimate([1.0, 60.0, 9.0]).seconds_left(0.0) == pytest.approx(70.0)
    assert Estimate([1.0, None]).seconds_left(0.0) == pytest.approx(1.5)


def test_nothing_is_guessed_from_nothing():
    estimate = Estimate([None, None])
    estimate.finish_step(1.0)
    assert estimate.seconds_left(0.0) is None


def test_a_slow_machine_is_noticed():
    estimate = Estimate([TRUST_IN_HINTS, 100.0])
    estimate.finish_step(3 * TRUST_IN_HINTS)
    assert estimate.seconds_left(0.0) == pytest.approx(200.0)


def test_a_loop_that_tells_how_far_it_is_replaces_the_guess():
    estimate = Estimate([60.0, 9.0])
    assert estimate.seconds_left(10.0, fraction=0.5) == pytest.approx(10.0 + 9.0)


def test_a_step_that_takes_longer_than_expected_is_never_negative():
    assert Estimate([1.0]).seconds_left(50.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_steps_are_code_cells_under_their_headings():
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# Title\n\ntext\n## The `data`"),
        new.new_code_cell("load()", metadata={"synvae": {"seconds": 3}}),
        new.new_code_cell("  "),
        new.new_markdown_cell("```\n# no heading\n```"),
        new.new_code_cell("train()"),
    ]
    steps = list(notebook_steps(new.new_notebook(cells=cells)).values())
    assert steps == [Step(2, "The data", 3), Step(5, "The data", None)]
    assert headings("## A [link](http://x) and *more* ##") == ["A link and more"]


def test_an_earlier_run_knows_better_than_a_hint():
    cell = nbformat.v4.new_code_cell("load()", metadata={"synvae": {"seconds": 3}})
    earlier = nbformat.v4.new_code_cell("load()", metadata={"papermill": {"duration": 8.5}})
    notebook, before = (nbformat.v4.new_notebook(cells=[c]) for c in (cell, earlier))
    assert [step.seconds for step in notebook_steps(notebook, before).values()] == [8.5]


def test_a_log_gets_one_line_per_section(tmp_path):
    log = io.StringIO()
    line = StatusLine(STEPS, 7, log, tmp_path / "progress.json")
    for index in range(len(STEPS)):
        line.start(index)
    line.close("done")
    assert [text.split(maxsplit=1)[1] for text in log.getvalue().splitlines()] == [
        "cell 2 of 7 Data",
        "cell 5 of 7 Training",
        "done",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_changes(tmp_path):
    terminal = Terminal()
    line = StatusLine(STEPS, 7, terminal, tmp_path / "progress.json")
    assert line.status([]) == (0.0, "starting the kernel")
    line.start(0)
    line.start(1)
    loops = [LoopState("training", 3, 4, 30.0, "loss=2.5"), LoopState("epoch", 1, 2, 2.0, "")]
    share, text = line.status(loops[:1])
    assert 0.0 <= share < 1.0
    assert text == "0:00 · about 0:19 left · cell 5 of 7 Training · training 3/4 · loss=2.5"
    assert "training 3/4 · epoch 1/2" in line.status(loops)[1]
    line.close("done")
    assert terminal.getvalue().count("\n") == 1
    assert "100%" in terminal.getvalue()
