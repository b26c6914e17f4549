import numpy as np
import pytest
from PIL import Image

from synvae_workbench.data.pictures.kind import DIGIT, PAINTING, PHOTOGRAPH
from synvae_workbench.live.gallery import MOST, THUMBNAIL, examples_of


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder for data sets, which has none yet."""
    monkeypatch.setenv("SYNVAE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_there_are_digits_and_whole_photographs_without_a_data_set(places):
    digits = examples_of(DIGIT)
    assert digits.thumbnails.shape == (MOST, 1, 28, 28)
    photographs = examples_of(PHOTOGRAPH)
    assert "A cat" in photographs.captions
    assert all(len(each) == 3 for each in photographs.originals)
    assert len({each.shape for each in photographs.originals[:6]}) > 1, "in their own shapes"
    expected = (len(photographs.captions), 3, THUMBNAIL, THUMBNAIL)
    assert photographs.thumbnails.shape == expected


def test_where_there_are_no_paintings_photographs_stand_in_and_are_called_that(places):
    assert examples_of(PAINTING).kind == PHOTOGRAPH


def test_test_paintings_are_shown_where_the_set_is(places):
    for part in ("train", "test"):
        (places / "paintings" / part / "img").mkdir(parents=True)
        np.save(places / "paintings" / part / "labels.npy", np.zeros((1, 7)))
    picture = Image.fromarray(np.full((64, 100, 3), 90, np.uint8))
    picture.save(places / "paintings" / "test" / "img" / "100001.jpg")
    found = examples_of(PAINTING)
    assert (found.kind, found.captions) == (PAINTING, ["Test painting 100001"])
    assert found.originals[0].shape == (3, 64, 100)
