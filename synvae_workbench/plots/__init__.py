"""Figures from arrays and tensors: returned, never shown or saved, and free of global state."""

from synvae_workbench.plots.charts import confusion, loss_curves, precision_bars
from synvae_workbench.plots.comparison import corpus_comparison
from synvae_workbench.plots.latents import (
    attribute_curves,
    attribute_effects,
    interpolation_distances,
    latent_spectrum,
    recall_bars,
)
from synvae_workbench.plots.pictures import picture_grid
from synvae_workbench.plots.rolls import digit_grid, piano_roll_image, piano_rolls
from synvae_workbench.plots.trade_off import trade_off

__all__ = [
    "attribute_curves",
    "attribute_effects",
    "confusion",
    "corpus_comparison",
    "digit_grid",
    "interpolation_distances",
    "latent_spectrum",
    "loss_curves",
    "piano_roll_image",
    "piano_rolls",
    "picture_grid",
    "precision_bars",
    "recall_bars",
    "trade_off",
]
