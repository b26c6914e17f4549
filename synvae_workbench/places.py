"""Folders of notebooks, parameter files, runs and reports, in a checkout or with a wheel.

In a checkout, and in a folder made by `lay_out`, notebooks/, reports/ and runs/ lie side by side. A
wheel has notebooks and parameter files inside this package, where nothing is ever written: their
output goes into runs/ and reports/ of the current folder.
"""

import os
import re
import sys
from pathlib import Path

from synvae_core.atomic import make_folder, write_bytes
from synvae_core.places import whole_path

HERE = Path(__file__).parent
SHARE = HERE / "share"  # in a wheel alone
SHIPPED = SHARE if SHARE.is_dir() else HERE.parent
LAID_OUT = ("notebooks/*.ipynb", "reports/*.yaml")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LONGEST_NAME = 200  # files add to it, and systems take 255 letters
SUFFIX = re.compile(r"\.[A-Za-z]\w*$")


def notebooks_folder() -> Path:
    """Folder notebooks/ of the current folder, else the packaged one."""
    here = Path.cwd() / "notebooks"
    return here if any(here.glob("*.ipynb")) else SHIPPED / "notebooks"


def work_folder(notebooks: Path) -> Path:
    """Folder of runs/ and reports/ for a folder of notebooks, never inside this package."""
    notebooks = notebooks.resolve()
    return Path.cwd() if notebooks.is_relative_to(SHARE.resolve()) else notebooks.parent


def kernel_folder(notebooks: Path) -> Path:
    """Working folder of a folder's notebooks, in which `../runs` is that of `work_folder`."""
    return make_folder(_working_folder(notebooks))


def _working_folder(notebooks: Path) -> Path:
    work, notebooks = work_folder(notebooks), notebooks.resolve()
    return notebooks if work == notebooks.parent else work / "runs"


def check_name(name: str, of: str) -> None:
    """Checks a name after which files and folders are called, `of` a run, a report or a sweep.

    Raises:
        ValueError: unless it is of letters, digits and a few signs alone, and not too long.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        shown = repr(name) if len(name) < 80 else f"{len(name)} letters"
        raise ValueError(
            f"the name of a {of} is made of letters, digits, _ . and -, neither . nor - at its "
            f"beginning, and of {LONGEST_NAME} of them at most; got {shown}"
        )


def typed_path(text: str, notebooks: Path) -> str:
    """A path typed in the current folder, as notebooks of a folder find it from where they run.

    What is not in the current folder counts from the notebooks' working folder if it is there, as
    their defaults do. A bare word that is in neither stays what it is, as it may be a name.

    Args:
        text: a path, absolute or relative, with or without `~`; or empty.
    """
    path, work = Path(os.path.expanduser(text)), _working_folder(notebooks)
    if not text or path.is_absolute():
        return str(path) if text else text
    here = whole_path(path)
    if not _is_there(here):
        is_name = path.name == text and not SUFFIX.search(text)
        if is_name or _is_there(work / path) or not here.parent.is_dir():
            return text
    return os.path.relpath(here, work) if here.is_relative_to(work.parent) else str(here)


def _is_there(path: Path) -> bool:
    """Whether there is a file or a folder, or a checkpoint whose files begin so."""
    beginning = f"{path.name}."
    try:
        return path.exists() or any(p.name.startswith(beginning) for p in path.parent.iterdir())
    except (OSError, ValueError):  # a name too long, a zero byte, a folder that is none
        return False


def find_shipped(path: str | Path) -> Path:
    """Path of a file: as given if it exists, else of the packaged file of that name in reports/."""
    path = whole_path(path)
    ours = SHIPPED / "reports" / path.name
    return ours if path.parent.name == "reports" and ours.is_file() and not path.exists() else path


def lay_out(folder: Path) -> list[Path]:
    """Copies the notebooks and the parameter files of sweeps into a new folder, to work in.

    Returns:
        The paths of the copies.

    Raises:
        ValueError: if the folder is not empty.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty: name a new folder, so that nothing is replaced")
    copies = []
    for path in sorted(path for pattern in LAID_OUT for path in SHIPPED.glob(pattern)):
        copy = folder / path.relative_to(SHIPPED)
        make_folder(copy.parent)
        write_bytes(copy, path.read_bytes())
        copies.append(copy)
    return copies


def kernel_command() -> list[str]:
    """Command line of a kernel of this interpreter, for a KernelSpec.

    It looks for garbage at every 10,000 objects rather than 700: what a notebook imports is half a
    million objects, none of them garbage, and to go through them anew is a sixth of the wait.
    """
    first = "__import__('gc').set_threshold(10_000)"
    return [
        *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        f"--IPKernelApp.exec_lines={first}",
    ]


def python_path() -> str:
    """PYTHONPATH with which a process can import these packages, installed or not."""
    # Without site-packages: Python finds it anyway, and backports in it would hide the library.
    ours = "" if SHARE.is_dir() else str(HERE.parent)
    return os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH", "")]))
