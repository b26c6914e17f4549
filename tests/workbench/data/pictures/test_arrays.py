import os

import numpy as np
import PIL
import pytest
import torch
from picture_files import encode_picture, smooth_picture, write_folder
from PIL import Image

from synvae_workbench.data.files import FoundFile
from synvae_workbench.data.options import PictureOptions
from synvae_workbench.data.pictures import arrays as picture_arrays
from synvae_workbench.data.pictures.arrays import Decoding, read_pictures
from synvae_workbench.data.pictures.files import (
    decode_strip,
    list_pictures,
    longest_side,
)
from synvae_workbench.data.pictures.folders import load_picture_folder


def same(one, other):
    for a, b in zip(one[3:6], other[3:6], strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)
        assert a.ids == b.ids
        assert (a.strips is None) == (b.strips is None)
        for x, y in zip(a.strips or (), b.strips or (), strict=True):
            assert torch.equal(x, y)
    assert one.checksums == other.checksums
    assert one.skipped == other.skipped


class TestCache:
    @pytest.fixture
    def folder(self, tmp_path):
        write_folder(tmp_path / "set", size=(40, 60))
        (tmp_path / "set" / "cats" / "cats3.png").write_bytes(b"broken")
        return tmp_path / "set"

    def load(self, folder, **settings):
        cache = folder.parent / "cache"
        return load_picture_folder(
            PictureOptions(folder=folder, size=32, broken="skip", cache=cache, **settings)
        )

    def test_gives_the_same_without_decoding(self, folder, monkeypatch):
        first = self.load(folder)
        same(
            first,
            load_picture_folder(PictureOptions(folder=folder, size=32, broken="skip", cache=False)),
        )
        monkeypatch.setattr(picture_arrays, "decode_strip", None)
        same(first, self.load(folder))

    def test_is_told_apart_by_settings_and_files(self, folder):
        first = self.load(folder)
        assert self.load(folder, channels=1).train.images.shape[1] == 1
        smooth_picture(60, 40, seed=99).save(folder / "cats" / "cats5.png")
        assert self.load(folder).checksums != first.checksums
        (folder / "cats" / "cats5.png").unlink()
        assert sum(len(split.ids) for split in self.load(folder)[3:6]) == 18

    def test_a_broken_picture_is_still_refused(self, folder):
        self.load(folder)
        with pytest.raises(ValueError, match=r"cats3\.png"):
            load_picture_folder(
                PictureOptions(folder=folder, size=32, cache=folder.parent / "cache")
            )

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
    def test_half_written_is_not_used(self, folder, share):
        first = self.load(folder)
        (path,) = (folder.parent / "cache").iterdir()
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        same(first, self.load(folder))
        assert path.stat().st_size == len(content)

    def test_changed_pixels_are_not_used(self, folder):
        first = self.load(folder)
        (path,) = (folder.parent / "cache").iterdir()
        content = bytearray(path.read_bytes())
        content[1000] ^= 1
        path.write_bytes(content)
        same(first, self.load(folder))

    def test_a_full_disk_costs_time_only(self, folder, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(np, "savez", full)
        self.load(folder)
        assert list((folder.parent / "cache").iterdir()) == []

    def test_is_where_the_environment_says(self, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("SYNVAE_CACHE", str(tmp_path / "elsewhere"))
        load_picture_folder(PictureOptions(folder=folder, size=8, broken="skip"))
        assert len(list((tmp_path / "elsewhere").glob("pictures-*.npz"))) == 1


class TestMany:
    @pytest.mark.slow
    def test_one_broken_among_many_stops_early(self, tmp_path, monkeypatch):
        (tmp_path / "a").mkdir()
        data = encode_picture(smooth_picture(16, 16), "JPEG")
        for i in range(3000):
            (tmp_path / "a" / f"{i:04d}.jpg").write_bytes(data[:-40] if i == 100 else data)
        files, decoded = list_pictures(tmp_path).files, []

        def count(*arguments, **options):
            decoded.append(1)
            return decode_strip(*arguments, **options)

        monkeypatch.setattr(picture_arrays, "decode_strip", count)
        with pytest.raises(ValueError, match=r"0100\.jpg.*truncated"):
            read_pictures(tmp_path, files, Decoding(size=16, cache=False))
        assert len(decoded) < 1500
        arrays = read_pictures(tmp_path, files, Decoding(size=16, broken="skip", cache=False))
        assert list(arrays.broken) == ["a/0100.jpg"]
        assert len(arrays.images) == 2999

    @pytest.mark.parametrize("longest", [64, 90, 200])
    def test_order_and_strips_hold_across_chunks(self, tmp_path, longest):
        (tmp_path / "a").mkdir()
        broken = {0, 63, 64, 1100, 1299}
        for i in range(1300):
            side = longest if i == 1200 else 64 + i % (longest - 63)
            side = min(side, longest)
            image = Image.new("L", (64, side) if i % 2 else (side, 64), i % 251)
            image.save(tmp_path / "a" / f"{i:04d}.png", compress_level=0)
            if i in broken:
                (tmp_path / "a" / f"{i:04d}.png").write_bytes(b"")
        arrays = read_pictures(
            tmp_path,
            list_pictures(tmp_path).files,
            Decoding(size=64, channels=1, strips=1200, broken="skip", cache=False),
        )
        kept = [i for i in range(1300) if i not in broken]
        assert arrays.positions.tolist() == kept
        shades = np.array([i % 251 for i in kept], np.uint8)
        assert (arrays.images == shades[:, None, None, None]).all()
        if longest == 64:
            assert arrays.strips is None
            return
        assert arrays.strips.shape[-1] == min(longest, longest_side(64))
        for strip, length, i in zip(arrays.strips, arrays.lengths, kept, strict=False):
            assert length == min(64 + i % (longest - 63), longest_side(64))
            assert (strip[..., :length] == i % 251).all()
            assert not strip[..., length:].any()
        assert len(arrays.strips) == sum(i < 1200 for i in kept)

    def test_small_pictures_share_few_threads(self, monkeypatch):
        monkeypatch.setattr(os, "cpu_count", lambda: 16)
        for size, threads in ((3000, 1), (40_000, 3), (5_000_000, 16)):
            assert picture_arrays.thread_count([FoundFile("a", size)] * 5) == threads
        assert picture_arrays.thread_count([]) == 1

    def test_the_version_of_pillow_is_part_of_the_key(self, tmp_path, monkeypatch):
        write_folder(tmp_path / "set")
        for version in ("1", "2"):
            monkeypatch.setattr(PIL, "__version__", version)
            load_picture_folder(
                PictureOptions(folder=tmp_path / "set", size=8, cache=tmp_path / "cache")
            )
        assert len(list((tmp_path / "cache").iterdir())) == 2
