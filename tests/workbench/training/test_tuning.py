"""Picture decoder and critic learn what will be played; nothing else of a SynVAE changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from melody_models import melody_model

from synvae_core.losses import squared_error
from synvae_core.models.storage import save_model
from synvae_core.models.synvae import SynVae, SynVaeConfig, load_synvae
from synvae_core.models.visual import visual_config
from synvae_workbench.training.loop import make_fabric
from synvae_workbench.training.pictures import to_unit
from synvae_workbench.training.tuning import hear_takes, tune

TUNES = np.random.default_rng(1).integers(2, 50, (60, 32))


def synvae(*, side=28, seed=0, **choices):
    torch.manual_seed(seed)
    music = melody_model("mixer")
    visual = visual_config(side, latent_dim=music.config.latent_dim)
    return SynVae(SynVaeConfig(visual, **choices), music).eval()


def squares(count=48, side=28, channels=1):
    """Pictures with a bright square at one of four places."""
    images = torch.zeros(count, channels, side, side, dtype=torch.uint8)
    for i, image in enumerate(images):
        top, left = side // 2 * (i % 2), side // 2 * (i // 2 % 2)
        image[:, top : top + side // 2, left : left + side // 2] = 220
    return images


def error(model, images):
    looks = model.looks(to_unit(images))
    return squared_error(
        model.hear(model.listen(to_unit(images)), looks)[1], to_unit(images)
    ).mean()


@pytest.mark.parametrize("choices", [{}, {"takes": 3}, {"performance": True}])
def test_the_decoder_draws_better_and_all_else_stays(choices):
    side = 32 if "performance" in choices else 28
    model, images = (
        synvae(side=side, **choices),
        squares(side=side, channels=1 if side == 28 else 3),
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wanted = {name: p.requires_grad for name, p in model.named_parameters()}
    melodies, error_before = model.listen(to_unit(images)), error(model, images)
    history = tune(model, images, TUNES, passes=12, fabric=make_fabric())
    assert len(history) == 12 and history[-1]["squared_error"] < history[0]["squared_error"]
    assert error(model, images) < 0.8 * error_before
    changed = {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed and all(name.startswith(("image_decoder.", "look_input.")) for name in changed)
    assert any(name.startswith("look_input.") for name in changed) == ("performance" in choices)
    assert {name: p.requires_grad for name, p in model.named_parameters()} == wanted
    assert model.config.tuning == 12 and model.config.takes == choices.get("takes", 1)
    assert not model.training
    if "takes" not in choices:  # else another take may be the best one now
        assert torch.equal(model.listen(to_unit(images)), melodies)


def test_the_same_seed_gives_the_same_decoder_and_it_is_kept(tmp_path):
    images, made = squares(), []
    for _ in range(2):
        model = synvae()
        torch.rand(3)  # whatever came before
        tune(model, images, TUNES, passes=2, seed=5, fabric=make_fabric())
        made.append(model)
    for name, value in made[0].state_dict().items():
        assert torch.equal(value, made[1].state_dict()[name])
    save_model(made[0], tmp_path)
    assert load_synvae(tmp_path).config.tuning == 2


def test_it_is_tuned_once():
    model, images = synvae(), squares()
    assert tune(model, images, TUNES, passes=0) == []
    tune(model, images, TUNES, passes=1, fabric=make_fabric())
    tuned = {name: value.clone() for name, value in model.state_dict().items()}
    assert tune(model, images, TUNES, passes=1) == []  # a run that is started again
    assert all(torch.equal(value, tuned[name]) for name, value in model.state_dict().items())
    for passes in (0, 2):
        with pytest.raises(ValueError, match="tuned for 1 passes already"):
            tune(model, images, TUNES, passes=passes)


def test_features_that_are_known_are_not_computed_again():
    model, images = synvae(), squares()
    seen = []
    encode = model.image_encoder.forward
    model.image_encoder.forward = lambda pixels, frozen=None: (
        seen.append(frozen),
        encode(pixels),
    )[1]
    features = torch.rand(len(images), 7)
    tune(model, images, TUNES, passes=1, frozen=features, fabric=make_fabric())
    assert torch.equal(torch.cat(seen), features)


def test_an_interruption_leaves_the_model_as_it_was_configured(monkeypatch):
    model = synvae(takes=3)
    model.config = replace(model.config, twin_price=0.5)
    monkeypatch.setattr(model, "best_take", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tune(model, squares(), TUNES, passes=1)
    assert model.config.takes == 3 and model.config.twin_price == 0.5 and not model.config.tuning


def test_the_critic_learns_to_tell_melodies_of_pictures_from_tunes(tmp_path):
    model, images = synvae(critic_price=0.5, takes=4), squares()
    assert model.critic is None
    assert tune(model, images, TUNES, passes=0) == [] and not model.config.tuning
    model.config = replace(model.config, critic_price=0.0)
    ours = hear_takes(model, images).melodies
    assert model.critic(ours).min() > model.critic(torch.from_numpy(TUNES)).max()
    save_model(model, tmp_path)
    again = load_synvae(tmp_path)
    assert again.config.critic and torch.equal(again.critic(ours), model.critic(ours))
    known = again.critic.weights.clone()
    again.config = replace(again.config, critic_price=0.2)
    tune(again, squares()[:5], TUNES[:9], passes=0)  # a run that is started again
    assert torch.equal(again.critic.weights, known)


def test_without_a_price_there_is_no_critic():
    model = synvae()
    tune(model, squares(), TUNES, passes=1, fabric=make_fabric())
    assert model.critic is None and not model.config.critic


def test_a_critic_that_is_paid_for_is_told_less():
    """Of the same takes, those are played that it takes for tunes sooner."""
    model, images = synvae(critic_price=100.0, takes=16), squares()
    tune(model, images, TUNES, passes=0)
    paid = model.critic(model.listen(to_unit(images))).mean()
    model.config = replace(model.config, critic_price=0.0)
    assert paid < model.critic(model.listen(to_unit(images))).mean()
