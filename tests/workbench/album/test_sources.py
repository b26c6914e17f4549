"""Sources of an album: what is found, under which name, and what is never entered."""

import shutil
from pathlib import Path

import pytest
from albums import write_pictures

from synvae_workbench.album import listen
from synvae_workbench.album.sources import Sources


def found(given, album, *, listed=()):
    options = {"suffixes": {".png", ".jpg"}, "most_bytes": 10_000}
    return Sources(given, album=album, listed=listed, **options)


def names(sources):
    return {each.name: each.fault for each in sources}


def test_a_folder_gives_relative_names_and_says_what_it_left_out(pictures, tmp_path):
    (pictures / "notes.txt").touch()
    (pictures / ".hidden.png").touch()
    (pictures / "large.png").write_bytes(bytes(10_001))
    (pictures / "empty.PNG").touch()
    sources = found([pictures], tmp_path / "album")
    assert names(sources) == {
        "empty.PNG": "is empty",
        "large.png": "has 10,001 bytes, more than 10,000",
        **dict.fromkeys([f"{i:03d}.png" for i in (0, 1, 3, 4, 6)], ""),
        **dict.fromkeys(["below/002.png", "below/005.png"], ""),
    }
    assert sources.left_out == {".txt": 1, "hidden": 1}


def test_several_are_told_apart_by_the_names_of_their_folders(tmp_path):
    first, second = (write_pictures(tmp_path / name, 1) for name in "ab")
    sources = found([first, second, first / "000.png"], tmp_path / "album")
    assert list(names(sources)) == ["a/000.png", "b/000.png", "000.png"]


def test_links_are_followed_nowhere_out_of_a_folder_nor_in_a_circle(pictures, tmp_path):
    (pictures / "circle").symlink_to(pictures)
    (pictures / "self.png").symlink_to(pictures / "self.png")
    (pictures / "out.png").symlink_to("/etc/passwd")
    told = names(found([pictures], tmp_path / "album"))
    assert told["circle"] == "is a folder"
    assert "cannot be found" in told["self.png"]
    assert "leads out of the folder" in told["out.png"]
    assert len(told) == 10


def test_an_album_inside_is_left_out_and_one_that_holds_them_is_refused(pictures):
    write_pictures(pictures / "album", 2)
    sources = found([pictures], pictures / "album")
    assert len(names(sources)) == 7
    assert sources.left_out == {"of the album itself": 2}
    with pytest.raises(ValueError, match="would lie in itself"):
        names(found([pictures], pictures))


def test_a_list_names_files_one_a_line(pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = str(pictures / "below" / "002.png")
    lines = ["pictures/000.png\n", "\n", f"{whole}\r\n", "../none.png\n", "\udcff.png\n", "a" * 300]
    sources = list(
        found([], tmp_path / "album", listed=[e.encode(errors="surrogateescape") for e in lines])
    )
    assert [(each.name[:40], bool(each.fault)) for each in sources] == [
        ("pictures/000.png", False),
        (whole[1:][:40], False),
        ("none.png", True),
        ("\udcff.png", True),
        ("a" * 40, True),
    ]
    assert sources[0].source == pictures / "000.png"


def test_what_is_named_and_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none is not there: name a file or a folder"):
        found([tmp_path / "none"], Path("album"))


def test_a_tune_of_an_album_knows_who_played_it_and_no_other_does(model, pictures, tmp_path):
    album = tmp_path / "album"
    listen([pictures], to=album, model=model)
    (tmp_path / "else").mkdir()
    shutil.copy(album / "000.mid", tmp_path / "else")
    options = {"suffixes": {".mid"}, "most_bytes": 10_000, "album": tmp_path / "drawn"}
    assert {each.model for each in Sources([album], **options)} == {model}
    assert {each.model for each in Sources([tmp_path / "else"], **options)} == {""}
