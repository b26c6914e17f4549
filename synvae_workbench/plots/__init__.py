"""Figures from arrays and tensors: returned, never shown or saved, and free of global state.

Each name is imported when it is first used, so that pages which draw only pictures and piano rolls
do not import seaborn.
"""

from importlib import import_module
from typing import Any

_DEFINED_IN = {
    name: module
    for module, names in {
        "charts": ("confusion", "loss_curves", "precision_bars"),
        "comparison": ("corpus_comparison",),
        "form": ("bar_similarity_maps",),
        "latents": (
            "attribute_curves",
            "attribute_effects",
            "interpolation_distances",
            "latent_spectrum",
            "recall_bars",
        ),
        "pictures": ("picture_grid",),
        "rolls": ("digit_grid", "piano_roll_image", "piano_rolls", "rolls_below_each_other"),
        "trade_offs": ("trade_off",),
    }.items()
    for name in names
}
__all__ = list(_DEFINED_IN)


def __getattr__(name: str) -> Any:
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
