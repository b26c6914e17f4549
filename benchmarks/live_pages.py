"""Start of each live page's kernel: processor time and memory against bare imports of torch.

A page's cells run up to the one that shows it, in a fresh process with an IPython shell and on one
thread, as its kernel does; the caches are warm, as from the second visit on. The reference is a
process that imports PyTorch and the kernel, below which no page can be. Times are the least of the
processor times, memory the least of the peaks.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import ratio

ROOT = Path(__file__).parents[1]
ROUNDS = 2
BARE = "import torch, ipykernel.kernelapp"
PAGE = """
from pathlib import Path
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from synvae_workbench.live.server.pages import live_notebook, live_pages
(page,) = [each for each in live_pages(Path({notebooks!r})) if each.name == {name!r}]
shell = InteractiveShell.instance()
for cell in live_notebook(nbformat.read(page.path, as_version=4), page, {{}}).cells:
    if cell.cell_type == "code":
        shell.run_cell(cell.source, silent=True).raise_error()
"""
MEASURE = """
import json, sys, time
import gc; gc.set_threshold(10_000)
sys.path.insert(0, {measuring!r})
from measuring import peak_mib
{work}
print(json.dumps([time.process_time(), peak_mib()]))
"""


def measure(work: str, folder: Path) -> tuple[float, float]:
    """Processor time in seconds and peak memory in MiB of a fresh process that does the work."""
    program = MEASURE.format(measuring=str(Path(__file__).parent), work=work)
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=folder / "notebooks",
        env=environment,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "notebooks").mkdir()
        (folder / "pretrained").symlink_to(ROOT / "pretrained")
        notebooks = ROOT / "notebooks"
        pages = [path.stem for path in sorted(notebooks.glob("4*_*.ipynb"))]
        works = {each: PAGE.format(notebooks=str(notebooks), name=each) for each in pages}
        for work in works.values():
            measure(work, folder)
        found = {each: [] for each in ("bare", *pages)}
        for _ in range(ROUNDS):
            for each, work in {"bare": BARE, **works}.items():
                found[each].append(measure(work, folder))
    least = {each: [min(values) for values in zip(*of, strict=True)] for each, of in found.items()}
    bare_seconds, bare_mib = least.pop("bare")
    for each, (seconds, mib) in least.items():
        print(f"{each}: {seconds:.1f} s of processor time, {mib:.0f} MiB")
        what = f"page {each[:2]} until it is shown"
        ratio(f"{what}, by processor time", bare_seconds / seconds, to="import of PyTorch")
        ratio(what, mib / bare_mib, to="import of PyTorch", kind="memory")


if __name__ == "__main__":
    main()
