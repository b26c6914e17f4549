"""Every notebook runs, as a smoke run, by the very way that makes the reports."""

import io
import json
import shutil
from pathlib import Path

import pytest
from run_figures import wrong_figures

from synvae_workbench.reports import notebook_parameters, run_notebook

FOLDER = Path(__file__).parents[1] / "notebooks"
# Notebooks that are not run here, each with the reason.
EXCLUDED: dict[str, str] = {}
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb") if path.name not in EXCLUDED)
# What a notebook is for: figures that each must leave, among those that it leaves.
MEASURED = {
    "00_quickstart": (
        "notes/squared_error floor/squared_error notes/cnn_agreement judge/accuracy "
        "notes/precision_at_10 visual/precision_at_10 floor/precision_at_10 "
        "notes/distinct_melodies notes/auc tunes/auc "
        "ear/opti3_precision_at_10 ear/earth_mover_twin_moved ear/spectrum_trios_accuracy "
        "ear/blurred_roll_rank_correlation floor/rank_correlation visual/rank_correlation "
        "chance/precision_at_10"
    ),
    "01_data": "data/mnist_5k_train data/abc_train data/espeak_speakers data/sets_here",
    "10_train_visual_vae": (
        "visual/squared_error floor/squared_error visual/precision_at_10 visual/kl_bits"
    ),
    "11_train_music_vae": (
        "reconstruction/exact reconstruction/note_f1 unseen/exact prior/auc tunes/auc"
    ),
    "12_train_synvae": (
        "notes/squared_error coupling/squared_error floor/squared_error notes/cnn_agreement "
        "notes/precision_at_10 chance/precision notes/auc other_pictures/notes_squared_error "
        "ear/opti3_precision_at_10 ear/earth_mover_twin_moved ear/spectrum_trios_accuracy "
        "floor/rank_correlation visual/rank_correlation"
    ),
    "13_compare_couplings": (
        "judge/accuracy straight_through/notes_squared_error "
        "straight_through/coupling_squared_error softmax/notes_cnn_agreement "
        "softmax/opti3_precision_at_10 softmax/spectrum_listener_accuracy"
    ),
    "14_picture_and_music": (
        "0_9/squared_error 0_9/auc one_take/auc other_tunes/auc prior_samples/auc "
        "0_9/earth_mover_twin_moved one_take/opti3_precision_at_10 "
        "nearest_tune/spectrum_trios_accuracy"
    ),
    "15_train_speech_to_image": "judge/accuracy test/agreement_of_means test/agreement_of_samples",
    "16_consistency_and_diversity": (
        "judge/accuracy vae/agreement alpha_2/agreement alpha_2/spread alpha_2/coverage real/spread"
    ),
    "17_train_faces": (
        "held_out/squared_error training/squared_error held_out/share_of_pca "
        "held_out/better_than_pca prior/copied_against_real code/kl_bits"
    ),
    "18_train_drum_loops": (
        "convolutional_held_out/snr_db convolutional_nearest/snr_db dense_train/snr_db "
        "convolutional/bits_per_second"
    ),
    "19_train_picture_features": (
        "features/precision_at_10 features/linear_probe floor/precision_at_10 floor/linear_probe "
        "imagenet/precision_at_10 imagenet/linear_probe guess/linear_probe chance/precision"
    ),
    "20_neighbours": (
        "notes/precision_at_10 visual/precision_at_10 floor/precision_at_10 chance/precision "
        "notes/precision_at_10_as_published notes_by_class/0_at_10 "
        "across/melody_to_picture_recall_at_1 "
        "ear/blurred_roll_precision_at_10 ear/earth_mover_twin_moved"
    ),
    "21_reconstruction_classification": (
        "original_on_original/accuracy original_on_rebuilt/accuracy rebuilt_on_rebuilt/macro_f1 "
        "guess/accuracy original_on_original/trained_as_published ear/spectrum_listener_accuracy"
    ),
    "22_mutual_information": (
        "notes/smile notes/donsker_varadhan_low shuffled/smile known/info_nce_of_1 "
        "ear/opti3_rank_correlation"
    ),
    "23_latent_geometry": (
        "auditive/kl_from_visual auditive/cka chance/cka pixels/trustworthiness "
        "visual/tsne_continuity ear/opti3_rank_correlation ear/sound_trustworthiness"
    ),
    "24_musicality": (
        "notes/onsets_per_bar tunes/onsets_per_bar notes/auc prior/auc tunes/auc "
        "class_features/onsets notes/between_classes "
        "notes/chord_tone_share tunes/clash_share prior/voice_leading "
        "ear/opti3_spread_within ear/opti3_spread_between"
    ),
    "25_listening_tasks": "closest/latent_listener_accuracy balanced/latent_listener_accuracy",
    "26_machine_listener": (
        "chance/accuracy published_sitting/accuracy spectrum_nearest_mean/accuracy "
        "trios/mean_accuracy"
    ),
    "27_evaluate_music_vae": (
        "own/note_f1 own/exact unseen/exact prior_drawn/auc interpolation/linear_length "
        "attributes/mean_pitch own/kl_bits prior_drawn/bar_similarity_lag_1 tunes/phrase_bars"
    ),
    "28_evaluate_speech_to_image": (
        "judge/accuracy spoken/agreement spoken/agreement_sampled digit_0/agreement "
        "drawn/coverage drawn/spread drawn/nearest_distance expected/coverage "
        "retrieval/speech_to_picture_pixels_precision_at_1 no_digit/misses_music "
        "no_digit/false_alarms_recordings chain/agreement_return chain/melody_ear_median_rank"
    ),
    "29_what_an_ear_can_tell": (
        "ear/opti3_precision_at_10 ear/blurred_roll_rank_correlation ear/earth_mover_twin_moved "
        "ear/spectrum_listener_accuracy floor/precision_at_10 visual/precision_at_10 "
        "rule/opti3_precision_at_10 rule/earth_mover_twin_moved rule/spectrum_trios_accuracy "
        "rule/auc class_alone/blurred_roll_rank_correlation class_alone/cnn_agreement "
        "class_alone/auc_events class_alone/distinct_melodies tunes/auc"
    ),
    "30_published_against_measured": "figures/all figures/measured figures/both",
    "40_explore_synvae": (
        "notes/squared_error floor/squared_error sliders/least_consistency way/length "
        "live/slider_ms"
    ),
    "41_explore_music": (
        "between/melody_model_length notes_steered/asked_for notes_vector/asked_for "
        "pitch_steered/auc"
    ),
    "42_say_it_see_it_hear_it": "notes/squared_error floor/squared_error notes/distinct_melodies",
    "43_listening_test": "simulated/accuracy simulated/median_seconds",
    "44_explore_faces_and_loops": (
        "held_out/squared_error held_out/pca_squared_error sliders/least_consistency "
        "prior/copied_against_rebuilt loops/spectral_distance_db loops/worst_seam"
    ),
    "45_album": "notes/distinct_melodies album/done album/failed",
    "46_learn_the_sounds": (
        "digits/sounds digits/least_apart digits/most_otherwise digits/tendencies "
        "rule/level_1_accuracy"
    ),
}
MAX_BYTES = 4_000_000


def test_exclusions_name_notebooks_and_reasons():
    for name, reason in EXCLUDED.items():
        assert (FOLDER / name).is_file(), name
        assert len(reason.split()) >= 3, f"{name}: say why"


def test_every_notebook_must_measure_something():
    assert {f"{stem}.ipynb" for stem in MEASURED} == {*NOTEBOOKS}
    assert all(MEASURED.values())


@pytest.fixture
def workplace(tmp_path):
    """What notebooks find beside their folder, without the runs that are there."""
    (tmp_path / "notebooks").mkdir()
    for name in ("pretrained", "reports"):
        (tmp_path / name).symlink_to(FOLDER.parent / name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_runs(name, workplace, remote_references):
    notebook = Path(shutil.copy(FOLDER / name, workplace / "notebooks"))
    out = workplace / "out"
    report = run_notebook(notebook, parameters={"SMOKE": True}, out_dir=out, status=io.StringIO())
    page = report.read_text(encoding="utf-8")
    assert report == out / f"{notebook.stem}.html"
    assert remote_references(page) == []
    assert len(page) < MAX_BYTES, "a report is passed on by mail"
    check_record(notebook, workplace / "runs")


def check_record(notebook, runs):
    """What a notebook leaves for those that come after it: its figures, and where they are from."""
    declared = notebook_parameters(notebook)
    run = runs / f"{declared['RUN_NAME'].default}_smoke"
    metrics, origin = (
        json.loads((run / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("metrics", "provenance")
    )
    assert set(MEASURED[notebook.stem].split()) <= metrics.keys()
    assert wrong_figures(metrics) == []
    assert origin["parameters"].keys() == declared.keys()
    assert origin["parameters"]["SMOKE"] is True
    assert origin["seed"] == declared["SEED"].default
    assert origin["device"]
    assert origin["data"]
