"""The page of an album: what it shows, what names cannot do, and what lies beside it."""

import io
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes
from synvae_core.music.rolls import roll_codes
from synvae_workbench.album.ledger import Found, Outcome, writing
from synvae_workbench.album_page import cards, order
from synvae_workbench.album_page.order import neighbour_distance, order_by_ear
from synvae_workbench.album_page.write import write_album_page

NAMES = ("b.png", "a & <b>.png", 'x" onerror="alert(1).png', "100% #1?.png", "<script>.png")


def melodies(n: int) -> np.ndarray:
    """Random walks of two bars."""
    rng = np.random.default_rng(0)
    pitches = 40 + rng.integers(-4, 5, (n, 32)).cumsum(1).clip(-30, 30)
    return ONE_VOICE.canonical(np.where(rng.random((n, 32)) < 0.4, pitches, 0))


def make_album(folder: Path, names, *, facts=None) -> Path:
    """An album as `synvae listen` leaves it, without a model."""
    album, pictures = folder / "album", folder / "pictures"
    pictures.mkdir()
    found = []
    for number, name in enumerate(names):
        image = Image.fromarray(np.full((9, 16, 3), 40 * number % 256, np.uint8))
        image.save(pictures / name)
        found.append(Found(name, pictures / name, 100, 1))
    with writing(album, {"makes": "melodies", "model": ""}) as ledger:
        ledger.add(found, ".mid")
        waiting = ledger.waiting(0, len(found))
        for entry, melody in zip(waiting, melodies(len(found)), strict=True):
            entry.file(album, ".mid").write_bytes(midi_bytes(melody))
        ledger.record(Outcome(entry.number, facts or {"steps": 32}) for entry in waiting)
    return album


@pytest.fixture
def album(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "encode", lambda waveform, kind: b"an MP3 file")
    monkeypatch.setattr(cards.Sound, "perform", lambda *_: np.zeros(8, np.float32))
    return make_album(tmp_path, NAMES)


def read(written) -> BeautifulSoup:
    return BeautifulSoup(written.path.read_text(encoding="utf-8"), "html.parser")


def test_a_melody_of_all_pitches_has_a_roll(tmp_path):
    widest = np.tile([2, 89], 16)
    assert Image.open(io.BytesIO(cards._roll(widest))).height == 88


def test_a_small_album_is_one_file(album):
    written = write_album_page(album)
    page = read(written)
    assert written.entries == len(NAMES)
    assert [h.text for h in page.select("ol.album > li > h2")] == sorted(NAMES)
    for image in page.select("li img"):
        assert image["src"].startswith("data:image/")
        assert image["alt"]
        assert image["loading"] == "lazy"
    assert all(b["data-sound"].startswith("data:audio/mpeg") for b in page.select("li button"))
    assert len(page.select("audio")) == 1
    assert page.audio["preload"] == "none"
    assert not (album / ".album" / "page").is_dir() or not any(
        (album / ".album" / "page").iterdir()
    )


def test_names_are_text_and_lead_nowhere_else(album):
    page = read(write_album_page(album, embedded=0))
    assert len(page.select("script")) == 1
    assert not page.find_all(attrs={"onerror": True})
    for link in page.select("li a"):
        assert link["href"].startswith("./")
        assert not {"#", "?", " ", '"', "<"} & {*link["href"]}
    names = {h.text for h in page.select("li h2")}
    assert names == {*NAMES}


def test_of_many_the_files_lie_beside_the_page_and_are_kept(album):
    page = read(write_album_page(album, embedded=2))
    sources = [image["src"] for image in page.select("li img")]
    sounds = [button["data-sound"] for button in page.select("li button")]
    files = {album / source for source in (*sources, *sounds)}
    assert all(path.is_file() for path in files)
    assert {*(album / ".album" / "page").iterdir()} == {path.resolve() for path in files}
    before = {path: path.stat().st_mtime_ns for path in files}
    write_album_page(album, embedded=2)
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_files_of_entries_that_changed_are_replaced(album):
    write_album_page(album, embedded=2)
    with writing(album, {"makes": "melodies", "model": ""}) as ledger:
        first = next(ledger.entries())
        ledger.record([Outcome(first.number, {"steps": 32})])
    page = read(write_album_page(album, embedded=2))
    number = page.select_one("li")["id"].removeprefix("e")
    assert len([*(album / ".album" / "page").glob(f"{number}-*-roll.png")]) == 1


def test_the_sound_of_the_album_is_played_where_there_is_one(album):
    with writing(album, {"makes": "melodies", "model": ""}) as ledger:
        first = next(ledger.entries())
    first.file(album, ".ogg").write_bytes(b"OggS")
    page = read(write_album_page(album, embedded=0))
    assert page.select_one("li button")["data-sound"].endswith(".ogg")


def test_what_cannot_be_shown_is_told(album):
    with writing(album, {"makes": "melodies", "model": ""}) as ledger:
        gone, broken, lost, *_ = ledger.entries()
    gone.source.unlink()
    broken.file(album, ".mid").write_bytes(b"MThd")
    target = album.parent / "elsewhere.mid"
    lost.file(album, ".mid").rename(target)
    lost.file(album, ".mid").symlink_to(target)
    written = write_album_page(album)
    page = read(written)
    assert written.entries == len(NAMES) - 2
    assert {*written.left_out} == {broken.name, lost.name}
    assert "leads out of the folder" in written.left_out[lost.name]
    assert "not where it was" in page.select_one("ol.album > li").text


def test_a_ledger_that_names_files_elsewhere_is_not_followed(album):
    (album.parent / "secret.mid").write_bytes(midi_bytes(melodies(1)[0]))
    with sqlite3.connect(album / ".album" / "ledger.sqlite") as connection:
        stem = os.fsencode("../secret")
        connection.execute("UPDATE entries SET stem = ? WHERE number = 1", [stem])
    written = write_album_page(album)
    assert written.entries == len(NAMES) - 1
    assert "no path in the folder" in "".join(written.left_out.values())


@pytest.mark.parametrize("first", ["name", "ear"])
def test_both_orders_are_known_to_the_page(album, first):
    page = read(write_album_page(album, order=first))
    items = page.select("ol.album > li")
    places = {way: [int(each[f"data-{way}"]) for each in items] for way in ("name", "ear")}
    assert places[first] == [*range(len(NAMES))]
    assert all(sorted(each) == [*range(len(NAMES))] for each in places.values())
    assert page.select_one("option[selected]")["value"] == first


def test_a_folder_that_is_no_album_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is no album"):
        write_album_page(tmp_path)
    with pytest.raises(ValueError, match="expected an order"):
        write_album_page(tmp_path, order="size")


def test_neighbours_on_the_page_sound_more_alike_than_at_random():
    walks = melodies(30)
    near = np.concatenate([walks, np.roll(walks, 1, axis=1)])
    codes = roll_codes(ONE_VOICE.canonical(near))
    found = order_by_ear(codes)
    assert sorted(found) == [*range(60)]
    shuffled = np.random.default_rng(1).permutation(60)
    assert neighbour_distance(codes, found) < 0.85 * neighbour_distance(codes, shuffled)


def test_a_path_that_is_known_is_found(monkeypatch):
    ladder = np.zeros((12, 8), np.uint8)
    ladder[:] = 41 + 2 * np.random.default_rng(0).permutation(12)[:, None]  # a tone each
    path = ladder[order_by_ear(ladder), 0].astype(int)
    assert {*np.abs(np.diff(path))} <= {2}
    monkeypatch.setattr(order, "BLOCK", 5)
    assert sorted(order_by_ear(ladder)) == [*range(12)]
    assert len(order_by_ear(ladder[:0])) == 0
