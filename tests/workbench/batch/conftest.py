"""A folder with a notebook that takes a moment, and sweeps of it."""

import io
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import nbformat
import psutil
import pytest

from synvae_workbench.__main__ import main

ROOT = Path(__file__).parents[3]

PARAMETERS = """SMOKE = False  # quick
RUN_NAME = "tiny"  # folder under runs/
BETA = 0.5  # a number
SEED = 0  # another
LABEL = ""  # a text
KINDS = [1, 2]  # several
RUN = ""  # path of an earlier run
GATE = ""  # a file to wait for"""
# Appends to a journal when it begins and ends: who wrote when, whatever happened to the run.
BODY = """import json, os, pathlib, time
run = pathlib.Path("../runs") / (RUN_NAME + SMOKE * "_smoke")
run.mkdir(exist_ok=True)
def note(word):
    with (run / "journal").open("a") as journal:
        journal.write(f"{word} {os.getpid()}\\n")
note("begin")
while GATE and not pathlib.Path(GATE).exists():
    note("wait")
    time.sleep(0.05)
if LABEL == "fail":
    raise RuntimeError("asked to")
before = json.loads(pathlib.Path(RUN, "metrics.json").read_text()) if RUN else {}
metrics = {"tiny/beta": BETA, "tiny/before": before.get("tiny/beta", -1.0)}
threads = os.environ.get("OMP_NUM_THREADS"), os.environ.get("CUDA_VISIBLE_DEVICES")
(run / "metrics.json").write_text(json.dumps(metrics))
(run / "seen").write_text(json.dumps([BETA, SEED, LABEL, KINDS, *threads]))
note("end")"""


class Tree:
    """A folder with notebooks/, runs/ and reports/, and the command line at work in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("notebooks", "runs", "reports"):
            (root / name).mkdir()
        self.notebook("05_tiny")
        self.notebook("06_tiny_too")
        self.processes: list[subprocess.Popen] = []

    def notebook(self, name: str, parameters: str = PARAMETERS, body: str = BODY) -> Path:
        new = nbformat.v4
        cells = [new.new_markdown_cell("# Tiny\n\n**Does it\nrun?** It does."), None]
        cells[1] = new.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        cells.append(new.new_code_cell(body))
        path = self.root / "notebooks" / f"{name}.ipynb"
        nbformat.write(new.new_notebook(cells=cells), path)
        return path

    def file(self, text: str, name: str = "trial") -> Path:
        path = self.root / "reports" / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def arguments(self, path: Path, *more: str) -> list[str]:
        return ["sweep", str(path), "--notebooks", str(self.root / "notebooks"), *more]

    def start(self, path: Path, *arguments: str) -> subprocess.Popen:
        """The command in a process group of its own, as a terminal has it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "synvae_workbench", *self.arguments(path, *arguments)],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def sweep(self, path: Path, *arguments: str) -> tuple[int, str, str]:
        """The command to its end, in this process: its status and what it printed."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(self.arguments(path, *arguments))
        return status, out.getvalue(), err.getvalue()

    def journal(self, run: str) -> list[str]:
        path = self.root / "runs" / run / "journal"
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def words(self, run: str) -> list[str]:
        return [line.split()[0] for line in self.journal(run) if not line.startswith("wait")]

    def wait_for(self, condition, seconds: float = 90.0):
        """What the condition gives, as soon as it gives something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError("it did not happen in time")

    def kernels(self) -> list[psutil.Process]:
        """Every kernel of a run in this folder, whoever its parent is."""
        mark = str(self.root)
        found = []
        for process in psutil.process_iter(["environ"]):
            if (process.info["environ"] or {}).get("SYNVAE_BATCH_STATE", "").startswith(mark):
                found.append(process)
        return found


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path)
    yield tree
    for process in tree.processes:
        if process.poll() is None:
            process.kill()
        process.communicate()
    tree.wait_for(lambda: not tree.kernels(), 30)
