import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import nbformat
import numpy as np
import pytest
import torch
from figures import check_figure, curves, luminance, texts
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from IPython.core.formatters import DisplayFormatter
from matplotlib.collections import PolyCollection
from nbclient import NotebookClient

from synvae_core.metrics.melody import interval_histogram, melody_summary
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench import plots
from synvae_workbench.plots.palette import PALETTE, PAPER, REFERENCE, pitch_colour
from synvae_workbench.plots.style import colours

RNG = np.random.default_rng(0)
TUNE = ONE_VOICE.events(
    [Note(0, 4, 60), Note(4, 6, 60), Note(8, 11, 62), Note(16, 32, 72)], steps=32
)
TUNES = np.where(RNG.random((12, 32)) < 0.4, RNG.integers(40, 60, (12, 32)), 0)
SILENCE = np.zeros((1, 32), np.int64)
PICTURES = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))
HISTORY = [
    {"epoch": epoch, "loss": 80 / epoch, "kl_nats": 3.0 * epoch, "validation_loss": 90 / epoch}
    for epoch in range(1, 6)
]
PRECISION = {"visual": {1: 0.9, 10: 0.8}, "notes": {1: 0.85, 10: 0.75}, "floor": {1: 0.7, 10: 0.6}}
FIGURES = {
    "piano_rolls": lambda: plots.piano_rolls(TUNES[:5], list("abcde")),
    "digit_grid": lambda: plots.digit_grid(PICTURES[:4], TUNES[:4], PICTURES[:4], columns=3),
    "rolls_below_each_other": lambda: plots.rolls_below_each_other(PICTURES[:3], TUNES[:3]),
    "loss_curves": lambda: plots.loss_curves(HISTORY),
    "precision_bars": lambda: plots.precision_bars(PRECISION, chance=0.1),
    "confusion": lambda: plots.confusion(np.arange(10), np.arange(10)[::-1]),
    "corpus_comparison": lambda: plots.corpus_comparison({"corpus": TUNES, "digits": TUNES[:4]}),
}
every_figure = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)


def svg(figure) -> str:
    return figure._repr_svg_()


@pytest.mark.slow
@every_figure
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=150_000)


@every_figure
def test_a_notebook_shows_svg(draw):
    data, _ = DisplayFormatter().format(draw())
    assert data.keys() == {"image/svg+xml", "text/plain"}
    picture = data["image/svg+xml"]
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture.startswith("<svg")


@every_figure
def test_figures_are_saved_as_pictures(draw, tmp_path):
    draw().savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", plots.__all__)
def test_a_name_is_found_where_it_is_defined(name):
    assert getattr(plots, name).__name__ == name
    assert name in dir(plots)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "unread"),
    [
        ("from synvae_workbench.__main__ import main; main([])", {"synvae_workbench.plots"}),
        ("from synvae_workbench import plots; plots.digit_grid, plots.piano_rolls", {"seaborn"}),
    ],
    ids=["the command line", "piano rolls"],
)
def test_nobody_waits_for_seaborn_who_does_not_use_it(program, unread):
    program = f"import sys\ntry:\n    {program}\nfinally:\n    print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert "synvae_workbench" in done.stdout.split()
    assert unread.isdisjoint(done.stdout.split())


@pytest.mark.slow
def test_a_notebook_stores_no_blurred_picture_beside_the_sharp_one():
    """Where pyplot is in use, and seaborn imports it, notebooks draw all figures as PNG as well."""
    draw = "from synvae_workbench import plots\nplots.confusion([0, 1, 1], [0, 1, 0])"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(draw)])
    NotebookClient(notebook, timeout=300).execute()
    (output,) = notebook.cells[0].outputs
    assert output.data.keys() == {"image/svg+xml", "text/plain"}


def notes_in(image: np.ndarray, *, step_pixels: int) -> np.ndarray:
    """Whether a note is drawn, halfway through each step."""
    centres = image[:, step_pixels // 2 :: step_pixels]
    paper = np.round(np.array(matplotlib.colors.to_rgb(PAPER)) * 255)
    return (centres != paper).any(-1).any(0)


@given(
    hnp.arrays(np.int64, 32, elements=st.one_of(st.integers(0, 1), st.integers(2, 89))),
    st.sampled_from([4, 6, 8]),
)
def test_a_roll_shows_what_sounds(events, step_pixels):
    image = plots.piano_roll_image(events, step_pixels=step_pixels, height=100)
    assert image.shape == (100, 32 * step_pixels + 1, 3)
    sounding = np.zeros(32, bool)
    for note in ONE_VOICE.notes(events):
        sounding[note.start : note.end] = True
    np.testing.assert_array_equal(notes_in(image, step_pixels=step_pixels), sounding)


def test_a_roll_tells_repeated_notes_and_pitches_apart():
    image = plots.piano_roll_image(TUNE, step_pixels=6)
    row = np.flatnonzero((image[:, 12] != image[0, 12]).any(-1))
    assert (image[row, 4 * 6] != image[row, 4 * 6 + 3]).any()  # open between the two C
    heights = [
        np.flatnonzero((image[:, 6 * step + 3] != image[0, 3]).any(-1)).mean()
        for step in (0, 4, 8, 16)
    ]
    assert heights[0] == heights[1] > heights[2] > heights[3]


def test_a_roll_of_silence_is_empty_paper():
    assert not notes_in(plots.piano_roll_image(SILENCE[0]), step_pixels=6).any()
    assert svg(plots.piano_rolls(SILENCE))


def test_rolls_draw_every_note_where_it_sounds():
    figure = plots.piano_rolls(TUNE[None], ["a tune"])
    (notes,) = [each for each in figure.axes[0].collections if isinstance(each, PolyCollection)]
    boxes = [path.get_extents() for path in notes.get_paths()]
    assert [box.x0 for box in boxes] == [0, 4, 8, 16]
    assert [(box.y0 + box.y1) / 2 for box in boxes] == pytest.approx([60, 60, 62, 72])
    assert [round(box.x1 + 0.5) for box in boxes] == [4, 6, 11, 32]
    assert {"a tune", "C4", "C5", "bar 1", "bar 2"} <= set(texts(figure))


def test_rolls_below_each_other_hold_each_picture_beside_its_melody():
    figure = plots.rolls_below_each_other(PICTURES, TUNES, rebuilt=1 - PICTURES)
    for i, (shown, played, redrawn) in enumerate(np.array(figure.axes).reshape(12, 3)):
        np.testing.assert_array_equal(shown.images[0].get_array(), PICTURES[i, 0])
        np.testing.assert_array_equal(redrawn.images[0].get_array(), 1 - PICTURES[i, 0])
        (notes,) = [each for each in played.collections if isinstance(each, PolyCollection)]
        assert len(notes.get_paths()) == len(ONE_VOICE.notes(TUNES[i]))
        assert played.get_ylim() == figure.axes[1].get_ylim()


def test_the_grid_holds_each_picture_above_its_melody_and_its_rebuilding():
    figure = plots.digit_grid(PICTURES, TUNES, 1 - PICTURES, torch.arange(12), columns=5)
    axes = np.array(figure.axes).reshape(9, 5)
    for i in range(12):
        block, column = divmod(i, 5)
        shown, played, redrawn = axes[3 * block : 3 * block + 3, column]
        np.testing.assert_array_equal(shown.images[0].get_array(), PICTURES[i, 0])
        np.testing.assert_array_equal(redrawn.images[0].get_array(), 1 - PICTURES[i, 0])
        (notes,) = [each for each in played.collections if isinstance(each, PolyCollection)]
        assert len(notes.get_paths()) == len(ONE_VOICE.notes(TUNES[i]))
    assert not any(each.axison for each in axes[6:, 2:].flat)
    assert [str(i) for i in range(12)] == [each for each in texts(figure) if each.isdigit()]


def test_the_grid_shows_pictures_in_colour():
    coloured = PICTURES[:3].expand(3, 3, 28, 28)
    figure = plots.digit_grid(coloured, TUNES[:3], coloured)
    assert figure.axes[0].images[0].get_array().shape == (28, 28, 3)


def test_each_term_has_a_panel_and_validation_joins_its_own():
    figure = plots.loss_curves([{**each, "validation_f1": 0.5} for each in HISTORY])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Loss", "KL", "Validation f1"]
    curves = [axes.lines[0].get_ydata().tolist() for axes in figure.axes]
    assert curves == [[80 / i for i in range(1, 6)], [3.0 * i for i in range(1, 6)], [0.5] * 5]
    assert {"nats", "training", "validation", "16.0", "18.0", "15.0"} <= set(texts(figure))


def test_loss_curves_read_both_forms_of_a_history():
    terms = {name: [epoch[name] for epoch in HISTORY] for name in HISTORY[0]}
    assert svg(plots.loss_curves(terms)) == svg(plots.loss_curves(HISTORY))
    terms.pop("epoch")
    assert svg(plots.loss_curves(terms)) == svg(plots.loss_curves(HISTORY))


def test_loss_curves_survive_gaps_and_divergence():
    history = [*HISTORY, {"epoch": 6, "loss": float("nan"), "kl_nats": float("inf")}]
    figure = plots.loss_curves(history)
    assert {"16.0", "15.0", "18.0"} <= set(texts(figure))  # the last values there were
    assert svg(plots.loss_curves({"loss": [float("nan")] * 3, "kl": [0.0, 0.0, 0.0]}))
    now_and_then = plots.loss_curves([{"a": 1.0, "b": 3.0}, {"a": 1.0}, {"a": 1.0, "b": 5.0}])
    assert curves(now_and_then.axes[1])[0].get_xydata().tolist() == [[1, 3], [3, 5]]
    assert svg(plots.loss_curves(HISTORY[:1]))


def test_precision_bars_are_as_high_as_the_precision():
    figure = plots.precision_bars(PRECISION, chance=0.1)
    heights = [[bar.get_height() for bar in group] for group in figure.axes[0].containers]
    assert heights == [list(values.values()) for values in PRECISION.values()]
    assert {"0.850", "visual latents", "raw pixels", "1 neighbour", "10 neighbours", "chance"} <= {
        *texts(figure)
    }
    assert "chance" not in texts(plots.precision_bars(PRECISION))
    assert "mine" in texts(plots.precision_bars({"mine": {3: 0.5}}))


def test_confusion_is_in_percent_of_the_class():
    figure = plots.confusion([0, 0, 0, 0, 1, 1], torch.tensor([0, 0, 0, 1, 1, 1]), names=["a", "b"])
    share = figure.axes[0].collections[0].get_array().reshape(2, 2)
    assert share.tolist() == [[75, 25], [0, 100]]
    assert {"a", "b", "75", "25", "100"} <= set(texts(figure))


def test_confusion_keeps_a_class_that_is_only_predicted():
    figure = plots.confusion([0, 0], [7, 0])
    assert figure.axes[0].collections[0].get_array().reshape(2, 2).tolist() == [[50, 50], [0, 0]]


def test_groups_are_drawn_over_the_corpus():
    figure = plots.corpus_comparison({"corpus": TUNES, "a": TUNES[:4], "silent": SILENCE})
    intervals, beat = figure.axes[2], figure.axes[3]
    heights = [bar.get_height() for bar in intervals.containers[0]]
    np.testing.assert_allclose(heights, interval_histogram(TUNES))
    drawn = [line.get_ydata() for line in curves(intervals)]
    np.testing.assert_allclose(drawn, [interval_histogram(TUNES[:4]), np.zeros(25)])
    widths = [bar.get_width() for bars in beat.containers for bar in bars]
    expected = [melody_summary(each)["beat_share"] for each in (TUNES, TUNES[:4], SILENCE)]
    assert widths == pytest.approx(expected)
    assert {"corpus", "a", "silent", "≥8"} <= set(texts(figure))


def test_colours_follow_the_palette_and_grey_takes_none():
    names = [f"set {i}" for i in range(8)]
    found = colours(["corpus", *names], grey={"corpus"})
    assert found.pop("corpus") == REFERENCE
    assert [*found.values()] == [*PALETTE, *PALETTE[:2]]


def test_the_corpus_and_the_first_groups_differ_in_print():
    shades = sorted(luminance(colour) for colour in (REFERENCE, *PALETTE[:2]))
    assert np.diff(shades).min() > 0.05


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.piano_roll_image(TUNE, height=10), "25 semitones"),
        (lambda: plots.piano_roll_image(TUNE, step_pixels=1), "2 pixels"),
        (lambda: plots.piano_roll_image(TUNE + 60), r"0\.\.89"),
        (lambda: plots.piano_rolls(TUNES[:0]), "0 melodies"),
        (lambda: plots.piano_rolls(TUNES, ["one"]), "12 melodies and 1 titles"),
        (lambda: plots.rolls_below_each_other(PICTURES[:0], TUNES[:0]), "for 0"),
        (lambda: plots.digit_grid(PICTURES[:0], TUNES[:0], PICTURES[:0]), "got 0 pictures"),
        (lambda: plots.digit_grid(PICTURES, TUNES, PICTURES, [1]), "1 labels"),
        (lambda: plots.loss_curves([]), "history is empty"),
        (lambda: plots.loss_curves({"loss": []}), "history is empty"),
        (lambda: plots.loss_curves([{"epoch": 1}]), "history is empty"),
        (lambda: plots.precision_bars({}), "same k"),
        (lambda: plots.precision_bars({"a": {1: 0.5}, "b": {2: 0.5}}), "same k"),
        (lambda: plots.confusion([], []), "labels of shape"),
        (lambda: plots.confusion([1, 2], [1]), "labels of shape"),
        (lambda: plots.corpus_comparison({}), "needs melodies"),
        (lambda: plots.corpus_comparison({"corpus": TUNES, "none": TUNES[:0]}), "needs melodies"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_a_trade_off_shows_every_setting_and_names_it():
    points = {"1, 3": {"auc": 0.6, "agreement": 0.8}, "2, 1": {"auc": 0.8, "agreement": 0.9}}
    points["<KL>"] = {"auc": 0.9, "agreement": 0.7}
    figure = plots.trade_off(
        points,
        curve=["1, 3", "2, 1"],
        across=("auc", "AUC"),
        up={"agreement": "read"},
        limits={"tunes": 0.53},
    )
    (axes,) = figure.axes
    joined = next(
        line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() == "o"
    )
    assert list(zip(*joined.get_data(), strict=True)) == [(0.6, 0.8), (0.8, 0.9)]
    assert {text.get_text() for text in axes.texts} == {*points, "tunes"}
    with pytest.raises(ValueError, match="settings and measures"):
        plots.trade_off({}, curve=[], across=("auc", ""), up={"agreement": ""})


def test_pitches_have_the_colours_of_plasma_but_for_its_light_end():
    heights = np.linspace(0, 1, 50)
    known = matplotlib.colormaps["plasma"](0.05 + 0.7 * heights)[:, :3]
    assert np.abs([pitch_colour(each) for each in heights] - known).max() < 3 / 255
