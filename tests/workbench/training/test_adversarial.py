"""Training of a VAE against a discriminator: losses, turns, kept weights, resuming, warnings."""

import dataclasses
import json
import math
import warnings

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_pre_hook

from synvae_core.losses import adversarial_loss
from synvae_core.models.speech.config import SpeechImageConfig
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.to_image import SpeechToImage, load_speech_image
from synvae_core.types import Posterior, SpokenPicture
from synvae_workbench.training.adversarial import AdversarialConfig, fit_adversaries
from synvae_workbench.training.adversarial_objective import (
    AdversarialObjective,
    BalanceWatch,
    UnbalancedWarning,
    spread,
)
from synvae_workbench.training.loop import DivergedError, RunOptions
from synvae_workbench.training.speech_image import Speech, SpeechImageObjective

SIZES = SpeechImageConfig(
    encoder=((4, 4, 1), (4, 4, 1)),
    encoder_dense=(),
    latent_dim=3,
    decoder_dense=(),
    decoder_input=(4, 7),
    decoder=((4, 4, 1), (1, 4, 1)),
    discriminator=((4, 4, 1), (6, 4, 1)),
    norm="hidden",
    spectral=True,
    conditional=True,
    noise_dim=2,
    dropout=0.1,
)
PUBLISHED = dataclasses.replace(
    SIZES, norm="published", spectral=False, conditional=False, noise_dim=0
)
CONFIG = AdversarialConfig(epochs=3, batch_size=10, learning_rate=0.003, average=0.9)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def picture_bytes(n, side, seed):
    return torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=seeded(seed))


SPEECH = Speech(picture_bytes(20, 48, 1), torch.arange(20) % 10)
DATA = (picture_bytes(35, 28, 2), torch.arange(35) % 10)  # the last batch is smaller
OBJECTIVE = AdversarialObjective(SPEECH, alpha=0.1, beta=0.1, mismatched=True, style=2.0)


@pytest.fixture(autouse=True)
def no_advice():
    """Games this small are not balanced, and say so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnbalancedWarning)
        yield


def players(sizes=SIZES):
    torch.manual_seed(0)
    return SpeechToImage(sizes), Discriminator(sizes)


def play(objective=OBJECTIVE, config=CONFIG, sizes=SIZES, data=DATA, **arguments):
    both = players(sizes)
    history = fit_adversaries(both, objective, data, config, RunOptions("test", **arguments))
    return *both, history


def weights(*models):
    return [tensor.clone() for model in models for tensor in model.state_dict().values()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("sizes", [SIZES, PUBLISHED])
@pytest.mark.parametrize("game", ["bce", "hinge"])
def test_both_learn_and_every_figure_is_recorded(sizes, game):
    before = weights(*players(sizes))
    objective = dataclasses.replace(OBJECTIVE, game=game, mismatched=sizes.conditional)
    model, discriminator, history = play(objective, sizes=sizes)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert all(math.isfinite(value) for row in history for value in row.values())
    assert set(history[0]) == {
        *("epoch", "generator_loss", "adversarial", "picture_error", "kl_nats", "spread"),
        "style_kl_nats",
        *("discriminator_loss", "d_real", "d_drawn", "d_accuracy"),
        *("generator_norm", "discriminator_norm"),
    }
    after = weights(model, discriminator)
    changed = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert sum(changed) > 0.9 * len(changed)
    assert all(p.requires_grad for p in discriminator.parameters())
    assert not model.training


def test_the_picture_error_falls_where_it_weighs_enough():
    bright = (torch.full_like(DATA[0], 220), DATA[1])
    config = dataclasses.replace(CONFIG, epochs=5, average=0.0)
    *_, history = play(dataclasses.replace(OBJECTIVE, alpha=1.0), config, data=bright)
    assert history[-1]["picture_error"] < 0.8 * history[0]["picture_error"]


def test_a_game_stopped_between_epochs_or_amid_one_goes_on_as_if_never(tmp_path):
    whole = play()
    calls = []

    class Stopping(AdversarialObjective):
        def generator_losses(self, *arguments):
            calls.append(arguments[-1])
            if calls.count(6) == 1 and calls[-1] == 6:  # amid the second epoch
                raise KeyboardInterrupt
            return super().generator_losses(*arguments)

    def stop(epoch):
        if epoch == 3 and "stopped" not in calls:
            calls.append("stopped")
            raise KeyboardInterrupt
        return {}

    objective = Stopping(
        **{f.name: getattr(OBJECTIVE, f.name) for f in dataclasses.fields(OBJECTIVE)}
    )
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            play(objective, folder=tmp_path, after_epoch=stop)
        torch.rand(5)  # whatever else draws random numbers
    model, discriminator, history = play(folder=tmp_path)
    assert calls.count("stopped") == 1
    assert history == whole[2]
    assert same(weights(model, discriminator), weights(*whole[:2]))
    assert same(weights(load_speech_image(tmp_path)), weights(whole[0]))
    records = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in records] == history


def test_the_state_of_both_players_is_stored_together(tmp_path):
    model, discriminator, _ = play(folder=tmp_path)
    state = torch.load(tmp_path / "training.pt", weights_only=True)
    assert set(state) == {"model", "optimizer", "settings", "history"}
    assert set(state["optimizer"]) == {"generator", "discriminator"}
    parts = {name.partition(".")[0] for name in state["model"]}
    assert parts == {"kept", "generator", "discriminator"}
    stored = [state["model"][f"kept.{name}"] for name in model.state_dict()]
    stored += [state["model"][f"discriminator.{name}"] for name in discriminator.state_dict()]
    assert same(stored, weights(model, discriminator))


def test_players_are_validated_by_an_objective_of_one_model(tmp_path):
    with pytest.raises(ValueError, match="give validate_by as well"):
        play(validation=DATA)
    by = SpeechImageObjective(SPEECH, beta=0.0, augment=False)
    *_, history = play(validation=DATA, validate_by=by, folder=tmp_path)
    losses = [row["validation_loss"] for row in history]
    assert losses == [row["validation_picture_error"] for row in history]
    best = load_speech_image(tmp_path)
    again = by(best, DATA, 0, seeded(CONFIG.seed))["loss"].mean().item()
    assert again == pytest.approx(min(losses), rel=0.02)  # other batches draw other noise


def test_another_seed_is_another_game():
    first, second = play(), play(config=dataclasses.replace(CONFIG, seed=1))
    assert not same(weights(first[0]), weights(second[0]))


def test_a_run_of_another_game_is_refused(tmp_path):
    play(folder=tmp_path)
    with pytest.raises(ValueError, match=r"objective\.alpha: 0\.1 there, 0\.4 asked for"):
        play(dataclasses.replace(OBJECTIVE, alpha=0.4), folder=tmp_path)
    with pytest.raises(ValueError, match=r"best_by:  there, agreement asked for"):
        play(folder=tmp_path, best_by="agreement")


@pytest.mark.parametrize("side", ["generator", "discriminator"])
def test_a_loss_that_is_not_finite_stops_the_game_and_names_the_step(side, tmp_path):
    class Diverging(AdversarialObjective):
        def generator_losses(self, *arguments):
            losses = super().generator_losses(*arguments)
            if side == "generator" and arguments[-1] == 5:
                losses["generator_loss"] = losses["generator_loss"] * math.nan
            if side == "discriminator" and arguments[-1] == 4:
                arguments[0].head.parametrizations.weight.original.data.fill_(math.nan)
            return losses

    objective = Diverging(SPEECH)
    with pytest.raises(DivergedError, match=rf"loss of the {side} is nan.*at step 5 \(epoch 2,"):
        play(objective, folder=tmp_path)
    saved = load_file(tmp_path / "diverged.safetensors")
    assert torch.equal(saved["batch_0"], DATA[0][saved["rows"]])


def test_the_best_model_is_that_of_the_highest_figure_or_else_the_latest(tmp_path):
    values = {1: 0.2, 2: 0.7, 3: 0.7}
    model, discriminator = players()
    kept = {}

    def after_epoch(epoch):
        assert not model.training
        kept[epoch] = weights(model)
        return {"agreement": values[epoch]}

    named = {"after_epoch": after_epoch, "best_by": "agreement"}
    options = RunOptions("test", folder=tmp_path / "named", **named)
    fit_adversaries((model, discriminator), OBJECTIVE, DATA, CONFIG, options)
    assert same(weights(load_speech_image(tmp_path / "named")), kept[2])
    assert same(weights(load_speech_image(tmp_path / "named" / "latest")), kept[3])
    latest, *_ = play(folder=tmp_path / "unnamed")
    assert same(weights(load_speech_image(tmp_path / "unnamed")), weights(latest))


def test_a_figure_that_there_is_not_cannot_choose_the_best_model(tmp_path):
    with pytest.raises(ValueError, match="'agreement', which after_epoch does not return"):
        play(folder=tmp_path, best_by="agreement")


def test_kept_weights_are_the_average_of_the_trained_ones():
    config = dataclasses.replace(CONFIG, epochs=1, average=0.5)
    plain = dataclasses.replace(config, average=0.0)
    few = dataclasses.replace(config, epoch_examples=10, batch_size=10)  # one step
    start, (after_one, *_) = players()[0], play(config=few)
    (trained_one, *_) = play(config=dataclasses.replace(few, average=0.0))
    for first, trained, kept in zip(
        start.parameters(), trained_one.parameters(), after_one.parameters(), strict=True
    ):
        torch.testing.assert_close(kept, first.lerp(trained, 1 - 0.1))  # (1 + 0) / (10 + 0)
    averaged, last = play(config=config)[0], play(config=plain)[0]
    assert not same(weights(averaged), weights(last))


def test_rates_are_kept_or_fall_and_the_discriminator_may_have_its_own():
    rates = []

    def rate(optimizer, _arguments, _keywords):
        rates.append(optimizer.param_groups[0]["lr"])

    handle = register_optimizer_step_pre_hook(rate)
    try:
        play()
        falling = {"discriminator_rate": 0.006, "last_rate": 0.1}
        kept, _ = [rates.copy(), rates.clear()]
        play(config=dataclasses.replace(CONFIG, **falling))
    finally:
        handle.remove()
    assert kept == [0.003] * 24  # two steps of each of 12 batches
    assert rates[:2] == [0.006, 0.003]
    assert rates[0::2] == [pytest.approx(2 * rate) for rate in rates[1::2]]
    assert 0.0003 < rates[-1] < 0.0004


def test_terms_weigh_as_alpha_and_beta_say_and_warm_up():
    warmups = {"alpha_warmup": 10, "beta_warmup": 20, "adversarial_warmup": 50}
    objective = AdversarialObjective(SPEECH, alpha=2.0, beta=4.0, style=3.0, **warmups)
    _, discriminator = players()
    drawn = torch.rand(6, 1, 28, 28, generator=seeded())
    posterior = Posterior(torch.randn(6, 3), torch.randn(6, 3))
    pictures = torch.rand(6, 1, 28, 28, generator=seeded(1))
    style = Posterior(torch.ones(6, 2), torch.zeros(6, 2))  # a nat
    styled = SpokenPicture(drawn, posterior, drawn * 0, style)
    discriminator.eval()
    for step, alpha, beta in ((0, 0, 0), (5, 1, 1), (10, 2, 2), (50, 2, 4)):
        losses = objective.generator_losses(discriminator, pictures, styled, step)
        expected = step / 50 * losses["adversarial"] + alpha * (losses["picture_error"] + 3)
        expected = expected + beta * losses["kl_nats"]
        torch.testing.assert_close(losses["generator_loss"], expected)
        # the error is that of the picture in the style of the real one, where there is one
        torch.testing.assert_close(losses["picture_error"], pictures.square().sum((1, 2, 3)))
    plain = objective.generator_losses(discriminator, drawn, SpokenPicture(drawn, posterior), 0)
    assert not plain["picture_error"].any()


def test_norms_that_compare_see_real_pictures_with_the_drawn_ones():
    """Else a batch norm on the only logit takes from all drawn pictures what they share."""
    seen = []
    drawn = torch.rand(6, 1, 28, 28, generator=seeded()).requires_grad_()
    posterior = Posterior(torch.randn(6, 3), torch.randn(6, 3))
    for sizes in (SIZES, PUBLISHED):
        _, discriminator = players(sizes)
        discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
        losses = OBJECTIVE.generator_losses(
            discriminator, torch.zeros(6, 1, 28, 28), SpokenPicture(drawn, posterior), 0
        )
        assert len(losses["adversarial"]) == 6
    assert seen == [6, 12]
    (gradient,) = torch.autograd.grad(losses["adversarial"].sum(), drawn)
    assert gradient.sum((0, 1)).abs().max() > 1e-4


def test_the_discriminator_is_shown_real_drawn_and_wrongly_paired_pictures():
    def judge(pictures, code):  # likes bright pictures and large codes
        return pictures.mean((1, 2, 3)) * 10 + code[:, 0]

    real, drawn = torch.ones(4, 1, 2, 2), torch.zeros(4, 1, 2, 2)
    code = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    plain, mismatched = (
        dataclasses.replace(OBJECTIVE, mismatched=also).discriminator_losses(
            judge, real, drawn, code
        )
        for also in (False, True)
    )
    n = torch.arange(4.0)
    passed = adversarial_loss(10 + n, "bce", real=True)
    lost = passed + adversarial_loss(n, "bce", real=False)
    torch.testing.assert_close(plain["discriminator_loss"], lost)
    others = adversarial_loss(10 + n.roll(1), "bce", real=False)
    expected = passed + (adversarial_loss(n, "bce", real=False) + others) / 2
    torch.testing.assert_close(mismatched["discriminator_loss"], expected)
    assert plain["d_accuracy"].tolist() == [1.0, 0.5, 0.5, 0.5]
    torch.testing.assert_close(plain["d_drawn"], n.sigmoid())


def test_a_discriminator_that_is_not_given_the_speech_cannot_reject_wrong_pairs():
    with pytest.raises(ValueError, match="mismatched pairs want a discriminator"):
        play(OBJECTIVE, sizes=PUBLISHED)


def test_unknown_games_and_likelihoods_are_refused():
    with pytest.raises(ValueError, match="game 'chess' is unknown; choose of bce, hinge"):
        AdversarialObjective(SPEECH, game="chess")
    with pytest.raises(ValueError, match="likelihood 'gauss' is unknown"):
        AdversarialObjective(SPEECH, likelihood="gauss")


def test_spread_is_a_share_of_that_of_real_pictures():
    real = torch.rand(50, 1, 8, 8, generator=seeded())
    assert spread(real, real).item() == pytest.approx(1)
    assert spread(real / 2, real).item() == pytest.approx(0.25)
    assert spread(real[:1].expand(50, 1, 8, 8), real).item() == pytest.approx(0)


BALANCED = {"d_accuracy": 0.7, "d_real": 0.6, "d_drawn": 0.4, "spread": 0.9}


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"d_accuracy": 0.99}, r"digits: the discriminator wins: it told 99\.0% .* epoch 2"),
        ({"d_drawn": 0.8}, r"the generator wins: in epoch 2 .* 0\.80, real ones with 0\.60"),
        ({"spread": 0.05}, r"all alike: in epoch 2 they varied by 5\.0%"),
    ],
)
def test_a_game_that_is_over_is_said_once(figures, sentence):
    watch = BalanceWatch("digits")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch.look(1, BALANCED)
    with pytest.warns(UnbalancedWarning, match=sentence) as caught:
        watch.look(2, BALANCED | figures)
        watch.look(3, BALANCED | figures)
    assert len(caught) == 1


def test_the_loop_looks_at_the_balance():
    with pytest.warns(UnbalancedWarning, match="test: the pictures are all alike"):
        play(dataclasses.replace(OBJECTIVE, alpha=0.0))
