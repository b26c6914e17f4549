"""Figures of reconstruction and of latent spaces: what they draw is what was measured."""

import numpy as np
import pytest
import torch
from figures import check_figure, curves, whiskers, words

from synvae_core.metrics.interpolation import path_smoothness
from synvae_core.metrics.latents import latent_usage
from synvae_core.metrics.note_recall import Share
from synvae_workbench import plots

RECALL = {"1": Share(8, 10), "2": Share(300, 400), "longer": Share(0, 0)}
OTHER = {"1": Share(10, 10), "2": Share(0, 4), "longer": Share(1, 3)}
GENERATOR = torch.Generator().manual_seed(0)
MU, LOGVAR = torch.randn(2, 40, 6, generator=GENERATOR) * torch.arange(6)
USAGE = latent_usage(MU, LOGVAR)
PATHS = np.random.default_rng(0).integers(2, 5, (9, 7, 16))
NAMES = ["note_density", "mean_pitch"]
CHANGE = np.array([[1.5, -0.25], [0.0, 0.75]])
LEVELS = {"note_density": np.array([0.2, 0.3, 0.5]), "mean_pitch": np.array([60.0, 66.0, 72.0])}
CORPUS = {"note_density": (0.4, 0.1), "mean_pitch": (70.0, 3.0)}
FIGURES = {
    "recall": lambda: plots.recall_bars({"Length": {"seen": RECALL, "unseen": OTHER}}),
    "spectrum": lambda: plots.latent_spectrum({"seen": USAGE}),
    "distances": lambda: plots.interpolation_distances({"linear": path_smoothness(PATHS)}),
    "effects": lambda: plots.attribute_effects(CHANGE, NAMES),
    "curves": lambda: plots.attribute_curves([-1, 0, 1], LEVELS, CORPUS),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_figures_are_small_the_same_every_time_and_fetch_nothing(draw, remote_references):
    check_figure(draw, remote_references, most=150_000)


def test_bars_are_as_high_as_the_recall_and_whiskers_as_long_as_its_interval():
    figure = plots.recall_bars(
        {"Length": {"seen": RECALL, "unseen": OTHER}, "All": {"seen": RECALL}}
    )
    first, second = figure.axes
    seen, unseen = ([bar.get_height() for bar in group] for group in first.containers)
    assert seen == [0.8, 0.75]  # a group without notes has no bar
    assert unseen == [1, 0, pytest.approx(1 / 3)]
    expected = [RECALL["1"].interval(), RECALL["2"].interval()]
    expected += [share.interval() for share in OTHER.values()]
    np.testing.assert_allclose(whiskers(first), expected, atol=1e-12)
    assert len(second.containers) == 1
    assert {"Length", "All", "seen", "unseen", "longer"} <= words(figure)


def test_dimensions_stand_in_the_order_of_the_first_set():
    figure = plots.latent_spectrum({"a": USAGE, "b": latent_usage(MU.flip(1), LOGVAR.flip(1))})
    kl, _, sd = figure.axes
    first, second = (line.get_ydata() for line in curves(kl))
    assert (np.diff(first) <= 0).all()
    np.testing.assert_allclose(sorted(second), sorted(first))
    assert not np.allclose(second, first)
    order = USAGE.kl_bits.argsort(descending=True)
    np.testing.assert_allclose(curves(sd)[1].get_ydata(), USAGE.aggregate_sd[order])
    assert {"a", "b", "prior", "bits"} <= words(figure)


def test_distances_are_means_over_the_paths():
    smoothness = path_smoothness(PATHS)
    first, steps = plots.interpolation_distances({"linear": smoothness}).axes
    np.testing.assert_allclose(first.lines[0].get_xdata(), np.linspace(0, 1, 7))
    np.testing.assert_allclose(first.lines[0].get_ydata(), smoothness.to_first.mean(0))
    np.testing.assert_allclose(steps.lines[0].get_ydata(), smoothness.steps.mean(0))
    band = first.collections[0].get_paths()[0].get_extents()
    ends = np.quantile(smoothness.to_first, [0.25, 0.75], axis=0)
    np.testing.assert_allclose([band.y0, band.y1], [ends[0].min(), ends[1].max()])
    assert not steps.collections


def test_effects_and_curves_say_their_numbers():
    assert {"+1.50", "−0.25", "note density", "mean pitch"} <= words(FIGURES["effects"]())
    drawn = FIGURES["effects"]().axes[0].collections[0].get_array()
    np.testing.assert_array_equal(drawn, CHANGE)
    unknown = np.array([[np.nan, np.inf], [0.5, -0.001]])
    found = {text for text in words(plots.attribute_effects(unknown, NAMES)) if text[0] in "+−"}
    assert found == {"+0.50", "+0.00"}
    figure = FIGURES["curves"]()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Note density", "Mean pitch"]
    density, pitch = figure.axes
    assert density.lines[-1].get_ydata().tolist() == [0.2, 0.3, 0.5]
    band = pitch.patches[0].get_extents().transformed(pitch.transData.inverted())
    assert (band.y0, band.y1) == pytest.approx((67, 73))


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.recall_bars({}), "same groups"),
        (lambda: plots.recall_bars({"a": {}}), "same groups"),
        (lambda: plots.recall_bars({"a": {"x": RECALL, "y": {"1": Share(1, 1)}}}), "same groups"),
        (lambda: plots.latent_spectrum({}), "one latent space"),
        (
            lambda: plots.latent_spectrum({"a": USAGE, "b": latent_usage(MU[:, :2], MU[:, :2])}),
            r"one latent space: got sizes \[2, 6\]",
        ),
        (lambda: plots.interpolation_distances({}), "same number"),
        (lambda: plots.attribute_effects(CHANGE, ["one"]), "1 names"),
        (lambda: plots.attribute_curves([0], {}, {}), "no attribute"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
