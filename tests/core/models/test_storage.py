"""Weights and configuration: what is saved is loaded, and anything else is refused by name."""

import dataclasses
import json

import pytest
import torch
from melody_models import MIXER as CONFIG

from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, WeightsError, find_folder, load_model, save_model


@pytest.fixture
def folder(tmp_path):
    save_model(MelodyVae(CONFIG), tmp_path)
    return tmp_path


def load(folder):
    return load_model(MelodyVae, MixerMelodyConfig, folder)


def test_a_model_comes_back_as_it_was(tmp_path):
    model = MelodyVae(CONFIG)
    save_model(model, tmp_path)
    loaded = load(tmp_path)
    assert loaded.config == CONFIG
    assert not loaded.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name])


def test_half_precision_storage_loads_as_float32(tmp_path):
    model = MelodyVae(CONFIG)
    save_model(model, tmp_path, half=True)
    for name, tensor in load(tmp_path).state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, model.state_dict()[name], atol=1e-3, rtol=1e-3)


def test_weights_of_another_configuration_are_refused_with_the_difference(folder, tmp_path):
    other = tmp_path / "other"
    save_model(MelodyVae(dataclasses.replace(CONFIG, latent_dim=5)), other)
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(WeightsError, match=r"model\.safetensors was written for another.*decoder"):
        load(folder)


def test_missing_and_damaged_files_are_named(folder):
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"model\.safetensors is damaged"):
        load(folder)
    weights.unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "Other"}, "holds a Other: expected a MelodyVae"),
        ({"format": 99}, "has format 99: expected 1 or 2"),
        ({"config": {"latent_dims": 4}}, "does not fit MixerMelodyConfig"),
        ({"config": None}, "is not a model configuration"),
    ],
)
def test_other_configurations_are_refused(folder, change, message):
    path = folder / "config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8"
    )
    with pytest.raises(WeightsError, match=message):
        load(folder)


def test_a_pickle_in_place_of_the_weights_is_not_executed(folder, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    torch.save({"weights": Bomb()}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match="damaged"):
        load(folder)
    assert not (tmp_path / "executed").exists()


def test_weights_that_come_along_are_found_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("../pretrained/melody_2bar", "pretrained/melody_2bar"):
        assert find_folder(path) == PRETRAINED / "melody_2bar"
    own = tmp_path / "pretrained" / "melody_2bar"
    own.mkdir(parents=True)
    assert find_folder("pretrained/melody_2bar") == own
    assert find_folder("runs/melody_2bar") == tmp_path / "runs" / "melody_2bar"
