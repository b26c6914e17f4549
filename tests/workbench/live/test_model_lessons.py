"""Lessons of a model: photographs as they look, and classes as they sound in training pictures."""

import numpy as np
import pytest
import torch
from spoken_models import small_synvae

from synvae_core.looks import HUES, Look
from synvae_core.models.synvae import SynVae, SynVaeConfig
from synvae_core.models.visual import visual_config
from synvae_core.music.performance import performance_words
from synvae_workbench.live.model_lessons import (
    LessonSize,
    hue_gallery,
    look_channels,
    photograph_lesson,
)

LOOKS = np.array([[0, 0, 0, 0], [0, 2, 0, 0], [5, 0, 0, 0], [5, 0, 2, 0], [1, 1, 1, 2]])


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path))


def test_a_grey_model_gives_no_lesson_on_photographs():
    with pytest.raises(ValueError, match="needs a model of colour pictures"):
        photograph_lesson(small_synvae(), LessonSize())


def test_of_looks_the_levels_are_taught_and_the_families_only_kept_alike():
    channels = look_channels(LOOKS)
    assert [each.title for each in channels if each.taught] == [
        "Dark and low or light and high",
        "Flat and soft or high contrast and loud",
        "Calm and slow or busy and fast",
    ]
    assert {each.more for each in channels if not each.taught} == {"grey", "red", "blue"}
    assert channels[0].values.tolist() == [0, 2, 0, 0, 1]


def test_a_gallery_has_one_picture_of_each_family():
    names = ["a", "b", "c", "d", "e"]
    gallery = hue_gallery(LOOKS, names)
    found = {HUES[LOOKS[index, 0]]: told for index, told in gallery.examples}
    assert found.keys() == {"grey", "red", "blue"}
    assert found["blue"] == "blue, cello: c"
    assert hue_gallery(LOOKS[:2], names[:2]) is None


def test_photographs_are_played_as_they_look():
    torch.manual_seed(0)
    music = small_synvae().music
    visual = visual_config(32, latent_dim=music.config.latent_dim)
    model = SynVae(SynVaeConfig(visual, takes=1, performance=True), music).eval()
    lesson = photograph_lesson(model, LessonSize(questions=4))
    looks = model.looks(torch.from_numpy(lesson.images).float() / 255)
    assert lesson.remarks == [performance_words(Look(*row)) for row in looks.tolist()]
    assert lesson.gallery is not None
    taught = {lesson.channels[pair.channel].more for pair in lesson.pairs}
    assert {"light and high", "high contrast and loud", "busy and fast"} <= taught
    for pair in lesson.pairs:
        less, more = looks[pair.less], looks[pair.more]
        if lesson.channels[pair.channel].more == "busy and fast":
            slow, fast = lesson.play(pair.less), lesson.play(pair.more)
            assert less[3] < more[3]
            assert len(slow) > len(fast), "the same number of bars"
