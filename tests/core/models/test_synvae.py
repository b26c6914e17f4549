"""SynVAE: gradients pass through the frozen music, and the notes alone give the picture."""

import dataclasses
import json

import pytest
import torch
from melody_models import HIERARCHICAL, melody_model
from melody_models import MIXER as MUSIC

from synvae_core.looks import ABSENT, looks_of
from synvae_core.models.melody.couplings import COUPLINGS
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import WeightsError, save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig, load_picture_side, load_synvae
from synvae_core.models.visual import MEANS_DEVIATION, VisualVae, visual_config
from synvae_workbench.evaluation.translation import translate


def synvae(coupling="straight_through"):
    torch.manual_seed(0)
    return SynVae(SynVaeConfig(visual_config(28, latent_dim=8), coupling), MelodyVae(MUSIC))


@pytest.mark.parametrize("coupling", COUPLINGS)
def test_gradients_pass_through_the_frozen_music_into_the_picture_encoder(coupling):
    model = synvae(coupling)
    before = [p.clone() for p in model.music.parameters()]
    optimizer = torch.optim.SGD(model.trainable(), 0.1)
    model(torch.rand(4, 1, 28, 28)).reconstruction.sum().backward()
    optimizer.step()
    assert all(p.grad.abs().sum() > 0 for p in model.trainable())
    assert all(p.grad is None for p in model.music.parameters())
    after = model.music.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_notes_alone_rebuild_what_the_straight_through_coupling_rebuilds():
    model = synvae().eval()
    images = torch.rand(6, 1, 28, 28)
    output = model(images, sample=False)
    auditive, rebuilt = model.hear(model.listen(images))
    torch.testing.assert_close(rebuilt, output.reconstruction)
    torch.testing.assert_close(auditive.mu, output.auditive.mu)


def test_latents_of_different_dimension_are_refused():
    music = MelodyVae(dataclasses.replace(MUSIC, latent_dim=9))
    with pytest.raises(ValueError, match="8 dimensions, the melody model's 9"):
        SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), music)


def test_it_is_saved_and_loaded_with_its_music(tmp_path):
    model = synvae("softmax").eval()
    save_model(model, tmp_path / "best")
    loaded = load_synvae(tmp_path)  # a run's best
    assert loaded.config == model.config
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(loaded.listen(images), model.listen(images))
    torch.testing.assert_close(
        loaded(images, sample=False).reconstruction, model(images, sample=False).reconstruction
    )
    assert not any(p.requires_grad for p in loaded.music.parameters())


@pytest.mark.parametrize("family", ["flat", "hierarchical", "fresh"])
@pytest.mark.parametrize("coupling", ["straight_through", "softmax"])
def test_any_music_model_will_do(family, coupling):
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=8), coupling), melody_model(family))
    model(torch.rand(2, 1, 28, 28)).reconstruction.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.trainable())


def test_the_music_is_fine_tuned_where_gradients_reach_it():
    config = SynVaeConfig(visual_config(28, latent_dim=8), "softmax", fine_tune_music=True)
    model = SynVae(config, MelodyVae(MUSIC))
    model(torch.rand(2, 1, 28, 28)).reconstruction.sum().backward()
    reached = [p for p in model.music.parameters() if p.grad is not None and p.grad.any()]
    assert len(reached) > len(list(model.music.parameters())) // 2
    with pytest.raises(ValueError, match="copies the gradient past the music"):
        SynVaeConfig(visual_config(28, latent_dim=8), "straight_through", fine_tune_music=True)


def test_it_starts_from_a_visual_vae_of_the_same_sizes():
    model = synvae()
    visual = VisualVae(visual_config(28, latent_dim=8))
    model.start_from(visual)
    images = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(model.image_encoder(images).mu, visual.image_encoder(images).mu)
    with pytest.raises(ValueError, match="latent dimension of 8"):
        model.start_from(VisualVae(visual_config(28, latent_dim=9)))


def test_standardised_means_begin_as_those_of_the_visual_vae_that_it_starts_from():
    sizes = visual_config(28, latent_dim=8)
    standard = SynVaeConfig(dataclasses.replace(sizes, standard_means=True))
    model = SynVae(standard, MelodyVae(MUSIC)).eval()
    visual, images = VisualVae(sizes), torch.rand(2, 1, 28, 28)
    model.start_from(visual)
    expected = MEANS_DEVIATION * visual.image_encoder(images).mu
    torch.testing.assert_close(model.image_encoder(images).mu, expected, rtol=1e-4, atol=1e-4)


def test_it_starts_from_a_synvae_with_the_same_music(tmp_path):
    trained = synvae()
    save_model(trained, tmp_path / "trained")
    save_model(VisualVae(visual_config(28, latent_dim=8)), tmp_path / "visual")
    assert isinstance(load_picture_side(tmp_path / "visual"), VisualVae)
    model, images = synvae(), torch.rand(2, 1, 28, 28)
    model.start_from(load_picture_side(tmp_path / "trained"))
    torch.testing.assert_close(model.image_encoder(images).mu, trained.image_encoder(images).mu)
    z = torch.randn(2, 8)
    torch.testing.assert_close(model.draw(z), trained.draw(z))
    performing = SynVae(dataclasses.replace(trained.config, performance=True), trained.music)
    with pytest.raises(ValueError, match="performance=True, expected .* False"):
        synvae().start_from(performing)
    other = SynVae(trained.config, MelodyVae(dataclasses.replace(MUSIC, steps=64)))
    with pytest.raises(ValueError, match="plays by .*steps=64"):
        synvae().start_from(other)
    (tmp_path / "trained" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(WeightsError, match="not a model configuration"):
        load_picture_side(tmp_path / "trained")


def test_sixteen_bars_are_trained_saved_and_heard(tmp_path):
    torch.manual_seed(0)
    music = MelodyVae(dataclasses.replace(HIERARCHICAL, steps=256))
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), music)
    images = torch.randint(0, 256, (3, 1, 28, 28), dtype=torch.uint8)
    pixels = images.float() / 255
    optimizer = torch.optim.SGD(model.trainable(), 0.01)
    output = model(pixels)
    assert output.decoded.notes.shape == (3, 256, 90)
    (output.reconstruction - pixels).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.trainable())
    optimizer.step()

    save_model(model.eval(), tmp_path / "best")
    loaded = load_synvae(tmp_path)
    heard = loaded.listen(pixels)
    assert heard.shape == (3, 256)
    assert torch.equal(heard, model.listen(pixels))
    through_midi = translate(loaded, images, folder=tmp_path / "midi")
    assert torch.equal(torch.from_numpy(through_midi.heard), heard)
    assert len(list((tmp_path / "midi").rglob("*.mid"))) == 3
    torch.testing.assert_close(through_midi.rebuilt, loaded.hear(heard)[1])


def performing(seed=0):
    """A SynVAE whose decoder takes looks, with weights for them that say something."""
    torch.manual_seed(seed)
    config = SynVaeConfig(visual_config(28, latent_dim=8), takes=2, performance=True)
    model = SynVae(config, MelodyVae(MUSIC)).eval()
    torch.nn.init.normal_(model.look_input.weight)
    return model


def test_a_look_changes_what_is_drawn_and_its_absence_what_others_draw():
    model = performing()
    images = torch.rand(4, 1, 28, 28)
    events, looks = model.listen(images), model.looks(images)
    _, drawn = model.hear(events, looks)
    auditive, without = model.hear(events)
    assert (drawn - without).abs().amax((1, 2, 3)).min() > 1e-3
    torch.testing.assert_close(without, model.image_decoder(auditive.mu))
    absent = model.hear(events, torch.full_like(looks, ABSENT))[1]
    torch.testing.assert_close(absent, without)


def test_half_of_the_training_pictures_come_without_a_look_by_the_generator():
    model = performing()
    images = torch.rand(40, 1, 28, 28)
    first, again = (model(images, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.reconstruction, again.reconstruction)
    plain = model.image_decoder(first.auditive.mu)
    without = (first.reconstruction - plain).abs().amax((1, 2, 3)) < 1e-6
    assert 10 < without.sum() < 30


def test_looks_are_read_from_the_midi_files_and_drawn_with(tmp_path):
    model = performing()
    images = torch.randint(0, 256, (5, 1, 28, 28), dtype=torch.uint8)
    found = translate(model, images, folder=tmp_path)
    assert torch.equal(found.looks, looks_of(images / 255))
    _, drawn = model.hear(torch.from_numpy(found.heard), found.looks)
    torch.testing.assert_close(found.rebuilt, drawn)
    off = translate(model, images, performed=False)
    assert off.looks is None
    torch.testing.assert_close(off.rebuilt, model.hear(torch.from_numpy(off.heard))[1])


def test_weights_of_before_there_were_performances_load(tmp_path):
    model = synvae().eval()
    save_model(model, tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del stored["config"]["performance"]
    (tmp_path / "config.json").write_text(json.dumps(stored), encoding="utf-8")
    loaded = load_synvae(tmp_path)
    images = torch.rand(3, 1, 28, 28)
    assert loaded.looks(images) is None
    assert torch.equal(loaded.listen(images), model.listen(images))
