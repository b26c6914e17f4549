import numpy as np
import pytest
import torch
from melody_models import melody_model

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.evaluation.steering import (
    NEIGHBOURS,
    STEERABLE,
    WAYS,
    Tunes,
    attribute_values,
    cached_tunes,
    steer,
    steering_tunes,
    syncopation,
)


def tune(*starts, pitch=60, steps=32):
    notes = [Note(start, start + 1, pitch + i % 3) for i, start in enumerate(starts)]
    return ONE_VOICE.events(notes, steps=steps)


class Transparent(MelodyVae):
    """A model whose latent point is the melody itself, so that ways lead through event ids."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def encode(self, events, *, sample):
        assert not sample
        return torch.as_tensor(np.asarray(events), dtype=torch.float32)

    def decode(self, z):
        return torch.as_tensor(
            ONE_VOICE.canonical(np.round(z.numpy()).astype(np.int64).clip(0, 89))
        )


BUSY, CALM = tune(*range(0, 32, 2)), tune(*range(0, 32, 8))
HIGH = tune(*range(0, 32, 8), pitch=84)


def test_attributes_are_those_of_the_notes():
    found = attribute_values(np.stack([BUSY, CALM, HIGH]))
    assert list(STEERABLE) == ["notes", "pitch", "leaps", "syncopation"]
    assert found[:, 0] * 32 == pytest.approx([16, 4, 4])
    assert found[:, 1] == pytest.approx([60 + 15 / 16, 60.75, 84.75])
    assert found[:, 3] == pytest.approx([0, 0, 0])


def test_syncopation_counts_sixteenths_and_eighths():
    assert syncopation(np.stack([tune(1, 8), tune(2, 8), tune(0, 8)])) == pytest.approx(
        [0.5, 0.5, 0]
    )


def test_nothing_asked_for_changes_nothing():
    model = Transparent()
    tunes = steering_tunes(model, np.stack([BUSY, CALM]))
    z = model.encode(CALM, sample=False)
    assert np.array_equal(steer(model, z, {}, tunes), ONE_VOICE.canonical(CALM))
    assert np.array_equal(steer(model, z, {"pitch": 0.0}, tunes), ONE_VOICE.canonical(CALM))


@pytest.fixture(scope="module")
def shipped():
    """The shipped melody VAE and, of scales with random leaps and rhythms, some tunes."""
    rng = np.random.default_rng(0)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79])
    events = np.zeros((300, 32), np.int64)
    for melody in events:
        starts = np.flatnonzero(rng.random(32) < rng.choice([0.2, 0.4, 0.6]))
        steps = np.cumsum(rng.choice([-1, 0, 1], len(starts)) * rng.choice([1, 2]))
        melody[starts] = scale[(rng.integers(12) + steps).clip(0, 11)] - 19
    model = load_melody_model(PRETRAINED / "melody_2bar")
    return model, steering_tunes(model, events)


@pytest.mark.parametrize(
    "more", [{"notes": 1}, {"notes": -1}, {"pitch": 1, "notes": 1}, {"leaps": 1}]
)
def test_melodies_get_what_is_asked_for_and_keep_the_rest(shipped, more):
    model, tunes = shipped
    points = tunes.latents[::30]
    before = model.decode(points).numpy()
    after = np.stack([steer(model, z, more, tunes) for z in points])
    change = (attribute_values(after) - attribute_values(before)) / tunes.spread
    asked = np.array([more.get(name, 0) for name in STEERABLE])
    assert (change.mean(0) * asked)[asked != 0].min() > 0.5
    assert np.abs(change.mean(0) - asked).max() < 0.8  # more notes are less syncopated
    assert (before == after).mean() > 0.3


def test_it_goes_towards_tunes_that_have_it_and_are_near():
    class Watched(Transparent):
        def decode(self, z):
            self.seen = z
            return super().decode(z)

    model, rng = Watched(), np.random.default_rng(0)
    starts = [np.flatnonzero(rng.random(32) < 0.3) for _ in range(60)]
    events = np.stack([tune(*(each if len(each) else [0])) for each in starts])
    tunes = steering_tunes(model, events)
    steer(model, tunes.latents[0], {"notes": 1.0}, tunes)
    assert len(model.seen) == NEIGHBOURS * len(WAYS)
    ends = tunes.latents[0] + (model.seen[-NEIGHBOURS:] - tunes.latents[0]) / WAYS[-1]
    density = attribute_values(np.round(ends.numpy()).astype(np.int64))[:, 0]
    assert density.mean() > tunes.attributes[:, 0].mean()


def test_a_real_model_plays_melodies():
    rng = np.random.default_rng(0)
    model = melody_model("mixer").eval()
    tunes = steering_tunes(model, rng.integers(0, 90, (40, 32)))
    assert isinstance(tunes, Tunes)
    found = steer(model, tunes.latents[0], {"notes": 1.0, "leaps": -0.5}, tunes)
    assert np.array_equal(found, ONE_VOICE.canonical(found))
    again = steer(model, tunes.latents[0], {"notes": 1.0, "leaps": -0.5}, tunes)
    assert np.array_equal(found, again)


def test_what_makes_no_sense_is_refused():
    model = Transparent()
    tunes = steering_tunes(model, np.stack([BUSY, CALM]))
    for more in ({"loudness": 1.0}, {"notes": float("nan")}, {"notes": float("inf")}):
        with pytest.raises(ValueError, match="finite amounts of notes, pitch, leaps, syncopation"):
            steer(model, tunes.latents[0], more, tunes)
    with pytest.raises(ValueError, match="got 1, give 2 or more"):
        steering_tunes(model, BUSY[None])


def test_tunes_that_are_all_alike_are_no_trouble():
    model = Transparent()
    tunes = steering_tunes(model, np.stack([CALM, CALM]))
    assert tunes.spread.tolist() == [1, 1, 1, 1]
    assert np.isfinite(steer(model, tunes.latents[0], {"notes": 2.0}, tunes)).all()


def test_latents_of_tunes_are_kept_for_the_same_model_and_tunes(shipped, tmp_path, monkeypatch):
    model, _ = shipped
    events = np.stack([tune(0, 4, 8), tune(0, 2), tune(1, 3)])
    first = cached_tunes(model, events, cache=tmp_path)
    monkeypatch.setattr(type(model), "encode", None)
    again = cached_tunes(model, events, cache=tmp_path)
    assert torch.equal(first.latents, again.latents)
    assert (first.attributes == again.attributes).all()
    assert (first.spread == again.spread).all()
    with pytest.raises(TypeError):
        cached_tunes(model, events[:2], cache=tmp_path)
