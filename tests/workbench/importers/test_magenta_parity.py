"""MusicVAE models made from TensorFlow variables, against the wiring written out in NumPy."""

import json
from functools import cache

import musicvae_reference as reference
import numpy as np
import pytest
import torch

from synvae_core.music.coding import MIN_PITCH
from synvae_core.music.melody import FIRST_NOTE, ONE_VOICE
from synvae_workbench.importers import open_melody_model
from synvae_workbench.importers.magenta import model_from_tensors

# No two sizes of a model are the same, so that none can stand in for another.
FLAT_1 = {"kind": "flat", "latent": 7, "encoder_units": (5,), "decoder_units": (6,)}
FLAT_3 = {"kind": "flat", "latent": 8, "encoder_units": (5,), "decoder_units": (6, 9, 4)}
HIERARCHICAL = {
    "kind": "hierarchical",
    "latent": 7,
    "encoder_units": (5, 11),
    "conductor_units": (6, 9),
    "decoder_units": (8, 4),
}
BATCH = 3
STEPS = {"flat": 32, "hierarchical": 48}
LENGTHS = {"flat": (32, 1, 19), "hierarchical": (48, 17, 2)}
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
MODELS = {
    "flat-1": (FLAT_1, "carried"),
    "flat-3": (FLAT_3, "carried"),
    "hierarchical-carried": (HIERARCHICAL, "carried"),
    "hierarchical-fresh": (HIERARCHICAL, "fresh"),
}


def for_every_model(test):
    for parameter, values in {"dtype": TOLERANCE, "seed": range(3), "name": MODELS}.items():
        test = pytest.mark.parametrize(parameter, values, ids=str)(test)
    return test


class Case:
    """Weights as a checkpoint stores them, in float32, and inputs; all computed in float64."""

    def __init__(self, name: str, seed: int):
        sizes, self.bar_start = MODELS[name]
        self.steps, self.lengths = STEPS[sizes["kind"]], LENGTHS[sizes["kind"]]
        rng = np.random.default_rng(seed)
        self.stored = reference.random_checkpoint(**sizes, rng=rng, dtype=np.float32)
        self.weights = {name: value.astype(np.float64) for name, value in self.stored.items()}
        self.events = rng.integers(90, size=(BATCH, self.steps))
        self.one_hot = reference.one_hot(self.events, np.float64)
        self.relaxed = rng.dirichlet(np.full(90, 0.05), size=(BATCH, self.steps))
        self.z = rng.standard_normal((BATCH, sizes["latent"]))

    def model(self, dtype):
        return model_from_tensors(self.stored, steps=self.steps, bar_start=self.bar_start).to(dtype)

    def teacher_forced(self):
        return reference.teacher_forced(self.weights, self.z, self.events, bar_start=self.bar_start)

    def free_running(self):
        return reference.free_running(self.weights, self.z, self.steps, bar_start=self.bar_start)


case = cache(Case)


def assert_close(found, expected, dtype):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "lengths"])
@pytest.mark.parametrize("form", ["events", "relaxed"])
@for_every_model
def test_encoder(name, seed, dtype, form, cut):
    this = case(name, seed)
    notes = this.one_hot if form == "events" else this.relaxed
    given = torch.tensor(this.events) if form == "events" else torch.tensor(notes, dtype=dtype)
    lengths = this.lengths if cut else None
    mu, sigma = reference.encode(this.weights, notes, lengths)
    posterior = this.model(dtype).encoder(given, lengths=torch.tensor(lengths) if cut else None)
    assert_close(posterior.mu, mu, dtype)
    assert_close((posterior.logvar / 2).exp(), sigma, dtype)


@for_every_model
def test_teacher_forced(name, seed, dtype):
    this = case(name, seed)
    z = torch.tensor(this.z, dtype=dtype)
    logits = this.model(dtype).decoder.teacher_forced(z, torch.tensor(this.events))
    assert_close(logits, this.teacher_forced(), dtype)


@for_every_model
def test_free_running(name, seed, dtype):
    this = case(name, seed)
    played = this.model(dtype).decoder.play(torch.tensor(this.z, dtype=dtype))
    events, logits = this.free_running()
    assert played.events.tolist() == events.tolist()
    assert_close(played.logits, logits, dtype)


# --- the reference itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (134_571_098, {"latent": 512, "encoder_units": [2048], "decoder_units": [2048] * 3}),
        (4_423_770, {"latent": 256, "encoder_units": [512], "decoder_units": [256] * 2}),
        (
            176_061_530,
            {
                "latent": 512,
                "encoder_units": [2048] * 2,
                "conductor_units": [1024] * 2,
                "decoder_units": [1024] * 2,
            },
        ),
    ],
    ids=["cat-mel_2bar_big", "cat-mel_2bar_small", "hierdec-mel_16bar"],
)
def test_reference_has_the_published_variables(count, sizes):
    kind = "hierarchical" if "conductor_units" in sizes else "flat"
    shapes = reference.variable_shapes(kind, **sizes)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == count
    assert kind == "flat" or len(shapes) == 26


@pytest.mark.parametrize("name", MODELS)
def test_reference_is_consistent_with_itself(name):
    """What is played does not change when it is given, and is lively enough to compare."""
    this = case(name, 0)
    events, logits = this.free_running()
    given = reference.teacher_forced(this.weights, this.z, events, bar_start=this.bar_start)
    np.testing.assert_array_equal(logits, given)
    assert (np.diff(events) != 0).mean() > 0.05
    # What follows a step has no influence on it, what comes before has.
    changed = this.events.copy()
    changed[:, 5] = (changed[:, 5] + 1) % 90
    moved = reference.teacher_forced(this.weights, this.z, changed, bar_start=this.bar_start)
    difference = np.abs(moved - this.teacher_forced()).max((0, 2))
    assert difference[:6].max() == 0 < difference[6]


def test_lengths_and_bar_starts_matter():
    this = case("hierarchical-carried", 0)
    whole, cut = (
        reference.encode(this.weights, this.one_hot, lengths) for lengths in (None, this.lengths)
    )
    assert (np.abs(whole[0] - cut[0]).max(1) > 1e-3).tolist() == [False, True, True]
    fresh = reference.teacher_forced(this.weights, this.z, this.events, bar_start="fresh")
    difference = np.abs(fresh - this.teacher_forced()).max((0, 2))
    assert difference[:16].max() == 0
    assert difference[16] > 1e-3 < difference[32]


# --- wrong wirings, each of which the comparisons above must notice ------------------------------


def gates_ifco(gates):
    i, f, c, o = np.split(gates, 4, axis=-1)
    return i, c, f, o


def state_h_c(flat, units, right=reference.split_state):
    return [(second, first) for first, second in right(flat, units)]


def state_all_c_then_all_h(flat, units):
    parts = np.split(flat, np.cumsum([*units, *units])[:-1], axis=-1)
    return list(zip(parts[: len(units)], parts[len(units) :], strict=True))


ENCODER, FLAT, HIERARCHY = "encoder", "flat", "hierarchical"  # where a wrong wiring shows
WRONG = {
    "gates i, f, c, o": ("split_gates", gates_ifco, {ENCODER, FLAT, HIERARCHY}),
    "no forget bias": ("FORGET_BIAS", 0.0, {ENCODER, FLAT, HIERARCHY}),
    "kernel rows h before x": (
        "cell_input",
        lambda x, h: np.concatenate([h, x], axis=-1),
        {ENCODER, FLAT, HIERARCHY},
    ),
    "state h before c": ("split_state", state_h_c, {FLAT, HIERARCHY}),
    "state all c, all h": ("split_state", state_all_c_then_all_h, {FLAT, HIERARCHY}),
    "z before the token": (
        "decoder_input",
        lambda token, z: np.concatenate([z, token], axis=-1),
        {FLAT, HIERARCHY},
    ),
    "backward state of the last step": (
        "last_outputs",
        lambda forward, backward: np.concatenate([forward[-1], backward[-1]]),
        {ENCODER},
    ),
    "sigma a variance": ("sigma_of", lambda x: np.sqrt(reference.softplus(x)), {ENCODER}),
    "core's state carried over bars": ("state_at_bar", lambda states: states, {HIERARCHY}),
    "conductor reads ones": ("CONDUCTOR_INPUT", 1.0, {HIERARCHY}),
}


def wire_wrongly(monkeypatch, wrong):
    attribute, replacement, _ = WRONG[wrong]
    monkeypatch.setattr(reference, attribute, replacement)


@pytest.mark.parametrize("name", ["flat-3", "hierarchical-carried"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_wiring_shows(monkeypatch, name, wrong):
    this, decoder = case(name, 0), name.partition("-")[0]
    encoded, logits = np.stack(reference.encode(this.weights, this.one_hot)), this.teacher_forced()
    wire_wrongly(monkeypatch, wrong)
    wrong_encoded = np.stack(reference.encode(this.weights, this.one_hot))
    shows_in = WRONG[wrong][2]
    assert (np.abs(wrong_encoded - encoded).max() > 1e-3) == (ENCODER in shows_in)
    assert (np.abs(this.teacher_forced() - logits).max() > 1e-3) == (decoder in shows_in)


def published_weights(folder):
    """The raw files that are there; the kernels of the encoder's cells are not."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {
        name: np.fromfile(folder / entry["filename"], "<f4").reshape(entry["shape"])
        for name, entry in manifest.items()
        if (folder / entry["filename"]).exists()
    }


def published_z(count=512):
    return np.random.default_rng(0).standard_normal((512, 256))[:count].astype(np.float32)


def beat_share(events):
    """Share of all the onsets that fall on a quarter."""
    onsets = events >= FIRST_NOTE
    return onsets[:, ::4].sum() / onsets.sum()


def in_key_share(events):
    """Mean over the melodies that have notes of the share in the best of twelve major keys."""
    shares = []
    for melody in events:
        tones = (melody[melody >= FIRST_NOTE] - FIRST_NOTE + MIN_PITCH) % 12
        scales = [{(key + tone) % 12 for tone in (0, 2, 4, 5, 7, 9, 11)} for key in range(12)]
        if len(tones):
            shares.append(max(np.isin(tones, list(scale)).mean() for scale in scales))
    return np.mean(shares)


def assert_published_figures(events):
    assert beat_share(events) == pytest.approx(0.377, abs=0.002)
    assert in_key_share(events) == pytest.approx(0.934, abs=0.003)
    assert (events >= FIRST_NOTE).sum(1).mean() == pytest.approx(10.6, abs=0.05)


@pytest.mark.data
def test_published_decoder_in_the_reference(data_folder):
    weights = published_weights(data_folder / "musicvae" / "mel_2bar_small")
    assert_published_figures(reference.free_running(weights, published_z(), 32)[0])


@pytest.mark.data
@pytest.mark.parametrize(
    ("wrong", "share"),
    [("gates i, f, c, o", 0.25), ("state h before c", 0.21), ("no forget bias", 0.35)],
)
def test_published_decoder_wired_wrongly(data_folder, monkeypatch, wrong, share):
    weights = published_weights(data_folder / "musicvae" / "mel_2bar_small")
    wire_wrongly(monkeypatch, wrong)
    events, _ = reference.free_running(weights, published_z(), 32)
    assert beat_share(events) == pytest.approx(share, abs=0.01)


@pytest.mark.data
def test_published_decoder(data_folder):
    folder = data_folder / "musicvae" / "mel_2bar_small"
    model = open_melody_model(folder)
    events = model.decode(torch.tensor(published_z())).numpy()
    assert_published_figures(events)

    z = published_z(32).astype(np.float64)
    weights = {name: value.astype(np.float64) for name, value in published_weights(folder).items()}
    expected, logits = reference.free_running(weights, z, 32)
    assert events[:32].tolist() == ONE_VOICE.canonical(expected).tolist()
    played = model.double().decoder.play(torch.tensor(z))
    assert played.events.tolist() == expected.tolist()
    assert_close(played.logits, logits, torch.float64)
