"""Every figure says its main numbers in its text alternative."""

import ast
import html
import importlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synvae_core.metrics.class_melodies import class_features, class_spread
from synvae_core.metrics.classification import ClassScores
from synvae_core.metrics.interpolation import path_smoothness
from synvae_core.metrics.latents import latent_usage
from synvae_core.metrics.machine_listener import Answers
from synvae_core.metrics.mutual_information import Estimate
from synvae_core.metrics.neighbour_labels import LabelPrecision
from synvae_core.metrics.note_recall import Share
from synvae_workbench import plots
from synvae_workbench.plots import alternatives
from synvae_workbench.plots.classification import Cell
from synvae_workbench.plots.style import new_figure

FOLDER = Path(plots.__file__).parent
RNG = np.random.default_rng(0)
TUNES = np.where(RNG.random((6, 32)) < 0.4, RNG.integers(40, 60, (6, 32)), 0)
PICTURES = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
GAME = "discriminator_loss adversarial d_real d_drawn d_accuracy discriminator_norm generator_norm"
HISTORY = [{"epoch": e, "loss": 80 / e, "accuracy": e / 8} for e in (1, 2, 4)]
CLASSES, TWO = np.array([0, 0, 0, 1, 1, 1]), ["cat", "dog"]
PRECISION = LabelPrecision(
    torch.tensor([0, 1]), torch.tensor([3, 3]), torch.tensor([0.25, 0.75]), 0.5
)
ANSWERS = {"machine": Answers(np.zeros(4, int), np.array([0, 0, 0, 1]))}
RECALL = {"1": Share(4, 5), "2": Share(3, 4)}
CURVE = {1: np.array([0.25, 0.5]), 4: np.array([0.75, 0.75])}
SCORES = ClassScores(*np.array([[1, 0.5], [0.25, 0.75], [0.4, 0.6]]), np.array([4, 8]))
NATS = [Estimate(0.5, 0.4, 0.6), Estimate(1.75, 1.5, 2.0)]
SPREAD = {"means": {"0": 1.0, "1": 2.5}}
# Of every function that draws: arguments, keywords, and what must be said of the figure.
DRAWN = {
    "adversarial.balance_curves": (
        [[dict.fromkeys(GAME.split(), e / 4) | {"epoch": e, "spread": 0.5} for e in (1, 2, 3)]],
        {},
        "3 epochs|discriminator: 0.25 at 1, 0.75 at 3",
    ),
    "charts.confusion": ([[0, 0, 0, 1], [0, 0, 1, 1]], {}, "0: 67%|0 as 1, 33%|83% on average"),
    "charts.loss_curves": ([HISTORY], {}, "loss: 80 at 1, 20 at 4, lowest 20|highest 0.5 at 4"),
    "charts.precision_bars": (
        [{"visual": {1: 0.9, 10: 0.8}, "floor": {1: 0.7, 10: 0.6}}],
        {"chance": 0.1},
        "At 10: visual latents: 0.800, raw pixels: 0.600|chance: 0.100",
    ),
    "class_melodies.spread_table": (
        [class_spread(TUNES, CLASSES, seed=0)],
        {"names": TWO},
        "within a class: cat: |cat / dog: ",
    ),
    "class_melodies.telling_features": (
        [class_features(TUNES, CLASSES)],
        {"names": TWO},
        "Variance between classes: 18 values from",
    ),
    "classification.class_score_dots": (
        [{"one": SCORES}, TWO],
        {},
        "Recall, one: cat: 0.25, dog: 0.75",
    ),
    "classification.confusions": (
        [{"one": np.array([[3, 1], [2, 6]])}, TWO],
        {},
        "cat: 75%, dog: 75%|cat as dog, 25%",
    ),
    "classification.train_test_table": (
        [{"Accuracy": {("old", "new"): Cell(0.25, (0.1, 0.4))}}],
        {},
        "old / new: 0.250",
    ),
    "comparison.corpus_comparison": (
        [{"corpus": TUNES, "digits": TUNES[:4]}],
        {},
        "on the beat: corpus: |interval in semitones",
    ),
    "faces.pair_sheet": ([PICTURES, PICTURES, [1, 2, 3, 4]], {"close": 2.5}, "pair 4: 4|2 closer"),
    "faces.photo_grid": ([{"held out": PICTURES}], {}, "4 pictures in each row: held out"),
    "form.bar_similarity_maps": (
        [{"tunes": np.full((2, 3, 3), 0.25)}],
        {},
        "1 apart: 25.0%, 2 apart: 25.0%",
    ),
    "latents.attribute_curves": (
        [[-1, 0, 1], {"density": np.array([0.2, 0.4, 0.5])}, {"density": (0.4, 0.1)}],
        {},
        "density: 0.2 at -1, 0.5 at 1|corpus 0.4",
    ),
    "latents.attribute_effects": (
        [np.array([[1.5, np.nan], [0.25, 0.75]]), ["a", "b"]],
        {},
        "a: +1.50, b: +0.75|b / a: +0.25",
    ),
    "latents.interpolation_distances": (
        [{"linear": path_smoothness(TUNES[None])}],
        {},
        "Distance to the first end, linear: 0.0% at 0",
    ),
    "latents.latent_spectrum": (
        [{"seen": latent_usage(torch.eye(3), torch.zeros(3, 3))}],
        {},
        "3 dimensions|KL to the prior, seen: ",
    ),
    "latents.recall_bars": ([{"Length": {"seen": RECALL}}], {}, "seen: 1: 80.0%, 2: 75.0%"),
    "listening.listener_accuracies": (
        [[(0.9, 0.7, 0.98), (0.3, 0.1, 0.55)]],
        {"overall": (0.6, 0.5, 0.7), "chance": 1 / 3},
        "All answers: 60.0%|listener 1: 30.0%, listener 2: 90.0%|chance: 33.3%",
    ),
    "machine_listener.accuracy_intervals": (
        [ANSWERS],
        {"chance": 1 / 3, "references": {"people": 0.73}},
        "machine (4): 75.0%|people: 73.0%",
    ),
    "machine_listener.learning_curves": (
        [{"mean": CURVE}],
        {"chance": 1 / 3},
        "37.5% at 1, 75.0% at 4|chance: 33.3%",
    ),
    "machine_listener.trio_map": (
        [{(0, 1, 2): 0.5, (0, 1, 3): 0.75}, list("abcd")],
        {"chance": 1 / 3, "marked": (0, 1, 3)},
        "2 trios, 62.5% on average|marked: a, b, d 75.0%|a / b: 62.5%",
    ),
    "mutual_information.estimate_bars": (
        [{"pairs": {"nwj": NATS[0]}}],
        {"ceilings": {"log 4": 1.386}},
        "NWJ: 0.5|log 4: 1.39",
    ),
    "mutual_information.estimates_of_known": (
        [[1, 2], {"nwj": NATS}],
        {"ceilings": {"log 4": 1.386}},
        "1: 0.5, 2: 1.75",
    ),
    "neighbours.class_precision": (
        [{"notes": PRECISION}],
        {"names": TWO, "chance": PRECISION},
        "from the notes: cat (3): 0.250, dog (3): 0.750|chance: cat (3): ",
    ),
    "neighbours.neighbour_gallery": (
        [PICTURES, [0], {"floor": torch.tensor([[1, 2]])}],
        {"alike": {"floor": torch.tensor([[True, False]])}},
        "its 2 nearest|raw pixels: 50.0%",
    ),
    "neighbours.precision_curves": (
        [{"Means": {"visual": {1: 0.9, 10: 0.8}}}],
        {"chance": 0.1},
        "1: 0.900, 10: 0.800|chance: 0.100",
    ),
    "pictures.picture_grid": ([{"one": PICTURES[:1]}], {}, "1 picture in each row: one"),
    "rolls.digit_grid": ([PICTURES, TUNES[:4], PICTURES, [7, 1, 2, 3]], {}, "4 piano rolls: 7: "),
    "rolls.piano_rolls": ([TUNES[:2], ["a", "b"]], {}, "2 piano rolls: a: "),
    "rolls.rolls_below_each_other": ([PICTURES, TUNES[:4]], {}, "4 pictures below each other"),
    "speech.agreement_intervals": (
        [{"By digit": {"means": {"0": Share(2, 4), "1": Share(3, 4)}}}],
        {"references": {"chance": 0.1}},
        "means: 0: 50.0%, 1: 75.0%|chance: 10.0%",
    ),
    "speech.measures_by_class": ([{"Spread": SPREAD}], {}, "Spread, means: 0: 1, 1: 2.5"),
    "speech.picture_mosaic": (
        [{"0": PICTURES, "1": PICTURES[:2]}],
        {"columns": {0: "mean"}},
        "2 to 4 pictures in each row: 0; 1|from column 1 mean",
    ),
    "sweep.over_parameter": (
        ["BETA", [0.1, 0.1, 10], {"notes/auc": [0.5, 0.7, 0.9]}],
        {},
        "3 runs|notes/auc, mean by BETA: 0.1: 0.6, 10: 0.9",
    ),
    "sweep.over_two_parameters": (
        [{"A": [1, 2], "B": ["x", "y"]}, {"notes/auc": [0.5, 0.7]}],
        {},
        "1 / x: 0.5, 2 / y: 0.7",
    ),
    "trade_offs.trade_off": (
        [{"low": {"auc": 0.5, "error": 20}, "high": {"auc": 0.75, "error": 10}}],
        {"curve": ["low"], "across": ("auc", "AUC"), "up": {"error": "Error"}},
        "AUC: low: 0.5, high: 0.75|Error: low: 20, high: 10",
    ),
    "waveforms.fidelity_dots": (
        [{"SNR (dB)": {"train": [10.0, 20.0]}}],
        {"goals": {"SNR (dB)": 15.0}},
        "train (2): 15.00|Lines: SNR (dB): 15",
    ),
}


def draws(path: Path) -> list[str]:
    """Public functions of a module that return a figure."""
    found = ast.parse(path.read_text(encoding="utf-8")).body
    functions = [each for each in found if isinstance(each, ast.FunctionDef) and each.returns]
    return [
        f"{path.stem}.{each.name}"
        for each in functions
        if ast.unparse(each.returns) == "Figure" and not each.name.startswith("_")
    ]


def test_no_function_that_draws_is_left_out():
    modules = [path for path in FOLDER.glob("*.py") if path.stem != "alternatives"]
    assert sorted(name for path in modules for name in draws(path)) == sorted(DRAWN)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_says_its_main_numbers(name):
    arguments, options, expected = DRAWN[name]
    module, function = name.split(".")
    drawing = getattr(importlib.import_module(f"synvae_workbench.plots.{module}"), function)
    said = drawing(*arguments, **options).alternative
    for words in expected.split("|"):
        assert words in said
    assert said.endswith(".")
    assert not re.search(r"\n|\bnan\b|\s\s|\.\.", said)


def test_the_svg_is_an_image_with_that_name():
    figure = alternatives.tell(new_figure(1, 1), 'A "<b>"', "", "B: 1.")
    label = re.match(r'<svg role="img" aria-label="([^"]*)"', figure._repr_svg_())
    assert html.unescape(label[1]) == 'A "<b>". B: 1.'


def test_a_figure_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="main numbers"):
        alternatives.tell(new_figure(1, 1), "", " ")


def test_of_many_values_the_ends_are_said():
    values = {f"class {i}": i / 20 for i in range(20)} | {"none": np.nan}
    said = alternatives.values_told("Share", values, ".0%")
    assert said == "Share: 21 values from 0% (class 0) to 95% (class 19)"
    assert alternatives.values_told("Share", {"none": np.nan}) == "Share: none: unknown"


def test_gaps_of_a_curve_are_left_out():
    at, values = [1, 2, 3, 4], [np.nan, 3.0, 1.0, np.inf]
    assert alternatives.curve_told("loss", at, values) == "loss: 3 at 2, 1 at 3"
    assert alternatives.curve_told("loss", at, [np.nan] * 4) == "loss: no finite value"


def test_without_a_confusion_none_is_named():
    said = alternatives.confusion_told("Read", pd.DataFrame(np.eye(2) * 100), ["a", "b"])
    assert said == "Read: right: a: 100%, b: 100%, 100% on average; nothing is confused"
