"""Parts that are shipped are named, found again bit by bit, and never taken for others."""

import json
import shutil

import pytest
import torch
from safetensors import safe_open

from synvae_core.models import shipped_parts
from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED, WeightsError, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig, load_synvae
from synvae_core.models.visual import visual_config

LANGUAGE = "skeleton_2bar"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Shipped weights that a test may change."""
    shelf = tmp_path / "shelf"
    shutil.copytree(PRETRAINED / LANGUAGE, shelf / LANGUAGE)
    shutil.copytree(PRETRAINED / "language_2bar", shelf / "language_2bar")
    monkeypatch.setattr(shipped_parts, "PRETRAINED", shelf)
    return shelf


def model(language=LANGUAGE):
    music = load_melody_model(PRETRAINED / language)
    return SynVae(SynVaeConfig(visual_config(28, latent_dim=music.config.latent_dim)), music).eval()


def names_in(folder):
    with safe_open(folder / "model.safetensors", "pt") as tensors:
        return set(tensors.keys())


def change_config(folder, change):
    path = folder / "config.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    change(stored)
    path.write_text(json.dumps(stored), encoding="utf-8")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("half", [False, True])
def test_the_music_is_named_and_comes_back_bit_by_bit(tmp_path, half):
    made = model()
    save_model(made, tmp_path / "made", half=half)
    assert not any(name.startswith("music.") for name in names_in(tmp_path / "made"))
    loaded = load_synvae(tmp_path / "made")
    for name, tensor in made.music.state_dict().items():
        assert torch.equal(tensor, loaded.music.state_dict()[name])
    images = torch.rand(4, 1, 28, 28)
    if not half:
        assert torch.equal(made.listen(images), loaded.listen(images))


@pytest.mark.usefixtures("shelf")
def test_music_that_differs_in_one_number_is_stored_whole(tmp_path):
    made = model()
    with torch.no_grad():
        next(made.music.parameters()).view(-1)[0] += 1e-3
    save_model(made, tmp_path / "made")
    assert any(name.startswith("music.") for name in names_in(tmp_path / "made"))
    loaded = load_synvae(tmp_path / "made").state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in made.state_dict().items())


def test_without_shipped_weights_all_is_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped_parts, "PRETRAINED", tmp_path / "none")
    save_model(model(), tmp_path / "made")
    stored = json.loads((tmp_path / "made" / "config.json").read_text(encoding="utf-8"))
    assert stored["format"] == 1 and "shipped" not in stored
    load_synvae(tmp_path / "made")


def test_other_weights_of_the_same_name_are_refused(shelf, tmp_path):
    save_model(model(), tmp_path / "made")
    other = load_melody_model(PRETRAINED / LANGUAGE)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1e-3
    save_model(other, shelf / LANGUAGE)
    with pytest.raises(WeightsError, match="music was skeleton_2bar with other weights"):
        load_synvae(tmp_path / "made")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("shipped", "message"),
    [
        ({"music": {"name": "../elsewhere", "sha256": "0"}}, "which is not in"),
        ({"music": {"name": "/etc", "sha256": "0"}}, "which is not in"),
        ({"music": {"name": "", "sha256": "0"}}, "which is not in"),
        ({"music": {"name": LANGUAGE}}, "a name and a SHA-256"),
        ({"music": {"name": LANGUAGE, "sha256": 7}}, "a name and a SHA-256"),
        ({"music": LANGUAGE}, "a name and a SHA-256"),
        ([LANGUAGE], "a name and a SHA-256"),
    ],
)
def test_what_a_hostile_configuration_names_is_refused(tmp_path, shipped, message):
    save_model(model(), made := tmp_path / "made")
    change_config(made, lambda stored: stored.update(shipped=shipped))
    with pytest.raises(WeightsError, match=message):
        load_synvae(made)


def test_another_part_than_its_own_does_not_fit(shelf, tmp_path):
    save_model(model(), made := tmp_path / "made")
    digest = shipped_parts.shipped_parts(model("language_2bar"))["music"]["sha256"]
    named = {"music": {"name": "language_2bar", "sha256": digest}}
    change_config(made, lambda stored: stored.update(shipped=named))
    with pytest.raises(WeightsError, match="another configuration"):
        load_synvae(made)
