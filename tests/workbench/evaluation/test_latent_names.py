import numpy as np
import pytest
import torch
from spoken_models import small_synvae

from synvae_core.metrics.latents import LatentUsage, latent_usage
from synvae_core.music.coding import Note
from synvae_core.music.melody import HOLD, ONE_VOICE
from synvae_workbench.evaluation.latent_names import (
    NOTHING,
    TRAITS,
    first_pitch,
    last_pitch,
    mean_length,
    name_latents,
)

STEPS = 32


class Puppet:
    """A melody model that plays what its latent numbers say, to know what a name should be.

    z[0] moves all notes up, z[1] shortens them from bar 2 on, z[2] does nothing, and z[3] moves the
    melody up or down as z[4], the picture, happens to be.
    """

    def decode(self, z):
        return torch.from_numpy(np.stack([self.play(row) for row in z.tolist()]))

    def play(self, row):
        up, short, _, either, picture = row
        pitch = 60 + round(4 * up) + round(4 * either) * (1 if picture > 0 else -1)
        length = 4 if short < 0 else 2
        notes = [Note(start, start + 4, pitch + start % 3) for start in range(0, 16, 4)]
        notes += [Note(start, start + length, pitch) for start in range(16, 32, length)]
        return ONE_VOICE.events(notes, steps=STEPS)


def latents(n=40, seed=0):
    z = torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 5))).float()
    z[:, 4] = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(n // 4)
    return z


def usage(z, bits=(5.0, 4.0, 3.0, 2.0, 1.0)):
    variance = torch.ones(z.shape[1], dtype=torch.float64)
    return LatentUsage(torch.tensor(bits), variance, 0 * variance, variance)


@pytest.fixture(scope="module")
def names():
    z = latents()
    return name_latents(Puppet().decode, z, usage(z), most=4)


def test_the_most_active_dimensions_come_first(names):
    assert [each.dimension for each in names] == [0, 1, 2, 3]
    z = latents()
    others = name_latents(Puppet().decode, z, usage(z, (1.0, 2.0, 3.0, 4.0, 5.0)), most=2)
    assert [each.dimension for each in others] == [4, 3]


def test_a_dimension_is_named_by_what_is_heard(names):
    up, short, *_ = names
    assert up.attribute in ("mean_pitch", "first_pitch", "last_pitch")
    assert up.name.endswith("higher")
    assert up.effect == pytest.approx(12, abs=0.5), "1.5 deviations down to 1.5 up, 4 each"
    assert up.consistency == 1
    assert short.attribute in ("mean_length", "note_density")
    assert short.name in ("shorter notes", "more notes")


def test_it_says_from_where_on_the_melody_changes(names):
    up, short, *_ = names
    assert (up.step, up.where) == (0, "")
    assert short.where == "from bar 2"
    assert short.step == 18, "the first note of bar 2 ends two sixteenths earlier"
    assert up._replace(step=23).where == "from bar 2, beat 2"
    assert up._replace(step=5).where == "from bar 1, beat 2"


def test_what_does_nothing_or_no_one_thing_gets_no_name(names):
    nothing, either = names[2:]
    assert (nothing.name, nothing.attribute, nothing.changed) == (NOTHING, "", 0)
    assert "0%" in nothing.evidence
    assert (either.name, either.attribute, either.changed) == (NOTHING, "", 1)
    assert either.evidence == "100% change, each in its own way"


def test_a_name_that_only_the_choosing_half_bears_out_is_not_given():
    z = latents()
    z[::2, 4], z[1::2, 4] = 1.0, -1.0  # z[3] moves the one half up and the other down
    (either,) = (each for each in name_latents(Puppet().decode, z, usage(z)) if each.dimension == 3)
    assert either.name == NOTHING


def test_a_dimension_that_pictures_do_not_use_is_left_out():
    z = latents()
    unused = usage(z)._replace(mean_variance=torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]))
    assert 1 not in [each.dimension for each in name_latents(Puppet().decode, z, unused)]


def test_an_effect_is_said_in_its_unit(names):
    assert names[0].evidence == "+12 semitones in 100%"
    short = names[1]
    if short.attribute == "note_density":
        assert short.effect == pytest.approx(4), "in notes, not in notes per step"


def test_traits_of_known_melodies():
    events = ONE_VOICE.events([Note(0, 2, 60), Note(4, 10, 64)], steps=16)
    melodies = np.stack([events, np.full(16, HOLD)])
    assert mean_length(melodies).tolist() == [4, 0]
    assert first_pitch(melodies).tolist() == [60, 0]
    assert last_pitch(melodies).tolist() == [64, 0]
    for trait in TRAITS.values():
        assert len(trait.measure(melodies)) == 2


def test_a_model_is_named_as_it_plays():
    model = small_synvae()
    posterior = model.image_encoder(torch.rand(8, 1, 28, 28))
    found = name_latents(model.music.decode, posterior.mu.detach() * 20, latent_usage(*posterior))
    assert len(found) <= 8
    assert all(each.attribute in {*TRAITS, ""} for each in found)


def test_too_few_pictures_or_another_space_are_refused():
    z = latents()
    with pytest.raises(ValueError, match="four pictures or more"):
        name_latents(Puppet().decode, z[:3], usage(z))
    with pytest.raises(ValueError, match=r"\(40, 4\) and 5"):
        name_latents(Puppet().decode, z[:, :4], usage(z))
