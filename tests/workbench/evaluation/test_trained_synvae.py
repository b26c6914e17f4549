"""What evaluations are given: pictures that the run did not learn from."""

import json

import pytest
import torch
from PIL import Image

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.storage import PRETRAINED, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_workbench.data.registry import PictureOptions, load_pictures
from synvae_workbench.evaluation.trained_synvae import class_ids, label_names, load_evaluation


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An untrained run that says that its seed was 3 and its pictures were those of a set."""
    folder = tmp_path_factory.mktemp("run")
    music = load_melody_model(PRETRAINED / "language_2bar")
    visual = visual_config(28, latent_dim=music.config.latent_dim)
    save_model(SynVae(SynVaeConfig(visual), music), folder)
    origin = {"seed": 3, "parameters": {"DATASET": "mnist_5k"}}
    (folder / "provenance.json").write_text(json.dumps(origin), encoding="utf-8")
    return folder


@pytest.mark.parametrize("dataset", ["", "mnist_5k"])
def test_the_split_is_that_of_the_run_whatever_seed_is_asked_for(run, dataset):
    found = load_evaluation(run, dataset, most=7)
    assert torch.equal(
        found.images, load_pictures("mnist_5k", PictureOptions(seed=3)).test.images[:7]
    )
    assert len(found.labels) == len(found.ids) == len(found.translation.heard) == 7


def test_the_shipped_model_is_given_digits_that_it_has_not_seen():
    found = load_evaluation(PRETRAINED / "synvae_mnist", "mnist_5k", PictureOptions(seed=5), most=5)
    assert torch.equal(
        found.images, load_pictures("mnist_5k", PictureOptions(seed=0)).test.images[:5]
    )


def test_too_few_test_pictures_are_refused_by_the_parameter_that_asked_for_them(run):
    with pytest.raises(ValueError, match=r"MOST: 5 or more test pictures are measured, got 4"):
        load_evaluation(run, most=4, least=5)


def test_a_run_of_which_nothing_is_known_wants_a_set_and_a_seed(run, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    with pytest.raises(ValueError, match="names no DATASET"):
        load_evaluation(tmp_path)
    found = load_evaluation(tmp_path, "mnist_5k", PictureOptions(seed=1), most=3)
    assert torch.equal(
        found.images, load_pictures("mnist_5k", PictureOptions(seed=1)).test.images[:3]
    )


def test_pictures_of_another_size_are_refused(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.new("RGB", (64, 64), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
    with pytest.raises(ValueError, match="choose another set or run"):
        load_evaluation(run, "folder", PictureOptions(folder=tmp_path))


def test_labels_have_names_one_or_several():
    classes = ("oil", "water", "gloomy")
    assert label_names(torch.tensor([2, 0]), classes) == ["gloomy", "oil"]
    several = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=torch.bool)
    assert label_names(several, classes) == ["oil + gloomy", "no label", "water"]


def test_classes_are_named_by_commas():
    assert class_ids("gloomy, oil", ("oil", "water", "gloomy")) == (2, 0)
    with pytest.raises(ValueError, match="happy: the classes are oil, water"):
        class_ids("oil,happy", ("oil", "water"))
