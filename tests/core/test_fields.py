"""Configurations of files: types and ranges are those of the dataclass."""

import dataclasses
import json
import random

import pytest

from synvae_core.fields import build_from_fields
from synvae_core.models.classifiers import LeNet5Config, classifier_config
from synvae_core.models.contrastive import ContrastiveConfig
from synvae_core.models.faces import FaceConfig
from synvae_core.models.melody.configurations import CONFIGURATIONS
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.speech.config import speech_image_config
from synvae_core.models.storage import (
    WeightsError,
    load_model,
    save_model,
    with_tuples,
)
from synvae_core.models.synvae import SynVaeConfig
from synvae_core.models.visual import VisualVae, visual_config
from synvae_core.models.waveform.convolutional import ConvolutionalConfig
from synvae_core.models.waveform.dense import DenseConfig

VISUAL = visual_config(28, latent_dim=64)
MUSIC = CONFIGURATIONS["melody_2bar"].model
CONFIGS = [
    *(named.model for named in CONFIGURATIONS.values()),
    *(speech_image_config(name) for name in ("vae", "vae_gan", "compact_vae", "compact_vae_gan")),
    *(VISUAL, classifier_config(VISUAL, classes=10), LeNet5Config(), ContrastiveConfig()),
    *(FaceConfig(28, 1, 8, hidden_channels=0), DenseConfig(), ConvolutionalConfig()),
    SynVaeConfig(VISUAL, music=MUSIC, music_class=type(MUSIC).__name__),
]
# What JSON can hold where something else belongs.
STRANGE = [None, True, -1, 0, 1.5, 2**40, 10**400, float("nan"), float("inf"), "x", "", [], {}]
STRANGE += [[[]], [0], [10**9] * 3, [1] * 5000, {"a": 1}, "x" * 20_000]


def stored(config):
    """The fields as they are read back from JSON."""
    return with_tuples(json.loads(json.dumps(dataclasses.asdict(config))))


def build(kind, fields):
    return getattr(kind, "from_json", lambda fields: build_from_fields(kind, fields))(fields)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_every_configuration_comes_back(config):
    assert build(type(config), stored(config)) == config


@pytest.mark.parametrize("kind", sorted({type(c) for c in CONFIGS}, key=str), ids=str)
def test_no_value_of_json_is_taken_for_a_size(kind):
    """Each field, the nested ones too, with each strange value: refused, or fit to be built."""
    config = next(each for each in CONFIGS if type(each) is kind)
    for name in stored(config):
        for value in STRANGE:
            try:
                changed = build(kind, stored(config) | {name: with_tuples(value)})
            except (ValueError, TypeError, LookupError):  # which `load_model` turns into one
                continue
            for field in dataclasses.fields(changed):
                size = getattr(changed, field.name)
                if type(getattr(config, field.name)) is int and field.name != "seed":
                    assert 0 <= size <= 1 << 20


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_dim": -3}, "latent_dim: expected a whole number in 1..1.04858e.06, got -3"),
        ({"latent_dim": True}, "latent_dim: expected a whole number .*got True"),
        ({"latent_dim": 10**30}, "latent_dim: .*got a number of many digits"),
        ({"encoder_channels": 5}, "encoder_channels: expected a list of at most 64, got 5"),
        ({"encoder_channels": (1,) * 65}, "encoder_channels: expected a list of at most 64"),
        ({"same_padding": 1}, "same_padding: expected bool, got 1"),
        ({"features": 3}, "features: expected str, got 3"),
        ({"colour": 1}, r"unknown fields \['colour'\]"),
    ],
)
def test_the_field_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        build_from_fields(type(VISUAL), stored(VISUAL) | change)


def test_a_lacking_field_is_named():
    fields = stored(VISUAL)
    del fields["image_size"]
    with pytest.raises(ValueError, match=r"missing fields \['image_size'\]"):
        build_from_fields(type(VISUAL), fields)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visual")
    save_model(VisualVae(visual_config(28, latent_dim=4)), folder)
    return folder


def test_a_configuration_of_terabytes_is_refused_before_it_takes_memory(saved):
    path = saved / "config.json"
    whole = path.read_text(encoding="utf-8")
    for name in ("latent_dim", "decoder_input_channels"):
        content = json.loads(whole)
        content["config"][name] = 1 << 20
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(WeightsError, match=r"config\.json makes no VisualVae.*more numbers"):
            load_model(VisualVae, type(VISUAL), saved)
    path.write_text(whole, encoding="utf-8")


def test_mutated_configurations_load_or_are_refused(saved):
    path, chance = saved / "config.json", random.Random(2)
    whole = path.read_text(encoding="utf-8")
    for _ in range(100):
        content = json.loads(whole)
        inner = content["config"] if chance.random() < 0.7 else content
        inner[chance.choice([*inner, "new"])] = chance.choice(STRANGE)
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            load_model(VisualVae, type(VISUAL), saved)
        except WeightsError as error:
            assert "config.json" in str(error)
    path.write_text(whole, encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(value, tmp_path):
    model = MelodyVae(CONFIGURATIONS["melody_2bar"].model)
    name, tensor = list(model.state_dict().items())[5]
    tensor.flatten()[-1:].fill_(value)
    save_model(model, tmp_path)
    with pytest.raises(WeightsError, match=rf"model\.safetensors: {name} holds values"):
        load_model(MelodyVae, type(MUSIC), tmp_path)
