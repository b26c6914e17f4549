import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from picture_files import CLASSES, smooth_picture, write_folder
from PIL import Image

from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures.folders import load_picture_folder


class TestFolder:
    def test_classes_are_sub_folders(self, tmp_path):
        write_folder(tmp_path)
        pictures = load_picture_folder(PictureOptions(folder=tmp_path, size=40, cache=False))
        assert pictures.classes == CLASSES
        assert pictures.train.strips is None
        total = 0
        for split in (pictures.train, pictures.validation, pictures.test):
            for image, label, name in zip(split.images, split.labels, split.ids, strict=True):
                path = tmp_path / CLASSES[label] / f"{name}.png"
                assert np.array_equal(image.permute(1, 2, 0), np.asarray(Image.open(path)))
                total += 1
        assert total == 20
        assert [len(split.ids) for split in pictures[3:6]] == [16, 2, 2]

    def test_split_depends_on_names_alone(self, tmp_path):
        write_folder(tmp_path / "a")
        (tmp_path / "a").rename(tmp_path / "b")
        first = load_picture_folder(PictureOptions(folder=tmp_path / "b", size=8, cache=False))
        for path in sorted((tmp_path / "b").rglob("*.png"), reverse=True):
            os.utime(path)
            path.write_bytes(path.read_bytes())
        (tmp_path / "b").rename(tmp_path / "c")
        again = load_picture_folder(PictureOptions(folder=tmp_path / "c", size=8, cache=False))
        assert [split.ids for split in first[3:6]] == [split.ids for split in again[3:6]]

    @pytest.mark.parametrize("names", [("train", "test"), ("train", "val", "test")])
    def test_parts_may_be_folders(self, tmp_path, names):
        for i, name in enumerate(names):
            write_folder(tmp_path / name, n=4 + i)
        pictures = load_picture_folder(PictureOptions(folder=tmp_path, size=8, cache=False))
        sizes = [8, 10, 12] if len(names) == 3 else [7, 1, 10]
        assert [len(split.ids) for split in pictures[3:6]] == sizes
        assert pictures.classes == CLASSES

    def test_a_class_may_be_called_train(self, tmp_path):
        for name in ("train", "tram"):
            (tmp_path / name).mkdir()
            for i in range(3):
                smooth_picture(8, 8, seed=i).save(tmp_path / name / f"{i}.png")
        pictures = load_picture_folder(
            PictureOptions(folder=tmp_path, size=8, test=1, validation=1, cache=False)
        )
        assert pictures.classes == ("train", "tram")
        ids = [name for split in pictures[3:6] for name in split.ids]
        assert sorted(ids) == sorted(f"{c}/{i}" for c in ("train", "tram") for i in range(3))

    def test_what_is_no_picture_is_ignored(self, tmp_path):
        write_folder(tmp_path)
        (tmp_path / ".hidden").mkdir()
        (tmp_path / "__MACOSX").mkdir()
        (tmp_path / "empty").mkdir()
        (tmp_path / "readme.txt").write_text("no picture", encoding="utf-8")
        smooth_picture(8, 8).save(tmp_path / ".hidden" / "a.png")
        smooth_picture(8, 8).save(tmp_path / "__MACOSX" / "a.png")
        (tmp_path / "cats" / "._cats0.png").write_bytes(b"\0\5\x16\7")
        (tmp_path / "cats" / "x.jpg").mkdir()
        smooth_picture(40, 40).save(tmp_path / "cats" / "x.jpg" / "deep.PNG")
        pictures = load_picture_folder(PictureOptions(folder=tmp_path, size=8, cache=False))
        assert pictures.classes == CLASSES
        ids = {name for split in pictures[3:6] for name in split.ids}
        assert len(ids) == 21
        assert "deep" in ids

    def test_pictures_without_folders_are_of_one_class(self, tmp_path):
        write_folder(tmp_path)
        assert load_picture_folder(
            PictureOptions(folder=tmp_path / "cats", size=8, cache=False)
        ).classes == ("all",)
        smooth_picture(8, 8).save(tmp_path / "stray.png")
        with pytest.raises(ValueError, match=r"stray\.png lies beside"):
            load_picture_folder(PictureOptions(folder=tmp_path, cache=False))

    def test_an_empty_folder_is_refused(self, tmp_path):
        for folder in (tmp_path, tmp_path / "none"):
            with pytest.raises(ValueError, match=r"expected <class>/<picture>"):
                load_picture_folder(PictureOptions(folder=folder))

    def test_links_that_lead_out_are_refused(self, tmp_path):
        write_folder(tmp_path / "in")
        write_folder(tmp_path / "out")
        links = tmp_path / "in" / "cats"
        (links / "inside.png").symlink_to("cats0.png")
        pictures = load_picture_folder(PictureOptions(folder=tmp_path / "in", size=8, cache=False))
        assert "inside" in {name for split in pictures[3:6] for name in split.ids}
        (links / "outside.png").symlink_to(tmp_path / "out" / "cats" / "cats0.png")
        (links / "folder").symlink_to(tmp_path / "out")
        (links / "circle.png").symlink_to("circle.png")
        (links / "nowhere.png").symlink_to("gone.png")
        with pytest.raises(ValueError, match=r"(leads out|cannot be found|is a folder)"):
            load_picture_folder(PictureOptions(folder=tmp_path / "in", size=8, cache=False))
        pictures = load_picture_folder(
            PictureOptions(folder=tmp_path / "in", size=8, broken="skip", cache=False)
        )
        left_out = {"circle.png", "folder", "nowhere.png", "outside.png"}
        assert set(pictures.skipped) == {f"cats/{name}" for name in left_out}

    def test_no_pipe_is_waited_for(self, tmp_path):
        write_folder(tmp_path)
        os.mkfifo(tmp_path / "cats" / "pipe.png")
        with pytest.raises(ValueError, match=r"pipe\.png is no regular file"):
            load_picture_folder(PictureOptions(folder=tmp_path, cache=False))

    def test_names_that_are_no_text_are_read(self, tmp_path):
        write_folder(tmp_path)
        data = (tmp_path / "cats" / "cats0.png").read_bytes()
        try:
            Path(os.fsdecode(bytes(tmp_path / "cats") + b"/\xff.png")).write_bytes(data)
        except OSError:
            pytest.skip("this disk takes names in UTF-8 only")
        pictures = load_picture_folder(
            PictureOptions(folder=tmp_path, size=8, cache=tmp_path / "cache")
        )
        assert "\\xff" in {name for split in pictures[3:6] for name in split.ids}

    @pytest.mark.parametrize("share", [1.0, -0.1, 20, float("nan")])
    def test_some_are_left_to_train_on(self, tmp_path, share):
        write_folder(tmp_path)
        with pytest.raises(ValueError):
            load_picture_folder(PictureOptions(folder=tmp_path, validation=share, cache=False))

    @pytest.mark.parametrize("setting", [{"size": 0}, {"channels": 2}])
    def test_settings_are_checked(self, tmp_path, setting):
        write_folder(tmp_path)
        with pytest.raises(ValueError, match="size is at least 1"):
            load_picture_folder(PictureOptions(folder=tmp_path, cache=False, **setting))


class TestBombs:
    @pytest.mark.parametrize("factor", [1.5, 3])  # Pillow only warns of the first
    def test_are_refused_by_name(self, tmp_path, monkeypatch, factor):
        write_folder(tmp_path)
        Image.new("1", (400, 400)).save(tmp_path / "dogs" / "dogs3.png")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", int(400 * 400 / factor))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with pytest.raises(ValueError, match=r"dogs3\.png.*(pixels|bomb)"):
                load_picture_folder(PictureOptions(folder=tmp_path, size=8, cache=False))

    def test_huge_files_are_not_read(self, tmp_path):
        write_folder(tmp_path)
        with (tmp_path / "cats" / "cats3.png").open("r+b") as file:
            file.truncate(1 << 40)
        with pytest.raises(ValueError, match=r"cats3\.png has 1,099,511,627,776 bytes"):
            load_picture_folder(PictureOptions(folder=tmp_path, size=8, cache=False))
