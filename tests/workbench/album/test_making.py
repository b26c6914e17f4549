"""Making of albums: whatever happens on the way, nothing is lost and nothing made twice."""

import errno
import itertools
import os
import shutil
import signal
from pathlib import Path

import pytest
from albums import files_below, write_pictures
from filelock import FileLock

from synvae_core.atomic import UnwritableError
from synvae_workbench import locks
from synvae_workbench.album import chunks
from synvae_workbench.album.crew import Crew
from synvae_workbench.album.layout import CHUNKS, DONE, FAILED, GONE, WAITING, hidden_folder
from synvae_workbench.album.ledger import Ledger, reading
from synvae_workbench.album.making import make_album
from synvae_workbench.album.playing import Made, Playing
from synvae_workbench.album.sources import Sources


class Copier:
    """Stands for a model: its files are copies of the sources; it notes what it made."""

    suffix, most_bytes = ".mid", 100_000

    def __init__(self, log: Path, also=()) -> None:
        self._log, self._also = log, also

    def make(self, sources):
        for key, content, _ in sources:
            with self._log.open("ab") as log:
                log.write(b"%d\n" % key)
            if content.startswith(b"broken"):
                yield Made(key, {}, {}, "is broken")
            else:
                also = {f".{name}": content for name in self._also}
                yield Made(key, {**also, ".mid": content[::-1]}, {"kind": "copy"})


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A function that makes the album of a folder by copying; gives numbers of what was made."""
    log = tmp_path / "made"
    monkeypatch.setattr("synvae_workbench.album.making.maker_of", lambda _: Copier(log))
    monkeypatch.setattr(chunks, "maker_of", lambda options: Copier(log, options.also))

    def make(folder, album=tmp_path / "album", *, prune=False, **options):
        log.write_bytes(b"")
        sources = Sources([folder], suffixes={".png"}, most_bytes=100_000, album=album)
        make_album(sources, album, Playing(**options), prune=prune)
        return sorted(map(int, log.read_bytes().split()))

    return make


def contents(folder, suffix):
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.read_bytes()
        for path in folder.rglob(f"*{suffix}")
    }


def test_every_picture_has_its_files_at_its_place(copied, pictures, tmp_path):
    assert copied(pictures) == list(range(1, 8))
    made = contents(tmp_path / "album", ".mid")
    assert made == {name: png[::-1] for name, png in contents(pictures, ".png").items()}
    assert copied(pictures) == []


def test_what_is_new_or_changed_or_failed_or_was_removed_is_made_and_nothing_else(
    copied, pictures, tmp_path
):
    album = tmp_path / "album"
    (pictures / "000.png").write_bytes(b"broken")
    copied(pictures)
    with reading(album) as ledger:
        numbers = {each.name: each.number for each in ledger.entries(DONE)}
        (failed,) = ledger.entries(FAILED)
        assert (failed.name, failed.reason) == ("000.png", "is broken")
    (album / "001.mid").unlink()
    (pictures / "003.png").write_bytes(b"another")
    (pictures / "new.png").write_bytes(b"new")
    (pictures / "004.png").unlink()
    again = [failed.number, numbers["001.png"], numbers["003.png"], 8]
    assert copied(pictures) == sorted(again)
    assert (album / "003.mid").read_bytes() == b"another"[::-1]
    assert (album / "004.mid").is_file()  # nothing is lost


def test_a_folder_that_changes_meanwhile_is_told(copied, pictures, tmp_path, monkeypatch):
    gone = pictures / "001.png"
    add = Ledger.add
    monkeypatch.setattr(Ledger, "add", lambda *given: (add(*given), gone.unlink()))
    assert len(copied(pictures)) == 6
    with reading(tmp_path / "album") as ledger:
        assert [(each.name, each.reason) for each in ledger.entries(FAILED)] == [
            ("001.png", "is missing: expected a file there")
        ]


def dying(instant):
    """Has this process killed at one of the instants at which something changes on the disk."""
    calls = itertools.count()

    def mortal(function):
        def call(*given, **named):
            if next(calls) == instant:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*given, **named)
            if next(calls) == instant:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    os.replace, os.write, os.unlink = map(mortal, (os.replace, os.write, os.unlink))
    Ledger.record, Ledger.add = mortal(Ledger.record), mortal(Ledger.add)


def test_it_goes_on_after_a_kill_at_any_instant_and_repeats_nothing(copied, tmp_path):
    pictures = write_pictures(tmp_path / "pictures", 3)
    expected = {name: png[::-1] for name, png in contents(pictures, ".png").items()}
    for instant in itertools.count():
        album = tmp_path / f"album_{instant}"
        child = os.fork()
        if not child:
            dying(instant)
            copied(pictures, album)
            os._exit(0)
        killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        there = {path: path.stat().st_mtime_ns for path in album.rglob("*.mid")}
        assert len(copied(pictures, album)) == 3 - len(there)
        assert contents(album, ".mid") == expected
        assert {path: path.stat().st_mtime_ns for path in there} == there
        assert not list((hidden_folder(album) / CHUNKS).iterdir())
        with reading(album) as ledger:
            facts = [each.facts for each in ledger.entries(DONE)]
        assert facts == [{"kind": "copy"}] * 3
        if killed == 0:
            break
        assert killed == -signal.SIGKILL
    assert instant > 30  # instants that there are


def test_a_full_disk_ends_it_and_it_goes_on_when_there_is_room(
    copied, pictures, tmp_path, monkeypatch
):
    write, room = Path.write_bytes, [4]

    def write_while_there_is_room(path, content):
        if path.name.endswith(".part") and b"PNG" in content[:9] + content[-9:][::-1]:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_while_there_is_room)
    with pytest.raises(UnwritableError, match="the disk is full"):
        copied(pictures, also=("wav",))
    with reading(tmp_path / "album") as ledger:
        assert (ledger.count(DONE), ledger.count(FAILED), ledger.count(WAITING)) == (2, 0, 5)
    room[0] = 99
    assert len(copied(pictures, also=("wav",))) == 5


def test_two_at_once_on_one_folder_are_refused(copied, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.05)
    album = tmp_path / "album"
    album.mkdir()
    with FileLock(locks.lock_file(album)), pytest.raises(locks.HeldError, match="being written"):
        copied(pictures)
    assert len(copied(pictures)) == 7


def test_a_folder_of_others_and_other_options_are_refused(copied, pictures, tmp_path):
    with pytest.raises(ValueError, match="is no album and not empty"):
        copied(pictures / "below", pictures)
    copied(pictures)
    with pytest.raises(ValueError, match=r"tempo: None there, 90\.0 asked for"):
        copied(pictures, tempo=90.0)
    assert len(list(pictures.rglob("*"))) == 8


def test_formats_that_are_asked_for_later_are_added_and_stay(copied, pictures, tmp_path):
    album = tmp_path / "album"
    copied(pictures)
    before = contents(album, ".mid")
    assert len(copied(pictures, also=("wav",))) == 7
    assert len(copied(pictures, also=("ogg", "wav"))) == 7
    (pictures / "new.png").write_bytes(b"new")
    (album / "003.wav").unlink()
    assert copied(pictures) == [3, 8]
    made = {suffix: contents(album, suffix) for suffix in (".mid", ".wav", ".ogg")}
    assert made[".mid"] == before | {"new": b"wen"}
    assert made[".wav"] == made[".ogg"] == contents(pictures, ".png")


def test_what_lost_its_picture_stays_until_it_is_pruned(copied, pictures, tmp_path):
    album, kept = tmp_path / "album", pictures / "000.png"
    (pictures / "bad.png").write_bytes(b"broken")
    copied(pictures, also=("wav",))
    for path in pictures.rglob("*.png"):
        path.unlink() if path != kept else None
    copied(pictures)
    assert len(contents(album, ".mid")) == 7
    with reading(album) as ledger:
        assert [ledger.count(state) for state in (DONE, FAILED, GONE)] == [7, 0, 1]
    mine = album / "003.txt"
    mine.touch()
    copied(pictures, prune=True)
    there = {path.relative_to(album).as_posix() for path in album.rglob("[!.]*")}
    assert {each for each in there if not each.startswith(".")} == {"000.mid", "000.wav", "003.txt"}
    (pictures / "003.jpg").write_bytes(b"another")
    (pictures / "003.png").write_bytes(b"back")
    sources = Sources([pictures], suffixes={".png", ".jpg"}, most_bytes=100, album=album)
    make_album(sources, album, Playing())
    with reading(album) as ledger:
        stems = {each.name: (each.number, each.stem) for each in ledger.entries()}
    assert stems == {"000.png": (1, "000"), "003.jpg": (9, "003"), "003.png": (3, "003.png")}


def test_nothing_is_pruned_of_a_folder_that_is_not_named_or_empty_or_cannot_be_opened(
    copied, pictures, tmp_path
):
    album, other = tmp_path / "album", write_pictures(tmp_path / "other", 1)
    copied(pictures)
    shutil.rmtree(pictures)
    pictures.mkdir()
    copied(other, prune=True)
    with pytest.raises(ValueError, match="is empty: nothing is removed"):
        copied(pictures, prune=True)
    assert len(contents(album, ".mid")) == 8


def test_nothing_is_written_outside_of_the_album(copied, pictures, tmp_path):
    album, outside = tmp_path / "album", tmp_path / "outside"
    outside.mkdir()
    copied(write_pictures(tmp_path / "one", 1))
    (album / "below").symlink_to(outside)
    copied(pictures)
    assert not list(outside.iterdir())
    for number in (2, 5):
        (outside / f"00{number}.mid").touch()
    with reading(album) as ledger:
        reasons = {each.name: each.reason for each in ledger.entries(FAILED)}
    assert reasons.keys() == {"below/002.png", "below/005.png"}
    assert all("a link that leads out of the album" in each for each in reasons.values())
    shutil.rmtree(pictures / "below")
    copied(pictures, prune=True)
    assert len(list(outside.iterdir())) == 2


@pytest.mark.parametrize(
    "crew",
    [{"workers": 0}, {"scheduler": "tcp://a", "workers": 2}, {"needs": "GPU=1"}],
)
def test_a_crew_that_makes_no_sense_is_refused(crew):
    with pytest.raises(ValueError):
        Crew(**crew)


def test_a_model_that_cannot_be_used_is_refused_before_anything_is_written(tmp_path, pictures):
    sources = Sources([pictures], suffixes={".png"}, most_bytes=10**6, album=tmp_path / "album")
    with pytest.raises(ValueError, match="config.json is missing"):
        make_album(sources, tmp_path / "album", Playing(model=str(tmp_path / "none")))
    assert not (tmp_path / "album").exists()


def test_chunks_do_not_matter(model, tmp_path, monkeypatch):
    folder = write_pictures(tmp_path / "pictures", 5)
    made = []
    for size in (1, 3, 64):
        monkeypatch.setattr("synvae_workbench.album.making.CHUNK", size)
        album = tmp_path / f"album_{size}"
        sources = Sources([folder], suffixes={".png"}, most_bytes=10**6, album=album)
        make_album(sources, album, Playing(model=model))
        made.append(files_below(album, ".mid"))
    assert len(made[0]) == 5
    assert made[0] == made[1] == made[2]
