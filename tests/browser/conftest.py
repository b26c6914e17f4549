"""JupyterLab, the live pages and a headless Chromium, each started once and shared by the tests.

Nothing in the repository is written: the servers run in a copy of its notebooks, with folders of
their own for whatever Jupyter keeps, and pages reach nothing but these servers.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import heard
import other_browsers
import pytest
from servers import Served, log_in, serving, with_parameters

if TYPE_CHECKING:
    from playwright import sync_api

ROOT = Path(__file__).parents[2]
LIVE_PAGES = [path.name for path in sorted((ROOT / "notebooks").glob("4*_*.ipynb"))]
RUN_SECONDS = 120  # of anything on a page, as of a notebook's cells, on a busy machine
INSTALL_SECONDS = 120
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
ASKS_FOR_NEWS = "@jupyterlab/apputils-extension:announcements"
# What Chromium says of an address that does not answer; who asked is told by the page's own words.
NOISE = re.compile(r"Failed to load resource")
INSTALL = (
    "Install Chromium or Chrome, or run `python -m playwright install --with-deps chromium` where "
    "there is a network."
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """The folder for screenshots: $SYNVAE_ARTIFACTS, or tests/artifacts, which git ignores."""
    folder = Path(os.environ.get("SYNVAE_ARTIFACTS", ROOT / "tests" / "artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    """A copy of notebooks/ beside an empty runs/, opened/ and the pretrained models."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "runs").mkdir()
    (folder / "opened").mkdir()  # copies with parameters; live pages come from notebooks/ alone
    (folder / "pretrained").symlink_to(ROOT / "pretrained")
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*", "__*")
    )
    return folder


@pytest.fixture(scope="session")
def environment(tmp_path_factory) -> dict[str, str]:
    """The environment of the servers: no settings of who runs the tests, and none left to them."""
    home = tmp_path_factory.mktemp("jupyter")
    names = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    names += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    folders = {name: str(home / name.lower()) for name in names}
    page = home / "jupyter_config_dir" / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"disabledExtensions": {ASKS_FOR_NEWS: True}}), encoding="utf-8")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    folders["JUPYTER_TOKEN"] = secrets.token_hex(16)
    folders["OMP_NUM_THREADS"] = "1"
    folders["SYNVAE_DATA"] = ""  # the same pictures to choose from, whoever runs the tests
    return os.environ | folders | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture(scope="session")
def jupyterlab(tree, environment) -> Iterator[Served]:
    """JupyterLab on a free port of this machine."""
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": 0,
        "ServerApp.open_browser": False,
        "ServerApp.allow_root": True,
        "ServerApp.root_dir": tree,
        "LabApp.expose_app_in_browser": True,  # the tests run cells by its commands
        "LabApp.extension_manager": "readonly",
    }
    command = [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())]
    with serving(command, environment, r"(http://127\.0\.0\.1:\d+)/lab") as (found, pid, log):
        yield Served(found[1], environment["JUPYTER_TOKEN"], pid, tree / "notebooks", log)


@pytest.fixture(scope="session")
def live_pages(tree, environment) -> Iterator[Served]:
    """What `make explore` serves, as smoke runs, on a free port of this machine."""
    if not LIVE_PAGES:
        pytest.skip("there is no live page")
    command = [sys.executable, "-m", "synvae_workbench", "explore", "--port", "0"]
    command += ["--notebooks", str(tree / "notebooks"), "-p", "SMOKE", "true"]
    pattern = r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)"
    with serving(command, environment, pattern) as (found, pid, log):
        yield Served(found[1], found[2], pid, tree / "notebooks", log)


@pytest.fixture(scope="session")
def chromium() -> str | None:
    """The path of a Chromium, or None for Playwright's own, which is installed where none is."""
    pytest.importorskip("playwright", reason="Playwright is not installed: `make setup` does it")
    if _own_chromium():
        return None
    if system := _system_chromium():
        return system
    with contextlib.suppress(subprocess.TimeoutExpired):
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        subprocess.run(command, timeout=INSTALL_SECONDS, capture_output=True, check=False)
    if not _own_chromium():
        pytest.skip(f"no browser was found, and none could be installed. {INSTALL}")
    return None


def _own_chromium() -> bool:
    from playwright import sync_api

    with sync_api.sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).is_file()


def _system_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")
def spoken_into_it() -> Path | None:
    """A WAV file that the microphone of the browser hears again and again; None: beeps."""
    return None


# Of a module, not of the session: while Playwright runs, no other test may run an event loop.
@pytest.fixture(scope="module")
def browser(chromium, spoken_into_it) -> Iterator["sync_api.Browser"]:
    """A headless Chromium with a microphone that hears a file, or beeps."""
    from playwright import sync_api

    flags = FLAGS + [f"--use-file-for-fake-audio-capture={spoken_into_it}"] * bool(spoken_into_it)
    flags += ["--no-sandbox"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        except sync_api.Error as error:
            pytest.skip(f"Chromium does not start ({str(error).splitlines()[0]}). {INSTALL}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def wrong() -> list[str]:
    """What the pages of a module complained of, or asked for elsewhere, since the last test."""
    return []


@pytest.fixture(autouse=True)
def nothing_went_wrong(wrong) -> Iterator[None]:
    """Fails a test in which a page raised, logged an error, or asked another machine."""
    yield
    said, wrong[:] = wrong[:], []
    assert not said, "\n".join(said)


@pytest.fixture(scope="module")
def new_page(browser, wrong) -> Callable[..., "sync_api.Page"]:
    """A function: an empty page that is watched; takes what Playwright's new_context takes."""

    def new(*, allowed: str = "http://127.0.0.1:", **options) -> "sync_api.Page":
        def is_here(url: str) -> bool:
            here = url.startswith((allowed, allowed.replace("http", "ws", 1), "about:"))
            wrong.extend([] if here else [f"asked another machine: {url}"])
            return here

        def watch(route: "sync_api.Route") -> None:
            route.continue_() if is_here(route.request.url) else route.abort()

        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(RUN_SECONDS * 1000)
        context.route(re.compile("^(?!data:|blob:)"), watch)
        page = context.new_page()
        page.on("websocket", lambda socket: is_here(socket.url))
        page.on("pageerror", lambda error: wrong.append(f"raised: {error}"))
        page.on("console", lambda said: _complaint(said, wrong))
        return page

    return new


def _complaint(said: "sync_api.ConsoleMessage", wrong: list[str]) -> None:
    if said.type == "error" and not NOISE.match(said.text):
        wrong.append(f"logged: {said.text} ({said.location.get('url', '')})")


IDLE = """() => window.jupyterapp?.shell.currentWidget?.context?.sessionContext
  .kernelDisplayStatus === "idle" """
RUN_ALL = """() => {
  const ran = () => { window.allRan = true; };
  jupyterapp.commands.execute("notebook:run-all-cells").then(ran, ran);
}"""


@pytest.fixture(scope="module")
def lab(jupyterlab, new_page) -> Iterator[Callable[..., "sync_api.Page"]]:
    """A function: the page of JupyterLab on which all cells of a notebook have run.

    Takes the notebook's name or path, values for its parameters, and `context`, what Playwright's
    new_context takes. The page closes when the module's tests are over; its kernel ends.
    """
    opened = []

    def open_lab(notebook: str | Path, *, context: dict | None = None, **parameters: object):
        copy = with_parameters(jupyterlab.notebooks / Path(notebook).name, parameters)
        page = new_page(**(context or {}))
        opened.append(page)
        page.goto(f"{jupyterlab.url}/lab/tree/opened/{copy}?token={jupyterlab.token}&reset")
        page.wait_for_function(IDLE)
        page.evaluate(RUN_ALL)
        page.wait_for_function("window.allRan")
        assert not (errors := _raised(page)), f"{notebook} raised: {errors}"
        return page

    yield open_lab
    for page in opened:
        if not page.is_closed():
            page.evaluate("jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
            page.context.close()


def _raised(page: "sync_api.Page") -> list[str]:
    kind = "application/vnd.jupyter.error"
    return page.locator(f'[data-mime-type="{kind}"]').all_inner_texts()


@pytest.fixture(scope="module")
def voila(live_pages, new_page) -> Iterator[Callable[..., "sync_api.Page"]]:
    """A function: a live page as `make explore` serves it, its cells run, as a smoke run.

    Takes the notebook's name or path, and `context`, what Playwright's new_context takes. The page
    closes when the module's tests are over, and with it its kernel ends.
    """
    opened = []

    def open_voila(notebook: str | Path, *, context: dict | None = None):
        page = new_page(**(context or {}))
        opened.append(page)
        log_in(page, live_pages)
        page.goto(f"{live_pages.url}/{Path(notebook).stem}")
        page.locator("#rendered_cells").wait_for()
        assert not (errors := _raised(page)), f"{notebook} raised: {errors}"
        return page

    yield open_voila
    for page in opened:
        if page.context.pages:  # a page that was told to close may take its time
            page.goto("about:blank")
            page.context.close()


@pytest.fixture(scope="session")
def sound_of() -> Callable[["sync_api.Locator"], heard.Sound]:
    """A function: what the audio element of a locator holds, decoded by the browser."""
    return heard.sound_of


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def other_browser(request, tmp_path_factory) -> Iterator[other_browsers.Driven]:
    """Firefox, then WebKitGTK, each where it is installed."""
    start = getattr(other_browsers, request.param)
    with contextlib.ExitStack() as stack:
        try:
            browser = stack.enter_context(start(tmp_path_factory.mktemp(request.param)))
        except LookupError as error:
            pytest.skip(str(error))
        yield browser
