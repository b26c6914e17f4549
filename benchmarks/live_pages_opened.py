"""Opening of each live page in Chromium: wall time until it can be used, against imports of torch.

The pages are served as `make explore` does, with warm caches, one after another; a page can be used
when its first button, slider, list, field or player is there and enabled. The reference is the wall
time of a process that imports PyTorch and the kernel, below which no page can be. Times are the
least of some; memory is that of the page's kernel once it can be used, in MiB, shared libraries
included.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from measuring import ratio, seconds
from playwright import sync_api

ROOT = Path(__file__).parents[1]
ROUNDS = 3
BARE = "import torch, ipykernel.kernelapp"
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)")
CONTROL = ":is(button:enabled, select:enabled, input:enabled, [role=slider], audio):visible"
FIRST_CONTROL = f"main {CONTROL}, [role=main] {CONTROL}"
PATIENCE = 180.0  # seconds, on a busy machine


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str, psutil.Process]]:
    """Serves a copy of the notebooks; gives the address, its token and the server's process."""
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (folder / "pretrained").symlink_to(ROOT / "pretrained")
    (folder / "runs").mkdir()
    command = [sys.executable, "-m", "synvae_workbench", "explore", "--port", "0"]
    command += ["--notebooks", str(folder / "notebooks")]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
    try:
        for line in server.stdout:
            if found := ADDRESS.search(line):
                yield found[1], found[2], psutil.Process(server.pid)
                return
        raise RuntimeError("the server ended before it said its address")
    finally:
        server.terminate()
        server.wait()


def opened(page: sync_api.Page, address: str) -> float:
    """Wall time in seconds from the navigation to a page until it can be used."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(FIRST_CONTROL).first.wait_for(timeout=1000 * PATIENCE)
    return time.perf_counter() - start


def kernel_mib(server: psutil.Process) -> float:
    """Memory of the largest process below the server, the kernel of the page that is open."""
    return max(each.memory_info().rss for each in server.children(recursive=True)) / (1 << 20)


def measure(
    context: sync_api.BrowserContext, address: str, server: psutil.Process
) -> tuple[float, float]:
    """Seconds until a page can be used, and its kernel's memory in MiB; the page is left then."""
    page = context.new_page()
    took = opened(page, address)
    memory = kernel_mib(server)
    page.close(run_before_unload=True)
    until = time.monotonic() + PATIENCE
    while server.children() and time.monotonic() < until:
        time.sleep(0.2)  # the next page has the machine to itself
    return took, memory


def main() -> None:
    bare = [sys.executable, "-c", BARE]
    pages = [path.stem for path in sorted((ROOT / "notebooks").glob("4*_*.ipynb"))]
    least = min(seconds(lambda: subprocess.run(bare, check=True))[0] for _ in range(ROUNDS))
    with tempfile.TemporaryDirectory() as name, sync_api.sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        flags = ["--no-sandbox"] * (hasattr(os, "geteuid") and os.geteuid() == 0)
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        with served(Path(name)) as (url, token, server):
            context = browser.new_context()
            context.request.get(f"{url}/?token={token}", max_redirects=0)
            for each in pages:
                of = [measure(context, f"{url}/{each}", server) for _ in range(ROUNDS + 1)]
                times, memory = zip(*of[1:], strict=True)  # the first fills the caches
                print(f"{each}: {min(times):.1f} s ({times}), {min(memory):.0f} MiB; {of[0]}")
                what = f"page {each[:2]} until it can be used"
                ratio(what, least / min(times), to="import of PyTorch")
        browser.close()


if __name__ == "__main__":
    main()
