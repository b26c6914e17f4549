"""Albums made by several workers: the same files, also when one of them is lost."""

import sys
import threading
import time

import psutil
import pytest
from albums import files_below, write_pictures
from distributed import Client
from schedulers import scheduler_with_workers

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
    assert files_below(album, ".mid") == made_alone(album, model)


def made_alone(album, model):
    """What a process alone makes of the sources of an album."""
    with reading(album) as ledger:
        entries = {entry.number: entry for entry in ledger.entries()}
    contents = (Source(number, each.source.read_bytes()) for number, each in entries.items())
    made = Listener(Playing(model=model)).make(contents)
    return {f"{entries[each.key].stem}.mid": each.files[".mid"] for each in made}


def wait_for(condition):
    end = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_any_scheduler_serves_and_only_workers_that_have_what_is_needed(model, tmp_path):
    folder, album = write_pictures(tmp_path / "pictures", 64), tmp_path / "album"
    resources = ["GPU=1", "GPU=1", ""]
    with scheduler_with_workers(tmp_path, wait_for, resources) as (address, _):
        with Client(address) as client:
            client.wait_for_workers(len(resources))
        sources = Sources([folder], suffixes={".png"}, most_bytes=10**6, album=album)
        crew = Crew(scheduler=address, needs="GPU=1")
        made = make_album(sources, album, Playing(model=model), crew)
        with Client(address) as client:
            known = client.scheduler_info(n_workers=-1)["workers"]
            at_work = client.run(lambda: "torch" in sys.modules)
    assert (made.done, made.failed) == (64, 0)
    assert files_below(album, ".mid") == made_alone(album, model)
    assert at_work == {worker: "GPU" in each["resources"] for worker, each in known.items()}
