"""The balance of a game: four panels, everything named, and what is missing said."""

import pytest
from figures import check_figure, words

from synvae_workbench.plots.adversarial import balance_curves

GAME = [
    {
        "epoch": epoch,
        "discriminator_loss": 1.2,
        "adversarial": 0.8 + epoch / 10,
        "d_real": 0.6,
        "d_drawn": 0.3,
        "d_accuracy": 0.7,
        "discriminator_norm": 1.0,
        "generator_norm": 4.0 / epoch,
        "spread": 0.8,
    }
    for epoch in range(1, 8)
]


def test_both_sides_are_drawn_and_named(remote_references):
    figure = balance_curves(GAME)
    written = words(figure)
    assert {"discriminator", "generator", "real pictures", "drawn pictures"} <= written
    assert {"mean loss", "probability", "norm of the gradient", "epoch"} <= written
    losses = figure.axes[0].lines
    assert list(losses[1].get_ydata()) == [row["adversarial"] for row in GAME]
    assert figure.axes[1].get_ylim() == (0, 1)
    check_figure(lambda: balance_curves(GAME), remote_references, most=60_000)


def test_negative_losses_are_in_sight():
    figure = balance_curves([row | {"adversarial": -row["adversarial"]} for row in GAME])
    assert figure.axes[0].get_ylim()[0] < -1.5


def test_one_epoch_is_a_point():
    (line, *_) = balance_curves(GAME[:1]).axes[0].lines
    assert line.get_marker() == "o"


def test_no_game_and_other_histories_are_refused():
    with pytest.raises(ValueError, match="the history is empty"):
        balance_curves([])
    with pytest.raises(ValueError, match="no d_real, spread: expected that of fit_adversaries"):
        balance_curves(
            [{k: v for k, v in row.items() if k not in ("d_real", "spread")} for row in GAME]
        )
