"""The faces of notebook 44: what the page may ask for, and what it is told."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from synvae_core.models.faces import FaceConfig, FaceVae
from synvae_workbench.data.pictures.computed_labels import find_face
from synvae_workbench.live.explore_faces import (
    STOPS,
    FacesPage,
    FaceState,
    code_of,
    describe_page,
    requested_state,
    state_message,
    walk_message,
)
from synvae_workbench.live.faces import FRAMES, FaceBench, crop_face, fit_faces

SIDE = 16


def faces_like(count, seed=0):
    """Blobs of light that vary along few directions."""
    generator = torch.Generator().manual_seed(seed)
    line = torch.linspace(-1, 1, SIDE)
    round_ = (-3 * (line[:, None] ** 2 + line**2)).exp()
    parts = torch.stack([round_, line.expand(SIDE, SIDE), line[:, None].expand(SIDE, SIDE)])
    mixed = torch.einsum("nk,khw->nhw", 0.12 * torch.randn(count, 3, generator=generator), parts)
    grain = 0.02 * torch.randn(count, SIDE, SIDE, generator=generator)
    return (0.4 + mixed + grain)[:, None].clamp(0, 1)


@pytest.fixture(scope="module")
def bench():
    train = faces_like(40)
    return FaceBench(fit_faces(train, dimensions=8), train, faces_like(9, seed=1))


@pytest.fixture
def page(bench):
    made = FacesPage(bench)
    made.told = []
    made.send = lambda content, buffers=None: made.told.append((content, buffers))
    yield made
    made.close()


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_a_model_made_on_the_spot_is_principal_components(bench):
    model = bench.model
    gram = model.linear.weight.T @ model.linear.weight
    torch.testing.assert_close(gram, gram.diag().diag(), atol=1e-3, rtol=0)
    error = bench.errors.mean()
    mean = (faces_like(9, seed=1) - bench.train.mean(0)).square().flatten(1).sum(1).mean()
    assert error < 0.5 * mean


def test_a_slider_moves_one_value_and_as_it_was_takes_it_back(bench):
    assert bench.sliders
    state = FaceState(bench.known[2])
    asked = requested_state(state, {"kind": "change", "changes": {"0": 9.0}}, [], bench)
    before, after = (
        [each.value(code_of(bench, s)).item() for each in bench.sliders] for s in (state, asked)
    )
    assert after[0] == pytest.approx(3.0, abs=1e-4), "no further than the slider goes"
    assert after[1:] == pytest.approx(before[1:], abs=1e-4)
    assert requested_state(asked, {"kind": "as it was"}, [], bench) == state


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"kind": "choose", "index": 9},
        {"kind": "choose", "index": -1},
        {"kind": "choose", "index": "0"},
        {"kind": "new", "seed": -1},
        {"kind": "change", "changes": {"99": 1.0}},
        {"kind": "change", "changes": {"0": float("nan")}},
        {"kind": "change", "changes": {"0": "1"}},
        {"kind": "upload", "name": "a.png"},
    ],
)
def test_what_a_page_sends_is_not_trusted(bench, page, content):
    with pytest.raises(ValueError, match="should not"):
        requested_state(FaceState(bench.known[0]), content, [], bench)
    page._handle_custom_msg(content, [])
    assert page.told[-1][0]["said"].startswith("Not used: ")


def test_the_nearest_training_face_stands_beside_a_copy_and_is_said_to(bench):
    copied = bench.known[0]._replace(z=bench.model.posterior(bench.train[3:4]).mu[0].detach())
    content, buffers = state_message(bench, FaceState(copied))
    assert content["nearest"].startswith("training face 4, ")
    assert len(buffers) == 3 and all(len(each) == SIDE * SIDE for each in buffers)
    shown = np.frombuffer(buffers[1], np.uint8).reshape(SIDE, SIDE)
    near = (255 * bench.train[3, 0]).round().numpy()
    assert np.array_equal(shown, near) or np.array_equal(shown, near[:, ::-1])
    json.dumps([content, describe_page(bench)])


def test_ones_own_picture_is_projected_and_a_face_in_it_cut_out(bench, page):
    page._handle_custom_msg({"kind": "upload", "name": "me.png"}, [png(astronaut())])
    content, buffers = page.told[-1]
    assert "A face was found in me.png" in content["remark"] and content["known"] is None
    x, y, side = find_face(astronaut())
    middle = crop_face(astronaut(), (x, y, side), (1, SIDE, SIDE))
    assert np.array_equal(np.frombuffer(buffers[2], np.uint8), middle.ravel())
    board = (np.indices((16, 40, 3)).sum(0) % 2 * 255).astype(np.uint8)
    page._handle_custom_msg({"kind": "upload", "name": "<b>.png"}, [png(board)])
    remark = page.told[-1][0]["remark"]
    assert remark.startswith("No face was found in <b>.png") and "at most" in remark
    page._handle_custom_msg({"kind": "upload", "name": "a.png"}, [b"no picture"])
    assert page.told[-1][0]["said"].startswith("Not used: a.png is no PNG")


@pytest.mark.parametrize("shape", [(1, SIDE, SIDE), (3, 20, 20)])
@pytest.mark.parametrize("face", [None, (1.0, 2.0, 30.0), (59.0, 39.0, 500.0)])
def test_a_crop_stays_in_the_picture_whatever_the_face(shape, face):
    pixels = np.random.default_rng(0).integers(90, 160, (40, 60, 3), np.uint8)
    found = crop_face(pixels, face, shape)
    assert found.shape == shape and found.dtype == np.uint8
    assert found.min() > 50, "no black from outside"


def test_a_walk_begins_with_what_is_shown_and_goes_through_others(bench, page):
    state = FaceState(bench.known[8], {0: 2.0})
    content, buffers = walk_message(bench, state)
    assert content["stops"][0] == "Held-out face 9, changed"
    assert content["stops"][1] == "Held-out face 1" and len(set(content["stops"])) == STOPS
    assert content["frames"] == len(content["rows"]) == STOPS * FRAMES
    frames = np.frombuffer(buffers[0], np.uint8).reshape(-1, SIDE, SIDE)
    first = bench.draw(code_of(bench, state)[None])[0, 0]
    assert np.abs(frames[0] - 255 * first.numpy()).max() <= 1
    page._handle_custom_msg({"kind": "walk"}, [])
    assert page.told[-1][0]["kind"] == "walk"


def test_pictures_of_another_shape_are_refused(bench):
    torch.manual_seed(0)
    other = FaceVae(FaceConfig(32, 1, 4, 0)).eval()
    with pytest.raises(ValueError, match="the model draws pictures"):
        FaceBench(other, bench.train, bench.train)
