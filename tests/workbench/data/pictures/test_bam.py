import pickle

import numpy as np
import pytest
import torch
from picture_files import smooth_picture, write_bam
from PIL import Image

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.bam import BAM_LABELS, load_bam
from synvae_workbench.data.pictures.types import random_crops

NAMES = "wood\nwater\nfire\n"


def one_hot(n, classes=3):
    return np.eye(classes, dtype=np.float32)[np.arange(n) % classes]


def by_id(pictures):
    """Every picture's label, by id."""
    return {
        name: label.tolist()
        for split in (pictures.train, pictures.validation, pictures.test)
        for name, label in zip(split.ids, split.labels, strict=True)
    }


def load(folder, **settings):
    return load_bam(PictureOptions(folder=folder, **{"cache": False} | settings))


def test_pictures_are_the_ones_that_pillow_reads(tmp_path):
    paths = {path.stem: path for path in write_bam(tmp_path, one_hot(60), names=NAMES)}
    pictures = load(tmp_path)
    assert [len(split.ids) for split in pictures[3:6]] == [48, 6, 6]
    for split in (pictures.train, pictures.validation, pictures.test):
        assert sorted(split.ids) == split.ids
        for image, name in zip(split.images, split.ids, strict=True):
            with Image.open(paths[name]) as reference:
                width, height = reference.size
                left, top = (width - 64) // 2, (height - 64) // 2
                square = reference.crop((left, top, left + 64, top + 64))
            assert np.array_equal(image.permute(1, 2, 0), np.asarray(square))
    assert pictures.validation.strips is None
    assert pictures.test.strips is None


def test_strips_hold_whole_pictures(tmp_path):
    paths = {path.stem: path for path in write_bam(tmp_path, one_hot(60), names=NAMES)}
    train = load(tmp_path).train
    pixels, lengths, upright = train.strips
    assert pixels.shape[1:] == (3, 64, lengths.max())
    for i, name in enumerate(train.ids):
        reference = np.asarray(Image.open(paths[name]))
        assert upright[i] == (reference.shape[0] > reference.shape[1])
        strip = pixels[i].permute(2, 1, 0) if upright[i] else pixels[i].permute(1, 2, 0)
        used = strip[: reference.shape[0], : reference.shape[1]]
        assert lengths[i] == max(reference.shape[:2])
        assert np.array_equal(used, reference)
        assert not pixels[i, :, :, lengths[i] :].any()


def test_crops_lie_within_the_pictures(tmp_path):
    paths = {path.stem: path for path in write_bam(tmp_path, one_hot(30), names=NAMES)}
    train = load(tmp_path).train
    crops = random_crops(*train.strips, torch.Generator().manual_seed(0))
    for crop, name in zip(crops, train.ids, strict=True):
        reference = torch.from_numpy(np.asarray(Image.open(paths[name])).copy()).permute(2, 0, 1)
        windows = reference.unfold(1, 64, 1).unfold(2, 64, 1).flatten(1, 2)
        assert (windows.transpose(0, 1) == crop).flatten(1).all(1).any()


def test_middle_of_a_long_picture_is_kept(tmp_path):
    write_bam(tmp_path, one_hot(6), names=NAMES)
    ramp = np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (64, 1, 3))
    for name in range(100, 106):
        Image.fromarray(ramp).save(tmp_path / "img" / f"{name}.jpg", quality=100, subsampling=0)
    train = load(tmp_path, validation=1, test=1).train
    assert train.strips.lengths.tolist() == [140] * 4
    assert (train.strips.pixels[0, 0, 0].int() - torch.arange(30, 170)).abs().max() <= 2
    assert (train.images[0, 0, 0].int() - torch.arange(68, 132)).abs().max() <= 2


def test_rows_follow_the_numbers_of_the_pictures(tmp_path):
    write_bam(tmp_path, one_hot(12, 12), first=95, names="\n".join("abcdefghijkl"))
    assert by_id(load(tmp_path)) == {str(95 + i): i for i in range(12)}


def test_folders_of_train_and_test_are_kept_apart(tmp_path):
    write_bam(tmp_path / "train", one_hot(20), names=NAMES)
    write_bam(tmp_path / "test", one_hot(8), first=500, names=NAMES)
    pictures = load(tmp_path, validation=5)
    assert pictures.test.ids == [str(500 + i) for i in range(8)]
    assert sorted(pictures.train.ids + pictures.validation.ids) == [str(100 + i) for i in range(20)]
    assert len(pictures.validation.ids) == 5
    assert pictures.classes == ("wood", "water", "fire")
    with pytest.raises(ValueError, match="test pictures of its own: draw none for test"):
        load(tmp_path, test=3)
    assert load(tmp_path, test=0.1).test.ids == pictures.test.ids  # a share is of what is missing


def test_validation_moves_with_the_seed_and_little_else(tmp_path):
    write_bam(tmp_path, one_hot(60), names=NAMES)
    first, again, other = load(tmp_path), load(tmp_path), load(tmp_path, seed=1)
    assert first.validation.ids == again.validation.ids != other.validation.ids
    (tmp_path / "img" / "100.jpg").unlink()
    np.save(tmp_path / "labels.npy", one_hot(60)[1:])
    fewer = load(tmp_path)
    assert len(set(fewer.test.ids) ^ set(first.test.ids)) <= 2
    assert load(tmp_path, validation=0.3).test.ids == fewer.test.ids


UNCERTAIN = np.array([[1, 0, 0.5], [0, 1, 0], [0.5, 0.5, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]])


@pytest.mark.parametrize(
    ("uncertain", "expected"),
    [
        ("up", ["101", "010", "110", "111", "000", "100"]),
        ("down", ["100", "010", "000", "111", "000", "100"]),
        ("drop", [None, "010", None, "111", "000", "100"]),
    ],
)
def test_uncertain_labels_are_what_one_says(tmp_path, uncertain, expected):
    write_bam(tmp_path, UNCERTAIN, names=NAMES)
    pictures = load(tmp_path, uncertain=uncertain, validation=1, test=1)
    assert pictures.multi_label
    assert pictures.classes == ("wood", "water", "fire")
    found = {name: "".join(str(int(x)) for x in row) for name, row in by_id(pictures).items()}
    assert found == {str(100 + i): bits for i, bits in enumerate(expected) if bits}
    combined = load(tmp_path, uncertain=uncertain, validation=1, test=1, combine=True)
    assert not combined.multi_label
    names = {
        name: {"wood": "1" in bits[0], "water": "1" in bits[1], "fire": "1" in bits[2]}
        for name, bits in found.items()
    }
    assert {name: combined.classes[label] for name, label in by_id(combined).items()} == {
        name: "+".join(key for key, value in row.items() if value) or "none"
        for name, row in names.items()
    }
    assert set(by_id(combined).values()) == set(range(len(combined.classes)))


def test_one_label_each_is_a_plain_class_even_if_some_are_unused(tmp_path):
    write_bam(tmp_path, one_hot(12)[:, [0, 1, 2, 2]] * [1, 1, 1, 0], names=NAMES + "air\n")
    for combine in (False, True):
        pictures = load(tmp_path, combine=combine)
        assert not pictures.multi_label
        assert pictures.classes == ("wood", "water", "fire", "air")
        assert by_id(pictures) == {str(100 + i): i % 3 for i in range(12)}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])  # as editors on Windows write them
def test_names_may_begin_with_a_byte_order_mark(tmp_path, encoding):
    write_bam(tmp_path, one_hot(12))
    (tmp_path / "labels.txt").write_bytes(NAMES.encode(encoding))
    assert load(tmp_path).classes == ("wood", "water", "fire")


def test_names_of_bam_and_a_choice_of_them(tmp_path):
    values = np.zeros((12, 15))
    values[np.arange(12), 9 + np.arange(12) % 4] = 1
    values[:, 14] = 0.5
    write_bam(tmp_path, values)
    assert load(tmp_path, uncertain="up").classes == BAM_LABELS
    emotions = load(tmp_path, only="emotion_", uncertain="drop")
    assert emotions.classes == BAM_LABELS[9:13]
    assert len(by_id(emotions)) == 12
    with pytest.raises(ValueError, match="no label that begins with 'x_'"):
        load(tmp_path, only="x_")


def test_other_sizes_are_scaled_to(tmp_path):
    write_bam(tmp_path, one_hot(12), names=NAMES)
    train = load(tmp_path, size=32).train
    assert train.images.shape[1:] == (3, 32, 32)
    assert train.strips.pixels.shape[2] == 32
    assert train.strips.lengths.max() <= 70


class TestBroken:
    def test_a_truncated_picture_is_named_or_skipped(self, tmp_path):
        paths = write_bam(tmp_path, one_hot(40), names=NAMES)
        for i in (3, 17):
            paths[i].write_bytes(paths[i].read_bytes()[:-300])
        with pytest.raises(ValueError, match=r'1(03|17)\.jpg.*truncated.*broken="skip"'):
            load(tmp_path)
        pictures = load(tmp_path, broken="skip", validation=4, test=4)
        assert sorted(pictures.skipped) == ["img/103.jpg", "img/117.jpg"]
        assert by_id(pictures) == {str(100 + i): i % 3 for i in range(40) if i not in (3, 17)}
        whole = load_whole_without(tmp_path, paths)
        order = {name: i for i, name in enumerate(whole.train.ids)}
        kept = [order[name] for name in pictures.train.ids if name in order]
        here = [i for i, name in enumerate(pictures.train.ids) if name in order]
        assert len(kept) > 20
        assert torch.equal(pictures.train.images[here], whole.train.images[kept])
        lengths = pictures.train.strips.lengths
        assert torch.equal(lengths[here], whole.train.strips.lengths[kept])
        stored = min(pictures.train.strips.pixels.shape[3], whole.train.strips.pixels.shape[3])
        assert torch.equal(
            pictures.train.strips.pixels[here][..., :stored],
            whole.train.strips.pixels[kept][..., :stored],
        )

    @pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
    @pytest.mark.parametrize("what", ["empty", "text", "folder", "link", "bomb"])
    def test_what_is_no_picture_is_said(self, tmp_path, what, monkeypatch):
        path = write_bam(tmp_path, one_hot(12), names=NAMES)[5]
        if what == "bomb":
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64 * 3)
            smooth_picture(64, 200).save(path)
            expected = "64 x 200 pixels"
        else:
            path.unlink()
        if what == "empty":
            path.touch()
            expected = "is empty"
        elif what == "text":
            path.write_text("a picture of a cat", encoding="utf-8")
            expected = "not in a picture format"
        elif what == "folder":
            path.mkdir()
            expected = "is a folder"
        elif what == "link":
            path.symlink_to("/etc/hosts")
            expected = "a link that leads out"
        with pytest.raises(ValueError, match=rf"105\.jpg.*{expected}.*skip"):
            load(tmp_path)
        pictures = load(tmp_path, broken="skip")
        assert pictures.skipped == ("img/105.jpg",)
        assert by_id(pictures) == {str(100 + i): i % 3 for i in range(12) if i != 5}

    def test_a_missing_picture_is_a_missing_row(self, tmp_path):
        write_bam(tmp_path, one_hot(12), names=NAMES)[5].unlink()
        with pytest.raises(ValueError, match="12 rows for the 11 pictures"):
            load(tmp_path)

    def test_where_there_is_nothing_it_says_how_to_ask(self, tmp_path):
        for folder in (tmp_path, tmp_path / "none"):
            with pytest.raises(ValueError, match=r"img/<MID>\.jpg.*bam-dataset\.org"):
                load(folder)

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.full((6, 3), 0.7), "0.7 in row 0, column 0"),
            (np.full((6, 3), np.nan), "nan in row 0"),
            (np.zeros(6), r"shape \(6,\)"),
            (np.array([["a"] * 3] * 6), "shape"),
        ],
    )
    def test_other_labels_are_refused(self, tmp_path, values, expected):
        write_bam(tmp_path, one_hot(6), names=NAMES)
        np.save(tmp_path / "labels.npy", values)
        with pytest.raises(ValueError, match=rf"labels\.npy.*{expected}"):
            load(tmp_path)

    def test_pickles_are_never_opened(self, tmp_path):
        write_bam(tmp_path, one_hot(6), names=NAMES)
        marker = tmp_path / "executed"
        np.save(tmp_path / "labels.npy", np.array([[Touch(marker)]], object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"labels\.npy is no array of numbers"):
            load(tmp_path)
        (tmp_path / "labels.npy").write_bytes(pickle.dumps(Touch(marker)))
        with pytest.raises(ValueError, match=r"labels\.npy is no array of numbers"):
            load(tmp_path)
        assert not marker.exists()

    def test_a_header_cannot_ask_for_all_memory(self, tmp_path):
        write_bam(tmp_path, one_hot(6), names=NAMES)
        content = (tmp_path / "labels.npy").read_bytes()
        content = content.replace(b"(6, 3), }        ", b"(60000000000,3),}")
        (tmp_path / "labels.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r"labels\.npy is no array"):
            load(tmp_path)

    @pytest.mark.parametrize("names", ["a\nb\n", "a\nb\nb\n", None])
    def test_names_must_fit(self, tmp_path, names):
        write_bam(tmp_path, one_hot(6), names=names)
        with pytest.raises(ValueError, match=r"labels\.txt"):
            load(tmp_path)

    def test_a_name_that_is_no_number_is_refused(self, tmp_path):
        paths = write_bam(tmp_path, one_hot(6), names=NAMES)
        paths[0].rename(tmp_path / "img" / "cover.jpg")
        with pytest.raises(ValueError, match=r"cover\.jpg has a name that is no number"):
            load(tmp_path)


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (self.path.touch, ())


def load_whole_without(folder, paths):
    """The same pictures, the broken ones replaced."""
    for i in (3, 17):
        smooth_picture(64, 64).save(paths[i])
    return load(folder, validation=4, test=4)


@pytest.mark.data
def test_the_paintings_are_there(data_folder, tmp_path):
    pictures = load_bam(PictureOptions(folder=data_folder / "paintings", size=16, cache=tmp_path))
    assert len(pictures.train.ids) + len(pictures.validation.ids) == 7350
    assert torch.bincount(pictures.test.labels).tolist() == [150] * 7
    assert not pictures.multi_label
    assert pictures.skipped == ()
