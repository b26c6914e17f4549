import dataclasses
import json

import pytest
import torch
from melody_models import HIERARCHICAL

from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.live.lengths import length_label, other_lengths

DIGITS = {"DATASET": "mnist_5k"}


def stored(folder, *, steps=32, size=28, parameters=DIGITS, best=False):
    """A SynVAE with the record of its training, as a run or as a folder of weights."""
    music = MelodyVae(dataclasses.replace(HIERARCHICAL, steps=steps))
    visual = visual_config(size, latent_dim=HIERARCHICAL.latent_dim)
    save_model(SynVae(SynVaeConfig(visual), music), folder / ("best" if best else ""))
    (folder / "provenance.json").write_text(json.dumps({"parameters": parameters}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    torch.manual_seed(0)
    pretrained, runs = (tmp_path_factory.mktemp("work") / name for name in ("shipped", "runs"))
    stored(pretrained / "own")
    stored(pretrained / "long", steps=128, parameters={"DATASET": "mnist"})
    stored(runs / "mine", steps=64, best=True)
    stored(runs / "smoke", parameters=DIGITS | {"SMOKE": True})
    stored(runs / "paintings", parameters={"DATASET": "paintings"})
    stored(runs / "large", size=32)
    stored(runs / "unknown", parameters={})
    broken = stored(runs / "broken")
    (broken / "config.json").write_text("{")
    save_model(MelodyVae(HIERARCHICAL), runs / "melody")
    (runs / "notes.txt").write_text("no folder")
    return pretrained, runs


def test_models_of_the_same_pictures_are_found_by_length(folders):
    pretrained, runs = folders
    found = other_lengths(pretrained / "own", folders)
    assert found == [("mine", 64, runs / "mine"), ("long", 128, pretrained / "long")]
    assert [each.name for each in other_lengths(runs / "mine", folders)] == ["own", "long"]
    assert other_lengths(runs / "paintings", folders) == []


@pytest.mark.parametrize("name", ["unknown", "broken", "melody", "nowhere"])
def test_beside_what_does_not_say_its_pictures_nothing_is_offered(folders, name):
    assert other_lengths(folders[1] / name, folders) == []


def test_the_shipped_models_are_found_where_there_is_no_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {each.name for each in other_lengths("../pretrained/synvae_mnist")}
    expected = {path.name for path in PRETRAINED.glob("synvae_mnist?*")}
    assert names == expected


def test_a_length_is_said_in_words():
    assert length_label(16) == "1 bar"
    assert length_label(128, "mine") == "8 bars, mine"
