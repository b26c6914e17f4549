"""One writer at a time of a run folder or a report.

The system's kernel holds the lock (`flock`), so that a process that is killed leaves none behind.
The file beside it says who holds it, for those who come second.
"""

import contextlib
import os
import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from synvae_core.atomic import explained, write_json
from synvae_core.small_files import read_json

COMMAND = "SYNVAE_COMMAND"  # in the environment of a kernel: the command that started it
WAIT_SECONDS = 3.0  # the kernel of a run that was killed ends within a second or two
MOST_BYTES, MOST_LETTERS = 10_000, 200  # of what is said of a holder

_held: dict[Path, FileLock] = {}
_changing = threading.RLock()


class HeldError(ValueError):
    """Another process writes there; the message says which one."""


def hold(target: Path) -> bool:
    """Takes the lock of a folder or a file for this process, until `let_go` or its end.

    Of the processes that train one model together the first one holds it for all.

    Returns:
        False if this process held it before.

    Raises:
        HeldError: if another process holds it; it says who, since when and by which command.
        UnwritableError: if there is no room or right for the file of the lock.
    """
    if int(os.environ.get("RANK", 0)) > 0:
        return False
    path = lock_file(target)
    with _changing:
        if path in _held:
            return False
        lock = FileLock(path, thread_local=False)
        try:
            with explained(target, path):
                lock.acquire(timeout=WAIT_SECONDS)
        except Timeout:
            raise HeldError(
                f"{target.resolve()} is being written by {_holder(path)}: wait for it, end it, or "
                "choose another name"
            ) from None
        try:
            write_json(_holder_file(path), _this_process())
        except BaseException:
            lock.release()
            raise
        _held[path] = lock
        return True


def let_go(target: Path) -> None:
    """Gives the lock back, if this process holds it."""
    with _changing:
        lock = _held.pop(path := lock_file(target), None)
        if lock is not None:
            with contextlib.suppress(OSError):
                _holder_file(path).unlink(missing_ok=True)
            lock.release()


@contextlib.contextmanager
def holding(target: Path) -> Iterator[None]:
    """Holds the lock while the block runs, and afterwards if it was held before; as `hold`."""
    taken = hold(target)
    try:
        yield
    finally:
        if taken:
            let_go(target)


def lock_file(target: Path) -> Path:
    """File of the lock: in a folder, or beside a file."""
    target = target.resolve()
    return target / ".lock" if target.is_dir() else target.with_name(f".{target.name}.lock")


def is_lock(path: Path) -> bool:
    """Whether a path is that of a folder's lock, or of the word on its holder."""
    return path in (lock := lock_file(path.parent), _holder_file(lock))


def command() -> str:
    """The command that this process runs, or in whose name: as typed, or a notebook's path."""
    names = {"__main__.py": "synvae"}
    typed = [names.get(name := Path(sys.argv[0]).name, name), *sys.argv[1:]]
    # Jupyter tells a kernel the notebook that it was started for.
    known = os.environ.get(COMMAND) or os.environ.get("JPY_SESSION_NAME")
    return (known or shlex.join(typed))[:MOST_LETTERS]


def _holder_file(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}.json")


def _this_process() -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(" ", "seconds")
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": since,
        "command": command(),
    }


def _holder(lock: Path) -> str:
    """The holder of a lock, as it says itself; its file may be missing, or say anything."""
    try:
        said = read_json(_holder_file(lock), most_bytes=MOST_BYTES)
        words = {name: str(said[name])[:MOST_LETTERS] for name in _this_process()}
    except (ValueError, KeyError):
        return "another process"
    return "process {pid} on {host} since {since} ({command})".format(**words)
