"""Figures from arrays and tensors: returned, never shown or saved, and free of global state."""

from synvae_core.plots.charts import confusion, loss_curves, precision_bars
from synvae_core.plots.comparison import corpus_comparison
from synvae_core.plots.rolls import digit_grid, piano_roll_image, piano_rolls

__all__ = [
    "confusion",
    "corpus_comparison",
    "digit_grid",
    "loss_curves",
    "piano_roll_image",
    "piano_rolls",
    "precision_bars",
]
