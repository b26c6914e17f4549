import numpy as np
import pytest
import torch

from synvae_core.models.melody.lstm import LstmMelodyConfig
from synvae_core.models.melody.vae import MelodyVae
from synvae_workbench.evaluation import melody_vae
from synvae_workbench.evaluation.melody_vae import evaluate_melody_vae

EVENTS = np.random.default_rng(0).integers(0, 90, (10, 16))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MelodyVae(LstmMelodyConfig(16, 4, encoder_units=(8,), decoder_units=(8,))).eval()


def test_scores_are_means_over_the_melodies_whatever_the_chunk(model, monkeypatch):
    whole = evaluate_melody_vae(model, EVENTS)
    monkeypatch.setattr(melody_vae, "CHUNK", 3)
    assert evaluate_melody_vae(model, EVENTS).scores == pytest.approx(whole.scores, rel=1e-5)
    parts = [evaluate_melody_vae(model, each).scores for each in (EVENTS[:5], EVENTS[5:])]
    for name in ("note_f1", "exact", "step_accuracy", "teacher_forced_accuracy"):
        mean = np.mean([part[name] for part in parts])
        assert mean == pytest.approx(whole.scores[name], abs=1e-6), name
    assert whole.rebuilt.shape == EVENTS.shape


def test_a_model_that_says_nothing_pays_for_every_step(model):
    with torch.no_grad():
        flat = MelodyVae(model.config).eval()
        flat.load_state_dict({name: 0 * value for name, value in model.state_dict().items()})
    scores = evaluate_melody_vae(flat, EVENTS).scores
    assert scores["teacher_forced_nats"] == pytest.approx(16 * np.log(90), rel=1e-5)
    assert scores["other_latents_nats"] == scores["teacher_forced_nats"]
    assert scores["active_dimensions"] == 0


def test_another_melody_s_latents_are_those_half_of_all_away(model):
    halves = np.concatenate([EVENTS[5:], EVENTS[:5]])
    with torch.no_grad():
        logits = model.decoder.teacher_forced(model.posterior(halves).mu, torch.from_numpy(EVENTS))
    nats = -logits.log_softmax(-1).gather(2, torch.from_numpy(EVENTS)[..., None]).sum() / 10
    scores = evaluate_melody_vae(model, EVENTS).scores
    assert scores["other_latents_nats"] == pytest.approx(nats.item(), rel=1e-5)
    assert scores["other_latents_nats"] != scores["teacher_forced_nats"]
