"""The weights that are shipped load, play, and hear, and their card is beside them."""

import json

import numpy as np
import pytest
import torch
from real_tunes import real_windows

from synvae_core.models.classifiers import load_judge
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.speech.to_image import load_speech_image
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import load_synvae
from synvae_workbench.data.registry import (
    SpeechOptions,
    load_pictures,
    load_speech,
)
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.data.speech.stand_in import load_stand_in
from synvae_workbench.evaluation.no_digit import check_of
from synvae_workbench.training.judge import read_labels
from synvae_workbench.training.pictures import to_unit

FOLDERS = sorted(path for path in PRETRAINED.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_folder_has_a_card_and_no_pickle(folder):
    names = {path.name for path in folder.iterdir()}
    needed = {"CARD.md", "config.json", "model.safetensors"}
    assert needed <= names <= needed | {"provenance.json", "test_recordings.json", "digit_check"}
    assert (folder / "CARD.md").read_text(encoding="utf-8").startswith(f"# {folder.name}\n")
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 16e6


def test_the_judge_reads_the_test_digits_as_its_card_says():
    test = load_pictures("mnist_5k").test
    read = read_labels(load_judge(PRETRAINED / "judge_mnist_5k"), to_unit(test.images))
    accuracy = (read == test.labels).float().mean().item()
    card = (PRETRAINED / "judge_mnist_5k" / "CARD.md").read_text(encoding="utf-8")
    assert f"accuracy on the 1,000 test digits {accuracy:.3f} " in card


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("synvae_mnist", 50), ("synvae_mnist_8bar", 30)])
def test_a_digit_comes_back_from_the_shipped_synvae(name, count):
    model = load_synvae(PRETRAINED / name)
    digits = to_unit(load_pictures("mnist_5k").test.images[:count])  # it was not trained on them
    _, rebuilt = model.hear(model.listen(digits))
    error = (rebuilt - digits).square().flatten(1).sum(1).mean()
    assert error < 18  # the mean digit is at 53


@pytest.mark.data
@pytest.mark.parametrize("name", ["speech_compact_vae", "speech_compact_vae_gan"])
def test_the_shipped_speech_models_draw_what_recordings_they_never_heard_say(name, data_folder):
    folder = PRETRAINED / name
    unheard = json.loads((folder / "test_recordings.json").read_text(encoding="utf-8"))
    speech = load_speech("fsdd", SpeechOptions(folder=data_folder / "fsdd"))
    assert set(speech.test.ids) == set(unheard)
    judge = load_judge(PRETRAINED / "judge_mnist_5k")
    drawn = load_speech_image(folder).draw(to_unit(speech.test.spectrograms))
    assert (read_labels(judge, drawn) == speech.test.labels).float().mean() > 0.93


def test_the_shipped_speech_model_has_a_check_that_hears_digits_and_no_hiss():
    check = check_of(PRETRAINED / "speech_compact_vae")
    said, hiss = load_stand_in(takes=1), np.random.default_rng(0).standard_normal((20, 4000))
    digits = to_unit(log_mel([said.waveform(place) for place in range(40)]))
    assert check.hears_digit(digits).float().mean() >= 0.85
    assert not check.hears_digit(to_unit(log_mel([*hiss]))).any()


@pytest.mark.parametrize(
    "name", ["language_2bar", "skeleton_2bar", "skeleton_8bar", "skeleton_16bar"]
)
def test_the_language_models_give_tunes_back_exactly(name):
    model = load_melody_model(PRETRAINED / name)
    tunes = real_windows(model.config.steps // 16, most=200)
    assert len(tunes) == 200
    assert torch.equal(model.reconstruct(tunes, sample=False), tunes)


@pytest.mark.parametrize(
    ("name", "count", "least"),
    [
        ("skeleton_2bar", 500, 0.7),
        ("skeleton_8bar", 100, 0.4),
        ("skeleton_8bar_pop909", 100, 0.4),
        ("skeleton_16bar", 60, 0.3),
    ],
)
def test_the_skeleton_that_is_asked_for_is_mostly_heard(name, count, least):
    model = load_melody_model(PRETRAINED / name)
    language, layout = model.decoder.language, model.config.layout
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        played, _ = language.play(torch.randn(count, model.config.latent_dim, generator=generator))
    kept = (language.reader(played.events) == played.tokens).float().mean(0)
    assert (kept[layout.whole] > least).all()  # wishes
    assert (kept[layout.rhythm] == 1).all()
    assert kept[layout.form].numel() == 0 or kept[layout.form].min() > 0.9
    assert kept.mean() > 0.95


def test_a_synvae_names_the_shipped_melody_model_within_and_all_are_of_bounded_size():
    synvaes = [folder.name for folder in FOLDERS if folder.name.startswith("synvae_")]
    assert {"synvae_mnist", "synvae_photos", "synvae_paintings"} <= {*synvaes}
    for name in synvaes:
        config = json.loads((PRETRAINED / name / "config.json").read_text(encoding="utf-8"))
        music = load_melody_model(PRETRAINED / config["shipped"]["music"]["name"]).state_dict()
        within = load_synvae(PRETRAINED / name).music.state_dict()
        assert all(torch.equal(value, within[name]) for name, value in music.items())
    files = [path for path in PRETRAINED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 48e6
