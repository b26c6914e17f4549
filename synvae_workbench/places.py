"""Where notebooks, parameter files, runs and reports lie: in a checkout, or with a wheel.

In a checkout, and in a folder that `lay_out` made, notebooks/, reports/ and runs/ lie side by side.
A wheel brings notebooks and parameter files inside this package, where nothing is ever written:
what they write goes into runs/ and reports/ of the current folder.
"""

import os
import shutil
from pathlib import Path

HERE = Path(__file__).parent
SHARE = HERE / "share"  # what a wheel brings; a checkout has no such folder
SHIPPED = SHARE if SHARE.is_dir() else HERE.parent
LAID_OUT = ("notebooks/*.ipynb", "reports/*.yaml")


def notebooks_folder() -> Path:
    """notebooks/ of the current folder, or where it has none, the one that comes along."""
    here = Path.cwd() / "notebooks"
    return here if any(here.glob("*.ipynb")) else SHIPPED / "notebooks"


def work_folder(notebooks: Path) -> Path:
    """The folder of runs/ and reports/ for a folder of notebooks, never inside this package."""
    notebooks = notebooks.resolve()
    return Path.cwd() if notebooks.is_relative_to(SHARE.resolve()) else notebooks.parent


def kernel_folder(notebooks: Path) -> Path:
    """Where the notebooks of a folder are run, so that their `../runs` is that of `work_folder`."""
    work = work_folder(notebooks)
    if work == notebooks.resolve().parent:
        return notebooks.resolve()
    (work / "runs").mkdir(exist_ok=True)
    return work / "runs"


def find_shipped(path: str | Path) -> Path:
    """The path itself, or where there is nothing, the file of that name in reports/ as it came."""
    path = Path(path)
    ours = SHIPPED / "reports" / path.name
    return ours if path.parent.name == "reports" and ours.is_file() and not path.exists() else path


def lay_out(folder: Path) -> list[Path]:
    """Copies the notebooks and the parameter files of sweeps into a new folder, to work in.

    Returns:
        The paths of the copies.

    Raises:
        ValueError: if the folder has something in it already.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty: name a new folder, so that nothing is replaced")
    copies = []
    for path in sorted(path for pattern in LAID_OUT for path in SHIPPED.glob(pattern)):
        copy = folder / path.relative_to(SHIPPED)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copies.append(shutil.copyfile(path, copy))
    return copies


def python_path() -> str:
    """PYTHONPATH for a process that is to import these packages, also uninstalled ones."""
    # Not site-packages, which Python finds anyway, and where a backport would hide the library's.
    ours = "" if SHARE.is_dir() else str(HERE.parent)
    return os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH", "")]))
