"""Task sets of strangers: served whole, or refused by name before anybody is asked."""

import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image, PngImagePlugin
from task_folders import NAMES, blind_folder, published_folder
from work import few_calls, no_large_pictures

from synvae_workbench.listening import fingerprint, load_materials, read_tasks
from synvae_workbench.listening import materials as module
from synvae_workbench.listening.materials import (
    EVERYBODY,
    MOST_PICTURE_BYTES,
    MOST_SOUND_BYTES,
    SHOWN_SIDE,
)


@pytest.fixture
def folder(tmp_path):
    return published_folder(tmp_path / "set")


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def bomb(side=9_000):
    """A picture of so many pixels on each side in some 100 bytes."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(side + 1))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def test_a_published_set_is_one_for_everybody(folder):
    materials = load_materials(folder)
    assert list(materials.sets) == [EVERYBODY]
    assert materials.first == read_tasks(folder / "tasks.json")
    assert materials.key is None
    # the place of an option is its class
    assert [materials.class_of(materials.first, each) for each in (6, 7, 8)] == list(NAMES)


def test_a_blind_design_has_a_set_for_each_listener_and_finds_its_key(tmp_path):
    blind_folder(tmp_path / "set")
    (tmp_path / "set" / "listeners" / "._listener_0.json").write_bytes(b"\0\5\x16\7")  # of macOS
    materials = load_materials(tmp_path / "set")
    assert list(materials.sets) == ["listener_0", "listener_1", "listener_2"]
    task = materials.first.tasks[0]
    assert sorted(materials.class_of(materials.first, each) for each in task.options) == sorted(
        NAMES
    )
    assert len({fingerprint(each) for each in materials.sets.values()}) == 3
    (tmp_path / "set_key" / "key.json").rename(tmp_path / "elsewhere.json")
    with pytest.raises(ValueError, match="blind design: name its key"):
        load_materials(tmp_path / "set")
    assert load_materials(tmp_path / "set", tmp_path / "elsewhere.json").sets == materials.sets


def test_media_bear_nothing_but_pixels_and_samples(folder):
    path, secret = folder / "data" / "3_orig.png", PngImagePlugin.PngInfo()
    secret.add_text("answer", "this one")
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(pixels).save(path, pnginfo=secret)
    assert b"this one" in path.read_bytes()
    materials = load_materials(folder)
    content = materials.picture(3)
    assert b"this one" not in content
    assert (np.asarray(Image.open(io.BytesIO(content))) == pixels).all()
    sound, rate = soundfile.read(folder / "data" / "3_audio.wav")
    heard, heard_rate = soundfile.read(io.BytesIO(materials.sound(3)))
    assert rate == heard_rate
    assert np.abs(sound - heard).max() < 1e-4


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_of_any_mode_are_shown_and_large_ones_made_smaller(folder, mode):
    Image.new(mode, (600, 300)).save(folder / "data" / "3_orig.png")
    shown = Image.open(io.BytesIO(load_materials(folder).picture(3)))
    assert shown.size == (SHOWN_SIDE, SHOWN_SIDE // 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bomb(), "3_orig.png is 9000 x 9000, more than 1024"),
        (bomb(50_000), "3_orig.png cannot be read as a PNG picture: Image size"),
        (b"GIF89a" + bytes(50), "3_orig.png cannot be read as a PNG picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "3_orig.png cannot be read as a PNG picture"),
        (bomb(100)[:45], "3_orig.png cannot be read as a PNG picture"),
    ],
    ids=["bomb", "larger bomb", "gif", "rubbish", "cut"],
)
def test_hostile_pictures_are_refused_by_name_before_much_is_done(folder, content, message):
    (folder / "data" / "3_orig.png").write_bytes(content)
    with few_calls(), no_large_pictures(), pytest.raises(ValueError, match=message):
        load_materials(folder)


def wav(seconds=1.0, rate=8000, channels=1):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((round(seconds * rate), channels)), rate, format="WAV")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav(61), "3_audio.wav lasts 61.0 s, expected 0.2 to 60"),
        (wav(0.1), "3_audio.wav lasts 0.1 s"),
        (wav(channels=5), "3_audio.wav is WAV of 5 channels"),
        (b"RIFF" + bytes(60), "3_audio.wav cannot be read as sound"),
        (b"ID3" + bytes(60), "3_audio.wav"),
    ],
    ids=["long", "short", "channels", "rubbish", "mp3"],
)
def test_hostile_sounds_are_refused_by_name(folder, content, message):
    (folder / "data" / "3_audio.wav").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_materials(folder)


def replaced(folder, change):
    path = folder / "tasks.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": [{"truth": 0, "options": [3, 4, 99]}]}, "99_orig.png is missing"),
        ({"examples": [0, 1, 99]}, "99_orig.png is missing"),
        ({"examples": ["../../etc/passwd", 1, 2]}, r"tasks.json: examples\[0\]"),
        ({"tasks": [{"truth": 0, "options": ["../x", 4, 5]}]}, r"tasks.json: tasks\[0\]"),
        ({"examples": [*range(10_000, 10_063)]}, "more than 60 examples"),
    ],
)
def test_ids_outside_and_paths_are_refused_by_name(folder, change, message):
    replaced(folder, change)
    with pytest.raises(ValueError, match=message):
        load_materials(folder)


def test_the_folders_that_a_task_file_names_are_not_followed(folder):
    replaced(folder, {"data_path": "/etc", "result_path": "../../.."})
    assert load_materials(folder).data == folder / "data"


@pytest.mark.parametrize("name", ["3_orig.png", "3_audio.wav"])
def test_missing_huge_empty_and_linked_media_are_refused_by_name(folder, name, tmp_path):
    path = folder / "data" / name
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        load_materials(folder)
    (tmp_path / "secret").write_bytes(content)
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match=f"{name} is no plain file"):
        load_materials(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match=f"{name} is no plain file"):
        load_materials(folder)
    path.rmdir()
    for size in (0, max(MOST_PICTURE_BYTES, MOST_SOUND_BYTES) + 1, 10**12):
        with path.open("wb") as file:
            file.truncate(size)
        with pytest.raises(ValueError, match=f"{name} has {size:,} bytes"):
            load_materials(folder)


def test_what_is_swapped_after_the_check_is_checked_again(folder, tmp_path):
    materials = load_materials(folder)
    path = folder / "data" / "3_orig.png"
    path.rename(tmp_path / "secret")
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="no plain file"):
        materials.picture(3)


def test_more_than_a_page_can_serve_is_refused(folder, monkeypatch):
    monkeypatch.setattr(module, "MOST_IDS", 8)
    with pytest.raises(ValueError, match="has 9 pictures and sounds, at most 8"):
        load_materials(folder)


def test_a_folder_without_tasks_and_a_strange_key_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="no tasks.json and no listeners"):
        load_materials(tmp_path)
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"ids": {"3": [0, 0]}, "catch": [], "seed": 0}), encoding="utf-8")
    with pytest.raises(ValueError, match="set: the key does not know id"):
        load_materials(folder, key)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_refused_before_it_is_opened(folder):
    path = folder / "data" / "3_audio.wav"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="no plain file"):
        load_materials(folder)
