"""Which way a measured figure is better, told by the words of its name."""

import re

LOWER = "lower"
HIGHER = "higher"
_LOWER = {"error", "distance", "loss", "auc", "mismatch", "divergence", "seconds", "copied"}
_HIGHER = {
    *("accuracy", "agreement", "precision", "correlation", "snr", "coverage", "distinct"),
    *("trustworthiness", "cka", "density", "recall", "exact"),
}


def better(metric: str) -> str | None:
    """LOWER or HIGHER; None where the name does not tell, as of what only describes.

    The last word that tells decides: `notes/cnn_agreement` is better higher, `notes/squared_error`
    lower. What stands under `floor/`, `tunes/` and the like is what others are compared with.
    """
    where, _, what = metric.rpartition(": ")[2].partition("/")
    if where in ("floor", "tunes", "judge", "data", "chance"):
        return None
    for word in reversed(re.split(r"[^a-z]+", what.lower())):
        if word in _LOWER:
            return LOWER
        if word in _HIGHER:
            return HIGHER
    return None


def best(metric: str, values: list[float]) -> float | None:
    """The best of the values; None where the name does not tell, or where they are all the same."""
    way = better(metric)
    if way is None or len(set(values)) < 2:
        return None
    return min(values) if way == LOWER else max(values)
