"""A server that a test starts and ends, and notebooks with parameters for it to open."""

import contextlib
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat

if TYPE_CHECKING:
    from playwright import sync_api

START_SECONDS = 60  # on a busy machine


class Served(NamedTuple):
    """A server: its address without a path, its token, its process, its notebooks and its log."""

    url: str
    token: str
    pid: int
    notebooks: Path
    log: Path


@contextlib.contextmanager
def running(
    command: list[str], log: Path, pattern: str, *, seconds: float = START_SECONDS, **options: Any
) -> Iterator[tuple[re.Match[str], subprocess.Popen]]:
    """Runs a program until the block ends; gives what it says by a pattern, and its process.

    Args:
        log: a file for what it says.
        seconds: in which it has to say it.
        options: as `subprocess.Popen` takes them.
    """
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, **options)
    try:
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, log.read_text(encoding="utf-8"))):
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text(encoding="utf-8")[-2000:]
                raise RuntimeError(f"{' '.join(command[:4])} does not start: {said}")
            time.sleep(0.1)
        yield found, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextlib.contextmanager
def serving(
    command: list[str], env: dict[str, str], address: str
) -> Iterator[tuple[re.Match[str], int, Path]]:
    """Runs a server until the block ends; gives the address it prints, its process and its log."""
    log = Path(env["IPYTHONDIR"]).with_name(f"{secrets.token_hex(4)}.log")
    with running(command, log, address, env=env, cwd=log.parent) as (found, process):
        yield found, process.pid, log


def log_in(page: "sync_api.Page", served: Served) -> None:
    """Gives a page the cookie that the printed address sets, without opening what it leads to."""
    page.request.get(f"{served.url}/?token={served.token}", max_redirects=0)


def with_parameters(path: Path, parameters: dict[str, object]) -> str:
    """The name of a copy of a notebook, in the folder opened/, whose parameters are given."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "".join(f"\n{key} = {value!r}" for key, value in parameters.items())
    copy = f"{path.stem}_{secrets.token_hex(3)}.ipynb"
    nbformat.write(notebook, path.parents[1] / "opened" / copy)
    return copy
