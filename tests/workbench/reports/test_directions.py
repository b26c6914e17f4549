"""Which way is better is what is declared; references are only what others are compared with."""

import pytest

from synvae_workbench.reports.directions import MEASURES, best, better


@pytest.mark.parametrize(
    ("metric", "way"),
    [
        ("notes/squared_error", "lower"),
        ("notes/auc_events", "lower"),
        ("notes/cnn_agreement", "higher"),
        ("notes/precision_at_10", "higher"),
        ("convolutional_held_out/envelope_correlation", "higher"),
        ("convolutional_held_out/spectral_distance_db", "lower"),
        ("held_out/share_of_pca", "lower"),
        ("notes/share_of_visual_at_5", "higher"),
        ("listeners/kappa", "higher"),
        ("train: notes/squared_error", "lower"),
        ("floor/squared_error", None),
        ("other_pictures/floor_squared_error", None),
        ("retrieval/picture_to_speech_chance_recall_at_5", None),
        ("tunes/auc", None),
        ("rule/opti3_precision_at_10", None),
        ("class_alone/cnn_agreement", None),
        ("code/kl_bits", None),
        ("data/mnist_train", None),
        ("notes/error_of_my_own", None),
        ("no metric at all", None),
    ],
)
def test_which_way_is_better(metric, way):
    assert better(metric) == way


def test_the_best_is_marked_where_there_is_one():
    assert best("notes/squared_error", [3.0, 1.0, 2.0]) == 1.0
    assert best("notes/cnn_agreement", [0.3, 0.9]) == 0.9
    assert best("notes/cnn_agreement", [0.9, 0.9]) is None
    assert best("code/kl_bits", [1.0, 2.0]) is None
    assert best("notes/squared_error", []) is None


def test_measures_of_all_floors_have_names_of_their_own():
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
