"""Speech to image: published sizes, shapes, gradients, noise, storage."""

import dataclasses
import json

import pytest
import torch

from synvae_core.losses import normal_kl
from synvae_core.models.speech import to_image as speech_image
from synvae_core.models.speech.config import SpeechImageConfig, speech_image_config
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.recall import STRETCH
from synvae_core.models.speech.to_image import SpeechToImage, load_speech_image
from synvae_core.models.storage import WeightsError, save_model, with_tuples
from synvae_core.models.visual import VisualVae, visual_config

NAMES = ("vae", "vae_gan", "compact_vae", "compact_vae_gan")
SMALL = SpeechImageConfig(
    encoder=((4, 3, 1), (6, 3, 1)),
    encoder_dense=(),
    latent_dim=3,
    decoder_dense=(8,),
    decoder_input=(4, 7),
    decoder=((4, 4, 1), (1, 4, 1)),
    discriminator=((4, 4, 1), (6, 4, 1)),
    norm="hidden",
    spectral=True,
    conditional=True,
    noise_dim=2,
    leak=0.2,
    dropout=0.1,
)


def size(*models):
    return sum(p.numel() for model in models for p in model.parameters())


def speech(n=5, seed=0):
    return torch.rand(n, 1, 48, 48, generator=torch.Generator().manual_seed(seed))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small(**changes):
    torch.manual_seed(0)
    return SpeechToImage(dataclasses.replace(SMALL, **changes))


def test_the_vae_has_the_published_number_of_parameters():
    assert size(SpeechToImage(speech_image_config("vae"))) == 20_950_529


def test_the_vae_gan_has_the_published_number_of_parameters():
    config = speech_image_config("vae_gan")
    generator, discriminator = SpeechToImage(config), Discriminator(config)
    assert size(generator, discriminator) == 7_909_382
    # No dense layer but those that are convolutions of a map's own size.
    dense = [m for m in generator.modules() if isinstance(m, torch.nn.Linear)]
    assert [layer.weight.shape for layer in dense] == [(64, 4 * 4 * 512)] * 2
    assert discriminator.head.weight.shape == (1, 512)


@pytest.mark.parametrize("name", ["compact_vae", "compact_vae_gan"])
def test_the_compact_models_are_small(name):
    config = speech_image_config(name)
    assert size(SpeechToImage(config)) <= 1_500_000
    if config.discriminator:
        assert size(SpeechToImage(config), Discriminator(config)) <= 1_500_000


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_of_28_pixels_in_the_unit_range_and_every_parameter_has_a_gradient(name):
    config = speech_image_config(name)
    model = SpeechToImage(config)
    output = model(speech(3), torch.rand(3, 1, 28, 28), generator=seeded())
    assert output.reconstruction.shape == (3, 1, 28, 28)
    assert 0 <= output.reconstruction.min() and output.reconstruction.max() <= 1
    assert output.posterior.mu.shape == output.posterior.logvar.shape == (3, config.latent_dim)
    weights = torch.rand(output.reconstruction.shape, generator=seeded())
    drawn = output.reconstruction if output.styled is None else output.styled
    # The variance of the code is nothing but the KL's where the code is its mean.
    ((weights * drawn).sum() + normal_kl(*output.posterior).sum()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert all(p.grad.abs().sum() > 0 for p in model.decoder.parameters() if p.ndim > 1)
    assert all(p.grad.abs().sum() > 0 for p in model.encoder.parameters() if p.ndim > 1)


@pytest.mark.parametrize("name", ["vae_gan", "compact_vae_gan"])
def test_the_discriminator_gives_a_logit_and_its_gradient_reaches_the_pictures(name):
    config = speech_image_config(name)
    discriminator = Discriminator(config)
    pictures = torch.rand(4, 1, 28, 28, generator=seeded()).requires_grad_()
    logits = discriminator(pictures, torch.randn(4, config.latent_dim, generator=seeded()))
    assert logits.shape == (4,)
    (logits * torch.arange(4)).sum().backward()
    assert pictures.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in discriminator.parameters() if p.ndim > 1)


def test_the_published_vae_gan_draws_on_blank_paper_from_the_start():
    torch.manual_seed(0)
    model = SpeechToImage(speech_image_config("vae_gan"))
    drawn = model(torch.rand(16, 1, 48, 48)).reconstruction
    assert 0.1 < drawn.mean() < 0.3  # digits of MNIST: 0.13
    assert drawn.min() < 0.01 and drawn.max() > 0.5


def test_a_vae_has_no_discriminator():
    with pytest.raises(ValueError, match="of a VAE: give one with a discriminator"):
        Discriminator(speech_image_config("compact_vae"))


def test_only_published_norms_make_logits_depend_on_the_other_pictures():
    for name, expected in (("vae_gan", True), ("compact_vae_gan", False)):
        config = speech_image_config(name)
        discriminator = Discriminator(config)
        assert discriminator.compares is expected
        discriminator.eval()  # without the power iteration of the spectral norms
        for module in discriminator.modules():
            module.train(isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d))
        pictures, code = torch.rand(6, 1, 28, 28), torch.randn(6, config.latent_dim)
        alone, together = discriminator(pictures[:3], code[:3]), discriminator(pictures, code)[:3]
        assert torch.allclose(alone, together, atol=1e-5) is not expected


def test_the_condition_matters_only_to_a_conditional_discriminator():
    pictures, code = torch.rand(4, 1, 28, 28), torch.randn(4, 3)
    for conditional in (True, False):
        torch.manual_seed(0)
        judge = Discriminator(dataclasses.replace(SMALL, conditional=conditional)).eval()
        same = torch.equal(judge(pictures, code), judge(pictures, code.flip(0)))
        assert same is not conditional


def test_noise_changes_the_picture_and_a_style_is_that_of_the_picture_given():
    model, pictures = small().eval(), torch.rand(5, 1, 28, 28, generator=seeded(7))
    torch.nn.init.normal_(model.style.output.weight, std=0.1)
    with torch.no_grad():
        output = model(speech(), pictures, generator=seeded())
        mu = output.posterior.mu
        # the noise is drawn first, the style after it; the code is the mean
        generator, z = seeded(), mu
        noise = torch.randn(len(z), 2, generator=generator)
        assert torch.allclose(output.reconstruction, model.decode(z, noise), atol=1e-6)
        style = model.style(pictures, mu)
        noise = torch.randn(style.mu.shape, generator=generator)
        drawn = model.decode(z, style.mu + noise * (0.5 * style.logvar).exp())
        assert torch.allclose(output.styled, drawn, atol=1e-6)
        assert not torch.allclose(output.styled, output.reconstruction, atol=1e-4)
        assert not torch.allclose(style.mu, model.style(pictures.flip(0), mu).mu, atol=1e-4)
        assert model(speech()).styled is None


def test_norms_learn_from_both_kinds_of_pictures_together():
    together, apart = small(), small(noise_dim=2)
    seen = []
    for model in (together, apart):
        model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    together(speech(), torch.rand(5, 1, 28, 28))
    apart(speech())
    assert seen == [10, 5]


def test_an_encoder_taken_over_stays_as_it_is():
    known, model = small().eval(), small()
    for buffer in known.encoder.buffers():
        torch.nn.init.uniform_(buffer) if buffer.is_floating_point() else None
    model.hear_as(known)
    model.train()
    model(speech(), torch.rand(5, 1, 28, 28)).styled.sum().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert any(p.grad is not None for p in model.decoder.parameters())
    kept, given = (each.encoder.state_dict() for each in (model, known))
    assert all(torch.equal(kept[name], given[name]) for name in given)
    with pytest.raises(ValueError, match="other sizes"):
        model.hear_as(small(latent_dim=4))


def test_a_model_starts_as_another_of_its_kind():
    known, model = small().eval(), small()
    torch.nn.init.normal_(known.encoder.mu[0].weight)
    model.start_as(known)
    assert torch.equal(model.eval().draw(speech()), known.draw(speech()))
    assert all(p.requires_grad for p in model.parameters())
    with pytest.raises(ValueError, match="another configuration"):
        model.start_as(small(latent_dim=4))


def test_drawing_is_of_the_means_or_repeats_itself_from_a_seed(monkeypatch):
    model = small().eval()
    means = model.draw(speech())
    monkeypatch.setattr(speech_image, "CHUNK", 2)
    assert torch.allclose(model.draw(speech()), means, atol=1e-6)
    assert not means.requires_grad
    first, again = (model.draw(speech(), sample=True, generator=seeded(3)) for _ in range(2))
    other = model.draw(speech(), sample=True, generator=seeded(4))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not torch.allclose(first, means, atol=1e-4)


def test_no_recordings_are_no_pictures():
    assert small().eval().draw(speech(0)).shape == (0, 1, 28, 28)


def test_a_stored_model_draws_the_same(tmp_path):
    model = small()
    model(speech())  # the norms have moved
    save_model(model.eval(), tmp_path / "best")
    loaded = load_speech_image(tmp_path)
    assert loaded.config == model.config and not loaded.training
    assert torch.equal(loaded.draw(speech()), model.draw(speech()))


def test_other_models_are_refused(tmp_path):
    save_model(VisualVae(visual_config(28, latent_dim=2)), tmp_path)
    with pytest.raises(WeightsError, match="holds a VisualVae: expected a SpeechToImage"):
        load_speech_image(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_survives_json(name):
    config = speech_image_config(name)
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    assert SpeechImageConfig(**with_tuples(stored)) == config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"norm": "layer"}, "norm 'layer' is unknown; choose of none, hidden, published"),
        ({"decoder": ((4, 4, 1),)}, "draws 4 channels of 14 pixels, expected one of 28"),
        ({"decoder_input": (4, 1)}, "reads the code: 4 channels there, 5 dimensions"),
        ({"encoder": ((4, 50, 0),)}, "leave nothing of 48 pixels"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, sentence):
    if "decoder_input" in changes:
        changes = changes | {"decoder": ((8, 3, 0), (8, 3, 0), (8, 2, 0), (1, 2, 0))}
    with pytest.raises(ValueError, match=sentence):
        SpeechToImage(dataclasses.replace(SMALL, **changes))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="model 'gan' is unknown; choose of vae, vae_gan"):
        speech_image_config("gan")


def test_what_is_remembered_comes_along_and_is_no_weight(tmp_path):
    model = small().eval()
    before = model.draw(speech())
    weights = size(model)
    model.remember(speech(60, seed=1))
    assert size(model) == weights
    assert not torch.equal(model.draw(speech()), before)
    save_model(model, tmp_path)
    loaded = load_speech_image(tmp_path)
    assert loaded.config.remembered == len(loaded.remembered) == 60
    assert torch.equal(loaded.draw(speech()), model.draw(speech()))
    again = small(dropout=0.1).eval()
    again.start_as(loaded)
    assert torch.equal(again.draw(speech()), before), "weights are copied, and no memory"
    loaded.remember(speech(0))
    assert torch.equal(loaded.draw(speech()), before)


def test_what_is_understood_does_not_depend_on_the_other_recordings():
    model = small().eval()
    model.remember(speech(60, seed=1))
    many = speech(45)  # of more than are encoded at once
    together = model.understand(many)
    alone = torch.cat([model.understand(each[None]) for each in many])
    torch.testing.assert_close(alone, together)
    assert model.understand(many[:0]).shape == (0, together.shape[1])
    longest = model.remembered.float().norm(dim=1).mean() * STRETCH
    assert (together.norm(dim=1) <= longest * 1.001).all()


def test_of_samples_noise_is_drawn_and_what_is_recalled_is_not():
    model = small().eval()
    model.remember(speech(60, seed=1))
    one, other = (model.draw(speech(), sample=True, generator=seeded(i)) for i in (0, 1))
    assert not torch.equal(one, other)
    assert torch.equal(one, model.draw(speech(), sample=True, generator=seeded(0)))
