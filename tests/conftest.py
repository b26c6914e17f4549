"""What all tests share: shapes enforced, fast tests first, the folder of real data."""

import os
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

# Two workers with as many threads as cores would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

ONE_WORKER = ("tests/browser/",)  # they share servers

# While jaxtyping's hook imports a module of ours, what that one imports is compiled anew, although
# it has been compiled before (or each time, where Python writes no bytecode): 12 seconds a worker.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("lightning_fabric", "note_seq", "sklearn", "matplotlib.pyplot", "distributed"):
        import_module(name)

# Before anything imports the two packages: annotations of shapes and types hold in every test. An
# int is accepted for a float, as everywhere in Python (PEP 484), which beartype must be told.
install_import_hook(
    ["synvae_core", "synvae_workbench"],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)

# A slow machine is no failure; the same examples every time, so that a failure can be repeated.
settings.register_profile("synvae", deadline=None, derandomize=True)
settings.load_profile("synvae")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests last, and tests of real data only where SYNVAE_DATA names it.

    Those of a browser, which one worker runs, begin before the slow ones that the others run.
    """
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
    if not os.environ.get("SYNVAE_DATA"):
        absent = pytest.mark.skip(reason="SYNVAE_DATA names no folder of data")
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(absent)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object):
    """Tests that share something costly run in one worker; all in the order of above.

    With pytest 9.2, which knows an item by another name, the groups of pytest-xdist 3.8 are void.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((part for part in ONE_WORKER if nodeid.startswith(part)), nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log) if config.option.dist == "load" else None


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that SYNVAE_DATA names; for tests marked `data`."""
    folder = Path(os.environ["SYNVAE_DATA"])
    assert folder.is_dir(), f"SYNVAE_DATA={folder} is no folder"
    return folder


@pytest.fixture(scope="session")
def remote_references():
    """A function: what a browser would fetch to show an HTML page, links to follow aside."""

    def find(page: str) -> list[str]:
        finder = _RemoteReferences()
        finder.feed(page)
        return finder.found

    return find


class _RemoteReferences(HTMLParser):
    FETCHING = frozenset({"src", "srcset", "poster", "data", "background", "xlink:href"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        for name, value in attrs:
            fetches = name in self.FETCHING or (name == "href" and tag != "a")
            if fetches and not (value or "").startswith(("data:", "#")):
                self.found.append(f"<{tag} {name}={value}>")
            if name == "style":
                self._find_in_css(value or "")

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self._find_in_css(data)
        if self.inside == "script":
            self.found += re.findall(r"(?:import|fetch|src|require)\b.{0,20}//[^\s'\"]+", data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def _find_in_css(self, css: str) -> None:
        urls = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", css)
        self.found += [url for pair in urls for url in pair if url and not url.startswith("data:")]
