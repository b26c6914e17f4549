"""Figures from arrays and tensors: returned, never shown or saved, and free of global state.

Each name is imported when it is first used, so that pages which draw only pictures and piano rolls
do not import seaborn.
"""

from synvae_workbench.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("confusion", "loss_curves", "precision_bars"),
        "comparison": ("corpus_comparison",),
        "faces": ("animation", "pair_sheet", "photo_grid"),
        "form": ("bar_similarity_maps",),
        "latents": (
            "attribute_curves",
            "attribute_effects",
            "interpolation_distances",
            "latent_spectrum",
            "recall_bars",
        ),
        "listening": ("listener_accuracies",),
        "neighbours": ("neighbour_gallery",),
        "pictures": ("picture_grid",),
        "roll_images": ("piano_roll_image",),
        "rolls": ("digit_grid", "piano_rolls", "rolls_below_each_other"),
        "trade_offs": ("trade_off",),
    },
)
