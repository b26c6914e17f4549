from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from synvae_core.models.melody.configurations import load_melody_model
from synvae_core.models.melody.skeleton_language import SkeletonMelodyConfig
from synvae_core.models.melody.skeleton_layout import REGISTER
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.storage import PRETRAINED
from synvae_core.models.synvae import load_synvae
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.registry import load_pictures
from synvae_workbench.evaluation.sliders import (
    LEAST_CONSISTENCY,
    REACH,
    SHARPER,
    find_sliders,
    key_signature,
    measure_slider,
    named_directions,
    sliders_at,
)

WHOLE = ["higher", "sharper key", "busier", "rising", "later"]
PARTS = ["busier bar ends", "arched", "ends higher"]
ANY_MODEL = [name for name in WHOLE + PARTS if name != "sharper key"]
EXPECTED = {"skeleton_2bar": WHOLE + PARTS, "language_2bar": ANY_MODEL, "melody_2bar": ANY_MODEL}
POSITIONS = (-REACH, -REACH / 2, 0.0, REACH / 2, REACH)
LEAST_CORRELATION = 0.45


def names_of(sliders):
    return [each.trait.more for each in sliders]


@pytest.fixture(scope="module", params=EXPECTED)
def shipped(request):
    """A shipped melody model, its sliders, and draws of the prior that it has not seen."""
    model = load_melody_model(PRETRAINED / request.param)
    generator = torch.Generator().manual_seed(7)
    z = torch.randn(50, model.config.latent_dim, generator=generator)
    return request.param, model, named_directions(model), z


@pytest.fixture(scope="module")
def values(shipped):
    """Of each slider, at each position, every trait of each melody: (sliders, traits, 5, n)."""
    _, model, sliders, z = shipped
    found = []
    for slider in sliders:
        played = [model.decode(slider.move(z, position)).numpy() for position in POSITIONS]
        found.append(
            [
                [each.trait.measure(events, coding=ONE_VOICE) for events in played]
                for each in sliders
            ]
        )
    return np.array(found, float)


def test_a_model_has_its_names_in_their_order(shipped):
    name, _, sliders, _ = shipped
    assert names_of(sliders) == EXPECTED[name]
    assert len({each.trait.does for each in sliders}) == len(sliders)


def test_a_skeleton_s_sliders_of_the_whole_are_its_own_latents():
    sliders = named_directions(load_melody_model(PRETRAINED / "skeleton_2bar"))
    directions = torch.stack([each.direction for each in sliders])
    assert torch.equal(directions[:5], torch.eye(45)[:5])
    assert directions[5:, :5].abs().max() < 1e-5


def test_the_sliders_of_a_longer_piece_move_all_its_phrases():
    torch.manual_seed(0)
    sizes = SkeletonMelodyConfig(128, channels=8, blocks=1, hidden_channels=8, event_channels=8)
    sliders = named_directions(MelodyVae(sizes).eval())
    directions = torch.stack([each.direction for each in sliders])
    torch.testing.assert_close(directions @ directions.T, torch.eye(len(sliders)))
    registers = sizes.layout.places(REGISTER)
    by_name = dict(zip(names_of(sliders), directions[:, registers].tolist(), strict=True))
    assert by_name["higher"] == [0.5] * 4 and by_name["rising"] == [-0.5, -0.5, 0.5, 0.5]


def test_latents_that_pick_several_tokens_have_no_names_of_their_own():
    torch.manual_seed(0)
    small = {"channels": 8, "blocks": 1, "hidden_channels": 8, "event_channels": 8}
    for spans in ((1, 1, 2, 1) + (1,) * 24 + (2,) * 16, (1,) * 61):
        sliders = named_directions(MelodyVae(SkeletonMelodyConfig(spans=spans, **small)).eval())
        assert all(each.direction.shape == (len(spans),) for each in sliders)
        assert (SHARPER in names_of(sliders)) == (spans[2] == 1)


def test_the_named_attribute_of_the_notes_rises_all_the_way(shipped, values):
    for number, slider in enumerate(shipped[2]):
        means = values[number, number].mean(1)
        assert (np.diff(means) > 0).all(), f"{slider.trait.more}: {means}"


def test_a_slider_does_what_its_name_says_and_a_wrong_name_would_not_hold(shipped, values):
    name, _, sliders, _ = shipped
    change = values - values.mean(2, keepdims=True)  # of each melody, from its mean
    places = np.array(POSITIONS)[:, None]
    spread = np.sqrt((change**2).mean((2, 3)) * (places**2).mean())
    correlation = (change * places).mean((2, 3)) / np.maximum(spread, 1e-9)
    own = correlation.diagonal()
    assert own.min() > LEAST_CORRELATION, dict(zip(names_of(sliders), own, strict=True))
    others = correlation - 9 * np.eye(len(sliders))
    # Of all traits it moves its own most, and of all sliders it moves its own trait most.
    assert (own > others.max(0)).all(), f"{name}: {correlation.round(2)}"
    assert (own > others.max(1)).all(), f"{name}: {correlation.round(2)}"


def test_moving_one_moves_no_other_whatever_the_order(shipped):
    _, _, sliders, z = shipped
    first, last = sliders[0], sliders[-1]
    moved = last.move(first.move(z, 1.5), -2.0)
    torch.testing.assert_close(moved, first.move(last.move(z, -2.0), 1.5))
    assert first.value(moved).numpy() == pytest.approx(1.5, abs=1e-4)
    for each in sliders[1:-1]:
        torch.testing.assert_close(each.value(moved), each.value(z), atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def digits():
    return load_pictures("mnist_5k").test.images[:60].float() / 255


def test_on_the_packaged_digits_every_name_of_the_shipped_synvae_holds(digits):
    model = load_synvae(PRETRAINED / "synvae_mnist")
    z = model.image_encoder(digits).mu.detach()
    sliders = find_sliders(model.music)
    assert names_of(sliders) == WHOLE + PARTS
    for each in sliders:
        assert measure_slider(each, model.music, z).consistency > LEAST_CONSISTENCY, each.trait


class Puppet(MelodyVae):
    """A melody model that plays what z says, to know what a slider should be.

    z[0] moves all notes up, and z[1] the second half, up or down as z[2] is positive or not.
    """

    coding, device = ONE_VOICE, torch.device("cpu")

    def __init__(self, latent_dim=4, up=4):
        torch.nn.Module.__init__(self)
        self.config, self.up = SimpleNamespace(latent_dim=latent_dim, steps=32), up

    def decode(self, z):
        return torch.from_numpy(np.stack([self.play(row) for row in z.tolist()]))

    def play(self, row):
        up, either, sign = (self.up * value for value in row[:3])
        pitches = [60 + round(up), 60 + round(up) + round(either) * (1 if sign > 0 else -1)]
        notes = [Note(start, start + 4, pitches[start // 16]) for start in range(0, 32, 4)]
        return ONE_VOICE.events(notes, steps=32)


def test_a_direction_is_found_and_its_effect_said_in_its_unit():
    (higher,) = find_sliders(Puppet())
    assert higher.trait.more == "higher"
    assert higher.direction[0] > 0.98
    assert (higher.effect, higher.consistency) == (pytest.approx(24, abs=1), 1)
    elsewhere = measure_slider(higher, Puppet(up=2), torch.zeros(1, 4))
    assert elsewhere.evidence == "+12 semitones on average, in 100%"


def test_a_name_that_is_not_true_is_not_given():
    assert "rising" in names_of(named_directions(Puppet())), "it varies, and has some direction"
    assert names_of(find_sliders(Puppet())) == ["higher"]


def test_a_model_that_plays_always_the_same_has_no_slider():
    assert find_sliders(Puppet(up=0)) == []


def test_directions_are_the_same_each_time_and_fewer_than_dimensions():
    first, again = (named_directions(Puppet()) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.direction, other.direction)
    assert len(named_directions(Puppet(latent_dim=3))) <= 3


def test_what_sliders_do_is_measured_once(tmp_path, monkeypatch):
    ask = partial(sliders_at, Puppet(), torch.zeros(3, 4), cache=tmp_path)
    (first,) = ask()
    assert (first.trait.more, first.effect) == ("higher", pytest.approx(24, abs=1))
    with monkeypatch.context() as patched:
        patched.setattr("synvae_workbench.evaluation.sliders.find_sliders", lambda _: [])
        (again,) = ask()
        assert sliders_at(Puppet(), torch.ones(3, 4), cache=tmp_path) == []
    assert torch.equal(again.direction, first.direction)
    assert again._replace(direction=None) == first._replace(direction=None)
    for path in tmp_path.glob("sliders-*.npz"):
        np.savez(path, traits=[99], directions=np.zeros((1, 4), np.float32), measured=[[1.0, 1.0]])
    assert ask()[0].trait == first.trait


def test_keys_of_scales():
    scales = [[(tonic + step) for step in (0, 4, 7, 2, 5, 9, 11, 0)] for tonic in (60, 67, 65)]
    events = [
        ONE_VOICE.events([Note(4 * i, 4 * i + 4, pitch) for i, pitch in enumerate(each)], steps=32)
        for each in scales
    ]
    assert key_signature(np.stack(events), coding=ONE_VOICE).tolist() == [5, 6, 4]


def test_points_of_another_space_are_refused():
    (slider,) = find_sliders(Puppet())
    for points in (torch.zeros(0, 4), torch.zeros(5, 3)):
        with pytest.raises(ValueError, match="a point or more of 4 dimensions: got"):
            measure_slider(slider, Puppet(), points)
