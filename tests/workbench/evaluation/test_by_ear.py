"""What an ear can tell, of melodies whose likeness is known."""

import numpy as np
import pytest
import torch
from melody_models import MIXER

from synvae_core.metrics.measures import measure_of
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import TooFewError
from synvae_workbench.evaluation.by_ear import (
    EarOptions,
    MovedTwins,
    ear_measures,
    ear_table,
    listener_measures,
    measures_beside,
    moved_twins,
    performed_measures,
)

THEMES = ([60, 62, 64, 65, 67, 65, 64, 62], [84, 79, 72, 79, 84, 79, 72, 79], [55, 67] * 4)
LABELS = torch.arange(30) % 3
FEW = EarOptions(most_slow=24)


def melody(pitches, first):
    """A theme of quavers, whose first note tells the melodies of a theme apart."""
    notes = [Note(2 * i, 2 * i + 2, pitch) for i, pitch in enumerate([first, *pitches])]
    return ONE_VOICE.events(notes, steps=32)


@pytest.fixture(scope="module")
def melodies():
    return np.stack([melody(THEMES[i % 3], 60 + i // 3) for i in range(30)])


@pytest.fixture(scope="module")
def images():
    """Stripes at the height of the class, a little lighter each."""
    images = torch.zeros(30, 1, 28, 28, dtype=torch.uint8)
    for i in range(30):
        images[i, :, 9 * (i % 3) : 9 * (i % 3) + 8, 4:20] = 150 + i
    return images


@pytest.fixture(scope="module")
def measured(melodies, images):
    twins = MovedTwins(melodies[:12], melodies[:12])
    return ear_measures(melodies, images, LABELS, twins=twins, options=FEW)


def test_a_theme_for_each_class_is_told_by_every_ear(measured):
    for ear in FEW.distances:
        assert measured[f"{ear}_precision_at_1"] == 1, ear
        assert measured[f"{ear}_rank_correlation"] > 0.5, ear
        assert measured[f"{ear}_spread_within"] < 0.5 * measured[f"{ear}_spread_between"], ear
    assert measured["spectrum_listener_accuracy"] == measured["spectrum_trios_accuracy"] == 1
    assert measured["earth_mover_twin_moved"] == 0


def test_every_figure_has_a_measure(measured):
    assert all(measure_of(f"ear/{name}") for name in measured)


def test_melodies_of_other_pictures_tell_nothing(melodies, images):
    order = np.random.default_rng(0).permutation(30)
    twins = MovedTwins(melodies, melodies[order])
    measured = ear_measures(melodies[order], images, LABELS, twins=twins, options=FEW)
    for ear in FEW.distances:
        assert abs(measured[f"{ear}_rank_correlation"]) < 0.25, ear
        assert measured[f"{ear}_precision_at_10"] < 0.5, ear
    assert measured["blurred_roll_twin_moved"] > 0.6
    assert measured["spectrum_listener_accuracy"] < 0.7


def test_a_sample_is_the_same_for_pictures_labels_and_melodies(melodies, images):
    measured = ear_measures(melodies, images, LABELS, options=EarOptions(("opti3",), most=24))
    assert measured["opti3_precision_at_1"] == measured["spectrum_listener_accuracy"] == 1
    assert not any("twin" in name for name in measured)


def test_a_listener_is_asked_about_classes_that_are_there(melodies, images):
    two = np.flatnonzero(LABELS < 2)
    found = ear_measures(
        np.tile(melodies[two], (2, 1)), images[two].repeat(2, 1, 1, 1), LABELS[two].repeat(2)
    )
    assert "opti3_precision_at_1" in found
    assert not any("listener" in name for name in found)
    heard = np.eye(3)[LABELS.numpy() % 3]
    shifted = listener_measures("spectrum", heard, LABELS + 5)  # no 0, 1 or 4
    assert shifted["spectrum_listener_accuracy"] == 1


def test_several_labels_a_picture_are_heard(melodies, images, measured):
    one_hot = torch.eye(3, dtype=torch.bool)[LABELS]
    assert ear_measures(melodies, images, one_hot, options=FEW) == {
        name: value for name, value in measured.items() if "twin" not in name
    }
    every_second = torch.arange(30)[:, None] % 2 == 0  # a label that no melody tells
    both = ear_measures(melodies, images, torch.cat([one_hot, every_second], 1), options=FEW)
    assert 0.5 < both["opti3_precision_at_1"] < 1
    assert all(measure_of(f"ear/{name}") for name in both)
    nothing_alone = ear_measures(melodies, images, torch.ones(30, 3, dtype=torch.bool))
    assert not any("listener" in name or "precision" in name for name in nothing_alone)


def test_floor_and_ceiling_are_beside_it(images, measured):
    beside = measures_beside(images, images.flatten(1).float(), LABELS)
    for score in ("precision_at_1", "precision_at_10", "rank_correlation", "trustworthiness"):
        assert beside[f"floor/{score}"] == pytest.approx(beside[f"visual/{score}"], abs=1e-3)
        assert beside[f"chance/{score}"] < beside[f"floor/{score}"]
    table = ear_table({f"ear/{name}": value for name, value in measured.items()} | beside)
    assert {"ear/opti3", "ear/spectrum", "floor", "visual", "chance"} <= {*table.index}
    assert table.loc["ear/opti3", "precision@1"] == "1.000"
    assert table.loc["floor", "listener"] == ""


def test_twins_are_the_melodies_of_pictures_moved_by_a_pixel(images):
    torch.manual_seed(0)
    model = SynVae(SynVaeConfig(visual_config(28, latent_dim=8)), MelodyVae(MIXER)).eval()
    melodies = model.listen(images.float() / 255).numpy()
    still = torch.zeros_like(images)
    twins = moved_twins(model, images, melodies, EarOptions(twins=7))
    assert twins.melodies.shape == twins.moved.shape == (7, 32)
    assert {row.tobytes() for row in twins.melodies} <= {row.tobytes() for row in melodies}
    same = moved_twins(model, still, model.listen(still.float()).numpy())
    assert np.array_equal(same.melodies, same.moved)


def test_pictures_of_one_class_and_few_pictures_have_no_such_figures(melodies, images):
    one = ear_measures(melodies, images, torch.zeros(30, dtype=torch.long))
    assert "opti3_rank_correlation" in one
    assert not any("precision" in name or "spread" in name for name in one)
    with pytest.raises(TooFewError, match="21 test pictures or more: got 20"):
        ear_measures(melodies[:20], images[:20], LABELS[:20])


def test_a_listener_tells_classes_by_their_look_when_it_is_performed(melodies):
    shades = torch.tensor([20, 125, 230])[LABELS].to(torch.uint8)
    images = shades.view(30, 1, 1, 1).expand(30, 1, 28, 28)
    same = np.repeat(melodies[:1], 30, 0)
    options = EarOptions(("earth_mover", "sound"))
    measured = performed_measures(same, images, LABELS, options=options)
    assert measured["look"]["look_trios_accuracy"] == 1
    assert measured["performed"]["spectrum_trios_accuracy"] == 1
    assert measured["performed"]["earth_mover_precision_at_1"] == 1
    off = ear_measures(same, images, LABELS, options=options)
    assert off["spectrum_trios_accuracy"] < 0.7
    assert all(measure_of(f"{part}/{name}") for part in measured for name in measured[part])


def test_one_melody_for_all_pictures_is_at_no_distance_from_its_twin(melodies, images):
    same = np.repeat(melodies[:1], 30, 0)
    measured = ear_measures(same, images, LABELS, twins=MovedTwins(same, same))
    assert measured["blurred_roll_rank_correlation"] == 0
    assert "blurred_roll_twin_moved" not in measured
