"""Faces: crops, splits that near-duplicates do not cross, and sets that are refused by name."""

import numpy as np
import pytest
import torch
from picture_files import smooth_picture
from PIL import Image

from synvae_workbench.data.catalogue import catalogue
from synvae_workbench.data.pictures import near_duplicates as comparing
from synvae_workbench.data.pictures.faces import LFW_SUBSET, find_faces
from synvae_workbench.data.pictures.near_duplicates import near_duplicates
from synvae_workbench.data.registry import FaceOptions, load_faces


def write(folder, n=12, size=(50, 70), first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + n):
        smooth_picture(*size, seed=i).save(folder / f"{i:02d}.png")


def parts(pictures):
    return pictures.train, pictures.validation, pictures.test


def test_packaged_faces_come_split_and_the_same_every_time():
    found, again = load_faces("lfw_subset"), load_faces("lfw_subset")
    assert [tuple(part.images.shape[1:]) for part in parts(found)] == [(1, 28, 28)] * 3
    assert sum(len(part.images) for part in parts(found)) == 100
    assert len(found.test.images) >= 15 and len(found.validation.images) >= 8
    assert len(set().union(*(part.ids for part in parts(found)))) == 100
    assert found.checksums == {"lfw_subset": LFW_SUBSET.sha256}
    for one, other in zip(parts(found), parts(again), strict=True):
        assert torch.equal(one.images, other.images) and one.ids == other.ids
    assert load_faces("lfw_subset", FaceOptions(seed=1)).test.ids != found.test.ids
    assert load_faces("lfw_subset", FaceOptions(size=64, channels=3)).test.images.shape[1:] == (
        3,
        64,
        64,
    )


def test_packaged_faces_are_those_of_scikit_image():
    (path,) = LFW_SUBSET.files()
    published = np.load(path)[:100]
    found = load_faces("lfw_subset", FaceOptions(size=25))
    for part in parts(found):
        rows = [int(name) for name in part.ids]
        difference = part.images[:, 0].numpy() / 255 - published[rows]
        assert np.abs(difference).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize("content", ["text", "other", "truncated"])
def test_a_damaged_package_is_refused_by_name(content, tmp_path, monkeypatch):
    (whole,) = LFW_SUBSET.files()
    path = tmp_path / "lfw_subset.npy"
    if content == "text":
        path.write_text("no array", encoding="utf-8")
    elif content == "other":
        np.save(path, np.zeros((200, 25, 25)))
    else:
        path.write_bytes(whole.read_bytes()[:1000])
    monkeypatch.setattr("synvae_workbench.data.sources.Source.files", lambda self: [path])
    with pytest.raises(ValueError, match="lfw_subset.npy .*pip install .* scikit-image"):
        load_faces("lfw_subset")


def test_a_crop_is_the_centre_or_the_upper_end(tmp_path):
    write(tmp_path, n=4)
    for name, size in {"upright": (40, 80), "lying": (80, 40), "square": (40, 40)}.items():
        picture = np.zeros((size[1], size[0], 3), np.uint8)
        picture[: size[1] // 4] = picture[:, : size[0] // 4] = 255  # above, and on the left
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    is_light = {}
    for crop in ("centre", "upper"):
        found = load_faces("folder", FaceOptions(folder=tmp_path, size=40, crop=crop, cache=False))
        for part in parts(found):
            for name, image in zip(part.ids, part.images, strict=True):
                is_light[crop, name.partition(".")[0]] = image[0] > 128
    assert is_light["upper", "upright"][:20].all()  # a quarter of 80 rows
    assert not is_light["upper", "upright"][20:, 10:].any()
    assert not is_light["centre", "upright"][:, 10:].any()
    for name in ("lying", "square"):
        assert torch.equal(is_light["upper", name], is_light["centre", name])
    assert not is_light["upper", "lying"][10:].any()


def test_near_duplicates_are_found_mirrored_or_lit_otherwise():
    pictures = [np.asarray(smooth_picture(40, 40, seed=i)) for i in range(6)]
    darker = (pictures[1] * 0.8).astype(np.uint8)
    flat = [np.full((40, 40, 3), value, np.uint8) for value in (0, 200)]
    all_of_them = [*pictures, pictures[0][:, ::-1], darker, *flat]
    images = torch.from_numpy(np.stack(all_of_them)).permute(0, 3, 1, 2)
    groups = near_duplicates(images)
    assert len(set(groups[:6])) == 6
    assert groups[6] == groups[0] and groups[7] == groups[1]
    assert groups[8] == groups[9] and groups[8] not in groups[:6]


def test_near_duplicates_stay_in_one_part_whatever_the_seed(tmp_path):
    write(tmp_path / "one")
    for i in range(12):  # each again, mirrored, elsewhere
        mirrored = smooth_picture(50, 70, seed=i).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        (tmp_path / "two").mkdir(exist_ok=True)
        mirrored.save(tmp_path / "two" / f"copy{i:02d}.jpg", quality=90)
    for seed in range(5):
        found = load_faces("folder", FaceOptions(folder=tmp_path, size=32, seed=seed, cache=False))
        for part in parts(found):
            originals = {name[4:6] for name in part.ids if name.startswith("one/")}
            copies = {name[8:10] for name in part.ids if name.startswith("two/")}
            assert originals == copies
        assert found.classes == ("one", "two")
        assert sum(len(part.ids) for part in parts(found)) == 24


def test_labels_are_the_folders_and_order_does_not_matter(tmp_path, monkeypatch):
    write(tmp_path / "faces" / "train")
    monkeypatch.setenv("SYNVAE_DATA", str(tmp_path))
    found = load_faces(
        "faces", FaceOptions(size=32, channels=1, test=2, validation=0.1, cache=False)
    )
    assert found.classes == ("all",)
    assert [len(part.ids) for part in parts(found)] == [9, 1, 2]
    assert found.train.images.shape == (9, 1, 32, 32)
    assert len(find_faces(tmp_path / "faces")) == 12
    assert not find_faces(tmp_path / "nowhere")
    assert catalogue()["faces"].place == str(tmp_path / "faces")


def test_what_cannot_be_used_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNVAE_DATA", raising=False)
    with pytest.raises(ValueError, match="nowhere is no folder"):
        load_faces("folder", FaceOptions(folder=tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no pictures"):
        load_faces("faces", FaceOptions(folder=tmp_path / "empty"))
    with pytest.raises(ValueError, match="crop is one of centre, upper, got 'left'"):
        load_faces("folder", FaceOptions(folder=tmp_path, crop="left"))
    write(tmp_path / "few", n=3)
    few = {"folder": tmp_path / "few", "cache": False}
    assert [len(part.ids) for part in parts(load_faces("folder", FaceOptions(**few)))] == [1, 1, 1]
    with pytest.raises(ValueError, match="3 pictures, of which 3 .* too few to take 2"):
        load_faces("folder", FaceOptions(test=2, **few))
    with pytest.raises(ValueError, match="validation is at least one"):
        load_faces("folder", FaceOptions(validation=0, **few))
    with pytest.raises(ValueError, match="channels 1 or 3"):
        load_faces("lfw_subset", FaceOptions(channels=2))


def test_broken_pictures_are_refused_by_name_or_left_out(tmp_path):
    write(tmp_path, n=8)
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    (tmp_path / "nothing.png").touch()
    options = {"folder": tmp_path, "size": 32, "cache": False}
    with pytest.raises(ValueError, match=r"(nothing.png|text.jpg) .*broken=\"skip\""):
        load_faces("folder", FaceOptions(**options))
    found = load_faces("folder", FaceOptions(broken="skip", **options))
    assert {line.split()[0] for line in found.skipped} == {"nothing.png", "text.jpg"}
    assert sum(len(part.ids) for part in parts(found)) == 8
    for path in tmp_path.glob("0*.png"):
        path.unlink()
    with pytest.raises(ValueError, match="2 pictures, and none can be read"):
        load_faces("folder", FaceOptions(broken="skip", **options))


def test_bad_comparisons_are_refused():
    with pytest.raises(ValueError, match="got 0 pictures"):
        near_duplicates(torch.zeros(0, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="correlation of 2"):
        near_duplicates(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), near=2.0)


def test_blocks_of_pictures_are_compared_with_all(monkeypatch):
    images = torch.randint(0, 256, (20, 1, 16, 16), dtype=torch.uint8)
    images[13] = images[2]
    whole = near_duplicates(images)
    monkeypatch.setattr(comparing, "_ROWS", 3)
    assert np.array_equal(near_duplicates(images), whole)
    assert whole[13] == whole[2] and len(set(whole)) == 19


@pytest.mark.data
def test_the_93_faces_are_all_read(data_folder, monkeypatch):
    monkeypatch.setenv("SYNVAE_DATA", str(data_folder))
    found = load_faces("faces", FaceOptions(cache=False))
    assert sum(len(part.ids) for part in parts(found)) == 93
    assert found.test.images.shape[1:] == (3, 64, 64)
    assert found.classes == ("all",)
