"""Sliders of the packaged faces: their names are true of faces that the model has not seen."""

import pytest
import torch

from synvae_core.metrics.picture_attributes import face_attributes
from synvae_workbench.data.registry import FaceOptions, load_faces
from synvae_workbench.evaluation.picture_sliders import WORDS, picture_sliders
from synvae_workbench.evaluation.sliders import LEAST_CONSISTENCY, REACH
from synvae_workbench.live.faces import fit_faces
from synvae_workbench.training.pictures import to_unit


@pytest.fixture(scope="module")
def faces():
    found = load_faces("lfw_subset", FaceOptions())
    train, validation = (to_unit(each.images) for each in (found.train, found.validation))
    model = fit_faces(train, dimensions=64)
    return model, validation, picture_sliders(model, validation)


def test_names_are_true_of_unseen_faces_and_each_moves_what_it_names_most(faces):
    model, unseen, sliders = faces
    names = {words[0]: name for name, words in WORDS.items()}
    shown = [each.trait.more for each in sliders]
    assert {"lighter", "lighter background", "darker hair", "turned to the right"} <= set(shown)
    with torch.no_grad():
        mu = model.posterior(unseen).mu
        drawn = model.draw(torch.randn(300, 64, generator=torch.Generator().manual_seed(9)))
        spread = {name: values.std() for name, values in face_attributes(drawn).items()}
        for each in sliders:
            assert each.consistency >= LEAST_CONSISTENCY
            low, high = (face_attributes(model.draw(each.move(mu, end))) for end in (-REACH, REACH))
            own = names[each.trait.more]
            assert ((high[own] > low[own]).float().mean()).item() == pytest.approx(each.consistency)
            if own in ("light", "light at the sides", "dark at the top", "axis"):
                moved = {n: ((high[n] - low[n]).mean() / spread[n]).abs() for n in WORDS}
                assert max(moved, key=moved.get) == own


def test_directions_are_orthonormal_and_the_same_each_time(faces):
    model, unseen, sliders = faces
    ways = torch.stack([each.direction for each in sliders])
    torch.testing.assert_close(ways @ ways.T, torch.eye(len(ways)), atol=1e-4, rtol=0)
    again = torch.stack([each.direction for each in picture_sliders(model, unseen)])
    assert torch.equal(ways, again)


def test_a_name_that_is_not_true_is_not_given(faces):
    _, unseen, _ = faces
    with torch.no_grad():
        blind = fit_faces(unseen, dimensions=4)  # as good as nothing
        blind.linear.weight.zero_()
    assert picture_sliders(blind, unseen) == []
