import dataclasses
import json

import pytest
import torch
from melody_models import HIERARCHICAL

from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, WeightsError, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.live.models import length_in_words, list_models

DIGITS = {"DATASET": "mnist_5k"}


def stored(folder, *, steps=32, size=28, parameters=DIGITS, best=False):
    """A SynVAE with the record of its training, as a run or as a folder of weights."""
    music = MelodyVae(dataclasses.replace(HIERARCHICAL, steps=steps))
    visual = visual_config(size, latent_dim=HIERARCHICAL.latent_dim)
    save_model(SynVae(SynVaeConfig(visual), music), folder / ("best" if best else ""))
    (folder / "provenance.json").write_text(
        json.dumps({"parameters": parameters}), encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.manual_seed(0)
    pretrained, runs = (tmp_path_factory.mktemp("work") / name for name in ("shipped", "runs"))
    stored(pretrained / "own")
    stored(pretrained / "long", steps=128, parameters={"DATASET": "mnist"})
    stored(pretrained / "photos", size=32, parameters={"DATASET": "cifar10"})
    stored(runs / "mine", steps=64, best=True)
    stored(runs / "smoke", parameters=DIGITS | {"SMOKE": True})
    stored(runs / "art", size=64, parameters={"DATASET": "paintings"})
    stored(runs / "cats", size=32, parameters={"DATASET": "folder", "FOLDER": "cats"})
    stored(runs / "kittens", size=32, parameters={"DATASET": "folder", "FOLDER": "cats"})
    stored(runs / "dogs", size=32, parameters={"DATASET": "folder", "FOLDER": "dogs"})
    stored(runs / "unknown", parameters={})
    broken = stored(runs / "broken")
    (broken / "config.json").write_text("{", encoding="utf-8")
    save_model(MelodyVae(HIERARCHICAL), runs / "melody")
    (runs / "notes.txt").write_text("no folder", encoding="utf-8")
    return pretrained, runs


def names(run, folders):
    return [each.name for each in list_models(run, folders)]


def test_models_are_listed_by_kind_the_own_one_first_and_the_shipped_before_others(folders):
    pretrained, runs = folders
    found = list_models(pretrained / "own", folders)
    assert found == [
        ("own", 32, pretrained / "own", "digit"),
        ("long", 128, pretrained / "long", "digit"),
        ("mine", 64, runs / "mine", "digit"),
        ("photos", 32, pretrained / "photos", "photograph"),
        ("art", 32, runs / "art", "painting"),
    ]
    assert found[1].label == "long, 8 bars"
    assert names(runs / "art", folders) == ["art", "own", "long", "mine", "photos"]


def test_models_of_a_set_of_ones_own_stand_beside_those_of_the_same_alone(folders):
    found = names(folders[1] / "cats", folders)
    assert found[:2] == ["cats", "kittens"]
    assert "dogs" not in found


def test_a_run_that_does_not_say_its_pictures_counts_by_its_colours(folders):
    (first, *others) = list_models(folders[1] / "unknown", folders)
    assert (first.name, first.kind) == ("unknown", "digit")
    assert [each.name for each in others] == ["own", "long", "mine", "photos", "art"]


@pytest.mark.parametrize("name", ["broken", "melody", "nowhere"])
def test_what_is_no_synvae_is_refused(folders, name):
    with pytest.raises(WeightsError, match=name):
        list_models(folders[1] / name, folders)


def test_the_shipped_models_are_found_where_there_is_no_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {each.name for each in list_models("../pretrained/synvae_mnist")}
    assert found == {path.name for path in PRETRAINED.glob("synvae_*")}


def test_a_length_is_said_in_words():
    assert length_in_words(16) == "1 bar"
    assert length_in_words(128) == "8 bars"
