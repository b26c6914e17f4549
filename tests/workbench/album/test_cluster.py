"""Albums made by several workers: the same files, also when one of them is lost."""

import threading
import time

import psutil
import pytest
from albums import files_below, write_pictures

from synvae_workbench.album.crew import Crew
from synvae_workbench.album.layout import CHUNKS, hidden_folder
from synvae_workbench.album.ledger import reading
from synvae_workbench.album.making import make_album
from synvae_workbench.album.playing import Listener, Playing, Source
from synvae_workbench.album.sources import Sources


def kill_a_worker(album, killed):
    """Kills the worker that is at work as soon as it has made something."""
    end = time.monotonic() + 200
    while time.monotonic() < end:
        if any(album.rglob("*.mid")):
            children = psutil.Process().children()
            largest = max(children, key=lambda child: child.memory_info().rss)
            largest.kill()
            killed.append(largest.pid)
            return
        time.sleep(0.01)


@pytest.mark.slow
def test_chunks_of_a_lost_worker_are_made_by_another(model, tmp_path):
    folder, album = write_pictures(tmp_path / "pictures", 96), tmp_path / "album"
    killed = []
    watcher = threading.Thread(target=kill_a_worker, args=(album, killed))
    watcher.start()
    sources = Sources([folder], suffixes={".png"}, most_bytes=10**6, album=album)
    made = make_album(sources, album, Playing(model=model), Crew(workers=2))
    watcher.join()
    assert killed and (made.done, made.failed) == (96, 0)
    assert not list((hidden_folder(album) / CHUNKS).iterdir())
    with reading(album) as ledger:
        entries = list(ledger.entries())
    contents = (Source(each.number, each.source.read_bytes()) for each in entries)
    alone = {each.key: each.files[".mid"] for each in Listener(Playing(model=model)).make(contents)}
    assert files_below(album, ".mid") == {
        f"{each.stem}.mid": alone[each.number] for each in entries
    }
