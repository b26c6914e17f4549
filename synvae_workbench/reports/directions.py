"""Which way a figure of a run is better, as it is declared beside what measures it."""

from synvae_core.metrics import measures
from synvae_core.types import HIGHER, LOWER, Measure
from synvae_workbench.listening import lessons, scoring, sitting

# What notebooks count and time themselves, and what a trained model tells of its training.
OF_NOTEBOOKS = (
    Measure("data/{set}_train", None, 0),
    Measure("data/{set}_validation", None, 0),
    Measure("data/{set}_test", None, 0),
    Measure("data/{set}_held_out", None, 0),
    Measure("data/{set}_classes", None, 0),
    Measure("data/{set}_smallest_class", None, 0),
    Measure("data/{set}_speakers", None, 1),
    Measure("data/sets_here", None, 0),
    Measure("data/sets_looked_at", None, 0),
    Measure("loops/train", None, 1),
    Measure("loops/held_out", None, 1),
    Measure("loops/worst_seam", LOWER, 0),
    Measure("training_windows", None, 1),
    Measure("test/recordings", None, 1),
    Measure("outside_test_split", None, 0),
    Measure("pictures", None, 1),
    Measure("model/parameters", None, 1),
    Measure("model/best_epoch", None, 1),
    Measure("parameters/{configuration}", None, 1),
    Measure("figures/{kind}", None, 0),
    Measure("sliders/shown", None, 0),
    Measure("sliders/least_consistency", HIGHER, 0, 1),
    Measure("attributes/{attribute}", None),  # change in standard deviations, as of the next two
    Measure("asked_for", None),
    Measure("of_others", None),
    Measure("told_apart", None, 0, 1),  # by a discriminator, of what it is trained on
    Measure("live/slider_ms", LOWER, 0),
    Measure("album/done", None, 0),
    Measure("album/failed", LOWER, 0),
    Measure("live/picture_ms", LOWER, 0),
)
MEASURES = (
    *measures.MEASURES,
    *lessons.MEASURES,
    *scoring.MEASURES,
    *sitting.MEASURES,
    *OF_NOTEBOOKS,
)
# Where what others are compared with stands: it is as good as it is.
REFERENCES = {
    *("floor", "floor_by_class", "pixels", "pca_train", "dense_nearest", "convolutional_nearest"),
    *("tunes", "other_tunes", "nearest_tune", "real", "beside", "judge", "simulated"),
    *("rule", "class_alone", "imagenet"),
    *("chance", "guess", "expected", "shuffled", "shuffled_labels", "known"),
}


def better(metric: str) -> str | None:
    """LOWER or HIGHER; None of what only describes, is a reference, or is not known.

    Args:
        metric: `where/metric`, after the name of its step and a colon where there are several.
    """
    metric = metric.rpartition(": ")[2]
    measure = measures.measure_of(metric, MEASURES)
    if measure is None or metric.partition("/")[0] in REFERENCES:
        return None
    return measure.better


def best(metric: str, values: list[float]) -> float | None:
    """The best of the values; None where no way is better, or where they are all the same."""
    way = better(metric)
    if way is None or len(set(values)) < 2:
        return None
    return min(values) if way == LOWER else max(values)
