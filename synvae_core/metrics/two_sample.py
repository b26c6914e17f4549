"""Classifier two-sample tests of sets of melodies.

Lopez-Paz & Oquab 2017, "Revisiting Classifier Two-Sample Tests", arXiv 1610.06545, here by the
area under the ROC curve. scikit-learn's classifiers are imported when one is trained: a live page
can name these functions for its report, and opens without waiting for them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Integer
from threadpoolctl import threadpool_limits

from synvae_core.metrics.form import form_features
from synvae_core.metrics.melody import melody_features
from synvae_core.music.coding import STEPS_PER_BAR, Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import LOWER, Measure, TooFewError

MEASURES = (
    Measure("auc", LOWER, 0, 1),  # 0.5 where the sets cannot be told apart
    Measure("auc_events", LOWER, 0, 1),
    Measure("auc_plain_folds", LOWER, 0, 1),
    Measure("auc_other_kinds", LOWER, 0, 1),
    Measure("auc_events_other_kinds", LOWER, 0, 1),
    Measure("{path}_middle_auc", LOWER, 0, 1),
)


def _features(events: np.ndarray, *, coding: Coding) -> np.ndarray:
    """Features of each melody; of pieces of more than two bars, those of their form as well."""
    features = melody_features(events, coding=coding)
    if events.shape[1] <= 2 * STEPS_PER_BAR * coding.voices:
        return features
    return np.column_stack([features, *form_features(events, coding=coding).values()])


def _words(events: np.ndarray, *, coding: Coding) -> np.ndarray:
    """Each melody as a line of words, one per event."""
    return np.array([" ".join(map(str, row)) for row in coding.canonical(events)], dtype=object)


def _boosted_trees(seed: int, melodies: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # With the 20 that are usual, no tree of less than 40 melodies has a split.
    fewest = min(20, max(1, melodies // 8))
    return HistGradientBoostingClassifier(random_state=seed, min_samples_leaf=fewest)


def _event_counts(seed: int, melodies: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = {"token_pattern": r"\S+", "ngram_range": (1, 4), "min_df": 2, "sublinear_tf": True}
    regression = LogisticRegression(C=10.0, max_iter=1000, random_state=seed)
    return make_pipeline(TfidfVectorizer(**words), regression)


# Inputs of a classifier from a melody, and the classifier.
_CLASSIFIERS: dict[str, tuple[Callable[..., np.ndarray], Callable[[int, int], Any]]] = {
    "features": (_features, _boosted_trees),
    "events": (_words, _event_counts),
}


def two_sample_auc(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"],
    *,
    tunes: Integer[np.ndarray, " n"] | None = None,
    other_tunes: Integer[np.ndarray, " m"] | None = None,
    hears: str = "features",
    seed: int = 0,
    folds: int = 5,
    coding: Coding = ONE_VOICE,
) -> float:
    """Area under the ROC curve of a classifier that tells one set of melodies from another.

    Cross-validated. At 0.5 the sets cannot be told apart, at 1 they always can; sets that share
    melodies may score below 0.5.

    Args:
        first: event ids of one set.
        second: of the other; the sizes may differ.
        tunes: ids of the tunes that melodies of the first set are from. Windows of one tune are
            then kept in one fold: else the classifier knows the tunes by their other windows, and
            even windows of other real tunes are told apart.
        other_tunes: the same of the second set; by default each melody is on its own.
        hears: classifier and its inputs: "features", gradient-boosted trees on `melody_features`
            and, of more than two bars, on `form_features`; or "events", logistic regression on the
            counts of up to four successive events (their tf-idf), to which nothing here was tuned.
        seed: of the shuffle into folds.
        folds: of the cross-validation.

    Raises:
        ValueError: if a set has fewer melodies than there are folds or those of one tune alone, if
            there are fewer tunes than folds, or an event id is unknown.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    if not 2 <= folds <= min(len(first), len(second)):
        raise TooFewError(
            f"each set needs a melody for each of at least 2 folds: got {folds} folds, "
            f"{len(first)} and {len(second)} melodies"
        )
    if hears not in _CLASSIFIERS:
        raise ValueError(f"a classifier hears {' or '.join(_CLASSIFIERS)}, not {hears!r}")
    of_melody, classifier = _CLASSIFIERS[hears]
    is_second = np.repeat([0, 1], [len(first), len(second)])
    # Alone, a melody is a tune of its own, numbered below 0.
    tunes = -1 - np.arange(len(first)) if tunes is None else tunes
    alone = -1 - len(first) - np.arange(len(second))
    groups = np.concatenate([tunes, alone if other_tunes is None else other_tunes])
    if min(len(np.unique(part)) for part in np.split(groups, [len(first)])) < 2:
        raise TooFewError("each set needs melodies of two tunes or more: got those of one tune")
    if (count := len(np.unique(groups))) < folds:
        raise TooFewError(f"each of {folds} folds needs a tune of its own: got {count} tunes")
    with threadpool_limits(1):  # on sets this small, threads cost more time than they save
        score = cross_val_predict(
            classifier(seed, len(groups)),
            np.concatenate([of_melody(events, coding=coding) for events in (first, second)]),
            is_second,
            groups=groups,
            cv=StratifiedGroupKFold(folds, shuffle=True, random_state=seed),
            method="predict_proba",
        )
    return float(roc_auc_score(is_second, score[:, 1]))


def two_sample_scores(
    tunes: Integer[np.ndarray, "n t"],
    tune_of: Integer[np.ndarray, " n"],
    melodies: Integer[np.ndarray, "m t"],
    *,
    kinds: Integer[np.ndarray, " m"] | None = None,
    seed: int = 0,
    coding: Coding = ONE_VOICE,
) -> dict[str, float]:
    """AUCs of classifiers that tell melodies from windows of tunes.

    `auc` on features and `auc_events` on events, the windows of a tune in one fold;
    `auc_plain_folds` on features, the windows of a tune in any fold, which the other windows of
    it then give away. With kinds, `auc_other_kinds` and `auc_events_other_kinds`: melodies of a
    kind are in one fold too, so that classifiers cannot know them by others of it, as they cannot
    know a tune, and tell what all melodies have that tunes have not.

    Args:
        tune_of: the tune of each window.
        kinds: of the melodies, such as the cell of their pictures by `picture_cells`.
    """
    auc = partial(two_sample_auc, tunes, melodies, seed=seed, coding=coding)
    scores = {
        "auc": auc(tunes=tune_of),
        "auc_events": auc(tunes=tune_of, hears="events"),
        "auc_plain_folds": auc(),
    }
    if kinds is not None and len(np.unique(kinds)) > 1:
        apart = partial(auc, tunes=tune_of, other_tunes=kinds + tune_of.max() + 1)
        scores["auc_other_kinds"] = apart()
        scores["auc_events_other_kinds"] = apart(hears="events")
    return scores
