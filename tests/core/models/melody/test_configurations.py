"""Published configurations: their exact sizes, their recipes, and models of one's own."""

from dataclasses import dataclass

import pytest
import torch
from melody_models import CONFIGS, melody_model

from synvae_core.models.melody.configurations import (
    CONFIGURATIONS,
    configuration,
    load_melody_model,
)
from synvae_core.models.melody.mixer import MixerMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED, WeightsError, save_model

PUBLISHED_PARAMETERS = {
    "cat-mel_2bar_small": 4_423_770,
    "cat-mel_2bar_big": 134_571_098,
    "hierdec-mel_4bar": 176_061_530,
    "hierdec-mel_8bar": 176_061_530,
    "hierdec-mel_16bar": 176_061_530,
}


def count(config):
    with torch.device("meta"):  # sizes alone, no memory
        return sum(p.numel() for p in MelodyVae(config).parameters())


@pytest.mark.parametrize("name", PUBLISHED_PARAMETERS)
def test_sizes_are_those_published(name):
    assert count(configuration(name).model) == PUBLISHED_PARAMETERS[name]


def test_the_flat_sixteen_bars_are_the_parts_of_others():
    # Encoder of hierdec-mel_16bar with decoder of cat-mel_2bar_big, both with z = 512.
    flat, hierarchical, big = (
        configuration(name).model
        for name in ("flat-mel_16bar", "hierdec-mel_16bar", "cat-mel_2bar_big")
    )
    with torch.device("meta"):
        parts = hierarchical.build()[0], big.build()[1]
    assert count(flat) == sum(p.numel() for part in parts for p in part.parameters())
    assert (flat.steps, flat.latent_dim) == (256, 512)


@pytest.mark.parametrize(
    ("name", "steps", "beta", "rate", "free_bits", "sampling"),
    [
        ("cat-mel_2bar_small", 32, 0.2, 0.99999, 0, 1000),
        ("cat-mel_2bar_big", 32, 0.5, 0.99999, 0, 1000),
        ("hierdec-mel_4bar", 64, 0.2, 0, 256, 0),
        ("hierdec-mel_8bar", 128, 0.2, 0, 256, 0),
        ("hierdec-mel_16bar", 256, 0.2, 0, 256, 0),
        ("flat-mel_16bar", 256, 0.2, 0, 256, 0),
    ],
)
def test_recipes_are_those_published(name, steps, beta, rate, free_bits, sampling):
    model, recipe = configuration(name)
    assert model.steps == steps
    assert (recipe.beta, recipe.beta_rate) == (beta, rate)
    assert (recipe.free_bits, recipe.sampling_rate) == (free_bits, sampling)
    assert (recipe.transpose, recipe.batch_size, recipe.gradient_clip) == (5, 512, 1.0)
    assert (recipe.learning_rate, recipe.decay_rate) == (1e-3, 0.9999)


def test_the_small_sixteen_bars_differ_in_the_decoder_alone():
    hierarchical, flat = (configuration(f"{kind}-mel_16bar_small") for kind in ("hierdec", "flat"))
    assert hierarchical.recipe == flat.recipe
    for field in ("steps", "latent_dim", "encoder_units"):
        assert getattr(hierarchical.model, field) == getattr(flat.model, field)
    assert count(hierarchical.model) == pytest.approx(count(flat.model), rel=0.01)


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'cat-mel' is unknown; choose one of language_2bar, skel"):
        configuration("cat-mel")
    assert len(CONFIGURATIONS) == 13


@pytest.mark.parametrize("name", CONFIGS)
def test_every_family_is_saved_and_loaded_by_its_folder_alone(name, tmp_path):
    model = melody_model(name)
    save_model(model, tmp_path)
    loaded = load_melody_model(tmp_path)
    assert loaded.config == model.config
    z = torch.randn(2, 8)
    assert torch.equal(loaded.decode(z), model.decode(z))


def test_an_incomplete_model_stays_one(tmp_path):
    model = melody_model("flat")
    model.missing = ("encoder/mu/bias",)
    save_model(model, tmp_path)
    assert load_melody_model(tmp_path).missing == ("encoder/mu/bias",)


@dataclass(frozen=True)
class Narrow:
    """A configuration of one's own."""

    steps: int = 32
    latent_dim: int = 3

    def build(self):
        sizes = {"channels": 8, "hidden_channels": 8, "hidden_patches": 4}
        return MixerMelodyConfig(steps=self.steps, latent_dim=self.latent_dim, **sizes).build()


def test_a_dataclass_of_one_s_own_makes_a_model_that_saves_and_loads(tmp_path):
    model = MelodyVae(Narrow(latent_dim=4))
    save_model(model, tmp_path)
    loaded = load_melody_model(tmp_path, config_class=Narrow)
    assert loaded.config == Narrow(latent_dim=4)
    with pytest.raises(WeightsError, match="class 'Narrow'.*config_class="):
        load_melody_model(tmp_path)


def test_the_shipped_model_is_loaded_by_its_folder():
    assert load_melody_model(PRETRAINED / "melody_2bar").config == MixerMelodyConfig()
