"""Melodies of known pictures: heard in pieces, kept, never taken from a file that is not ours."""

import numpy as np
import pytest
import torch
from spoken_models import small_synvae

from synvae_core.metrics.melody_distances import blurred_roll_distances
from synvae_workbench.live.known_melodies import KnownMelodies

torch.manual_seed(0)
IMAGES = (255 * torch.rand(10, 1, 28, 28)).to(torch.uint8)


@pytest.fixture(scope="module")
def model():
    return small_synvae()


def stored(folder):
    (path,) = folder.glob("melodies-*.npz")
    return path


def test_pieces_are_heard_as_all_at_once_and_kept(model, tmp_path):
    known = KnownMelodies(model, IMAGES, cache=tmp_path)
    known.hear_more(3)
    assert (known.heard, known.complete) == (3, False)
    assert not [*tmp_path.iterdir()], "half of the melodies are none"
    with pytest.raises(ValueError, match="3 of 10 pictures were listened to"):
        known.nearest(np.zeros(32, np.int64), k=3)
    melodies = known.hear_all()
    assert np.array_equal(melodies, model.listen(IMAGES / 255).numpy())
    again = KnownMelodies(model, IMAGES, cache=tmp_path)
    assert again.complete
    assert np.array_equal(again.hear_all(), melodies)


def test_another_model_and_other_pictures_have_melodies_of_their_own(model, tmp_path):
    KnownMelodies(model, IMAGES, cache=tmp_path).hear_all()
    assert KnownMelodies(model, IMAGES[:9], cache=tmp_path).heard == 0
    assert KnownMelodies(model, IMAGES.flip(0), cache=tmp_path).heard == 0
    other = small_synvae()
    with torch.no_grad():
        other.image_encoder.mu.bias += 0.1
    assert KnownMelodies(other, IMAGES, cache=tmp_path).heard == 0


def test_those_that_sound_alike_are_near_by_their_blurred_rolls(model, tmp_path):
    known = KnownMelodies(model, IMAGES, cache=tmp_path)
    melodies = known.hear_all()
    distances = blurred_roll_distances(melodies)[4]
    nearest = known.nearest(melodies[4], k=3, without=4)
    assert 4 not in nearest
    assert distances[nearest].tolist() == sorted(np.delete(distances, 4))[:3]
    assert len(known.nearest(melodies[4], k=99)) == 10


HOSTILE = {
    "no file of numpy": b"PK\x03\x04 and nothing more",
    "another array": {"melodies": np.zeros((10, 32), np.int64)},
    "too few": {"events": np.zeros((9, 32), np.int64)},
    "too long": {"events": np.zeros((10, 33), np.int64)},
    "no integers": {"events": np.zeros((10, 32))},
    "objects": {"events": np.full((10, 32), None)},
    "unknown ids": {"events": np.full((10, 32), 10_000)},
    "too large for an id": {"events": np.full((10, 32), 2**64 - 1, np.uint64)},
    "not as a file reads": {"events": np.tile([0, 1], (10, 16))},
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_cannot_be_ours_is_replaced(model, tmp_path, content):
    melodies = KnownMelodies(model, IMAGES, cache=tmp_path).hear_all()
    if isinstance(content, bytes):
        stored(tmp_path).write_bytes(content)
    else:
        np.savez(stored(tmp_path), **content)
    known = KnownMelodies(model, IMAGES, cache=tmp_path)
    assert known.heard == 0
    assert np.array_equal(known.hear_all(), melodies)
    assert KnownMelodies(model, IMAGES, cache=tmp_path).complete


def test_a_cache_that_cannot_be_written_is_no_fault(model, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    known = KnownMelodies(model, IMAGES, cache=tmp_path / "file")
    assert len(known.hear_all()) == 10
