import shutil

import numpy as np
import pytest
import torch
from picture_files import write_bam
from PIL import Image
from skimage.data import astronaut, coffee

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures import computed_labels
from synvae_workbench.data.pictures.computed_labels import (
    COMPUTED,
    colourfulness,
    find_face,
    has_face,
    lightness,
    load_computed,
)

STYLES = ("wood", "water")
EVERY = 30  # of the real paintings: to look for faces in all takes minutes
PORTRAIT, LANDSCAPE, COLOURFUL, DARK, LIGHT, FACE = COMPUTED


def plain(colour, width=64, height=64):
    return Image.fromarray(np.full((height, width, 3), colour, np.uint8))


def photograph(pixels):
    return np.asarray(Image.fromarray(pixels).resize((64, 64))).transpose(2, 0, 1)


PICTURES = {
    "100": (plain((0, 0, 0), 64, 90), {"wood", PORTRAIT, DARK}),
    "101": (plain((255, 255, 255), 90, 64), {"water", LANDSCAPE, LIGHT}),
    "102": (plain((255, 0, 0)), {"wood", COLOURFUL, DARK}),  # a luma of 0.3
    "103": (plain((128, 128, 128), 66, 64), {"water"}),  # near enough to a square for no format
    "104": (Image.fromarray(astronaut()[:220, 120:340]), {"wood", FACE}),
    "105": (plain((128, 128, 128)), {"water"}),
}


@pytest.fixture
def paintings(tmp_path):
    """Six pictures, whose labels are known, in the layout of BAM."""
    folder = tmp_path / "paintings"
    paths = write_bam(folder, np.tile(np.eye(2), (3, 1)), names="\n".join(STYLES))
    for path, (image, _) in zip(paths, PICTURES.values(), strict=True):
        image.save(path, quality=98, subsampling=0)
    return PictureOptions(folder=folder, cache=tmp_path / "cache", validation=1, test=2)


def label_sets(pictures):
    """Names of each picture's labels, by id."""
    return {
        name: {pictures.classes[i] for i in row.nonzero().flatten().tolist()}
        for split in (pictures.train, pictures.validation, pictures.test)
        for name, row in zip(split.ids, split.labels, strict=True)
    }


def test_labels_are_those_that_a_picture_shows(paintings):
    pictures = load_computed(paintings)
    assert pictures.multi_label
    assert pictures.classes == (*STYLES, *COMPUTED)
    assert [len(split.ids) for split in pictures[3:6]] == [3, 1, 2]
    found = label_sets(pictures)
    expected = {name: labels for name, (_, labels) in PICTURES.items()}
    assert found == expected


def test_faces_come_from_the_cache_the_second_time(paintings, monkeypatch):
    first = load_computed(paintings)
    monkeypatch.setattr(computed_labels, "has_face", None)
    again = load_computed(paintings)
    assert torch.equal(first.train.labels, again.train.labels)
    assert first.checksums == again.checksums


def test_each_set_of_labels_can_be_a_class(paintings):
    found = label_sets(load_computed(paintings))
    combined = load_computed(PictureOptions(**vars(paintings) | {"combine": True}))
    assert not combined.multi_label
    for split in (combined.train, combined.validation, combined.test):
        for name, label in zip(split.ids, split.labels, strict=True):
            assert set(combined.classes[label].split("+")) == found[name]


def test_labels_can_be_chosen_by_how_they_begin(paintings):
    chosen = load_computed(PictureOptions(**vars(paintings) | {"only": "computed: "}))
    assert set(chosen.classes) == set(COMPUTED)
    with pytest.raises(ValueError, match="no label begins with 'emotion'"):
        load_computed(PictureOptions(**vars(paintings) | {"only": "emotion"}))


def test_grey_pictures_are_refused(paintings):
    with pytest.raises(ValueError, match="in colour: leave channels= out"):
        load_computed(PictureOptions(**vars(paintings) | {"channels": 1}))


def test_a_broken_picture_is_refused_by_name_or_skipped(paintings):
    (paintings.folder / "img" / "101.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"101\.jpg"):
        load_computed(paintings)
    skipped = load_computed(PictureOptions(**vars(paintings) | {"broken": "skip"}))
    assert label_sets(skipped).keys() == PICTURES.keys() - {"101"}
    assert skipped.skipped == ("img/101.jpg",)


def test_colourfulness_is_that_of_the_paper():
    greys = np.repeat(np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8), 3, 1)
    red = np.zeros((1, 3, 2, 2), np.uint8)
    red[:, 0] = 255
    half = red.copy()
    half[..., 1] = 0  # the right half black
    found = colourfulness(np.concatenate([red, half]))
    assert colourfulness(greys) == 0
    means = np.hypot(255, 127.5)
    np.testing.assert_allclose(found, [0.3 * means, means / 2 + 0.3 * means / 2])


def test_lightness_is_luma():
    images = np.zeros((3, 3, 2, 2), np.uint8)
    images[1], images[2, 1] = 255, 255
    np.testing.assert_allclose(lightness(images), [0, 1, 0.587])


def test_the_place_of_a_face_is_that_in_the_whole_picture():
    x, y, side = find_face(astronaut())
    assert (x, y) == pytest.approx((224, 118), abs=12) and 80 < side < 140
    left, top, _ = find_face(astronaut()[20:300, 100:420])  # of another shape
    assert (left + 100, top + 20) == pytest.approx((x, y), abs=12)
    assert find_face(coffee()) is None


def test_a_face_is_found_and_none_where_there_is_none():
    person = photograph(astronaut()[:220, 120:340])
    assert has_face(person)
    assert has_face(person[:, :, ::-1])
    assert not has_face(photograph(coffee()[:400, :400]))


@pytest.fixture
def some_paintings(data_folder, tmp_path):
    """Every 30th of the real paintings, 36 to 48 of each style."""
    for part in ("train", "test"):
        real, folder = data_folder / "paintings" / part, tmp_path / "paintings" / part
        (folder / "img").mkdir(parents=True)
        paths = sorted((real / "img").iterdir(), key=lambda path: int(path.stem))
        for path in paths[::EVERY]:
            shutil.copy(path, folder / "img")
        np.save(folder / "labels.npy", np.load(real / "labels.npy")[::EVERY])
        shutil.copy(real / "labels.txt", folder)
    return PictureOptions(folder=tmp_path / "paintings", cache=tmp_path / "cache")


@pytest.mark.data
@pytest.mark.slow
def test_computed_labels_of_the_paintings(some_paintings):
    pictures = load_computed(some_paintings)
    carried = torch.cat([split.labels for split in pictures[3:6]])
    assert carried.shape == (280, 13)
    assert (carried[:, :7].sum(1) == 1).all()  # one style each
    found = dict(zip(pictures.classes[7:], carried[:, 7:].sum(0).tolist(), strict=True))
    assert (found[PORTRAIT], found[LANDSCAPE]) == (152, 109)
    # What is near a threshold may be on its other side with another decoder of JPEG.
    recorded = {COLOURFUL: 64, DARK: 57, LIGHT: 78, FACE: 29}
    assert {name: found[name] for name in recorded} == pytest.approx(recorded, abs=2)
    baroque = carried[:, 7:][carried[:, 1]].float().mean(0)
    assert baroque[COMPUTED.index(DARK)] == pytest.approx(27 / 48, abs=0.03)
