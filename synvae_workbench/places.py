"""Folders of notebooks, parameter files, runs and reports, in a checkout or with a wheel.

In a checkout, and in a folder made by `lay_out`, notebooks/, reports/ and runs/ lie side by side. A
wheel has notebooks and parameter files inside this package, where nothing is ever written: their
output goes into runs/ and reports/ of the current folder.
"""

import os
from pathlib import Path

from synvae_core.atomic import make_folder, write_bytes

HERE = Path(__file__).parent
SHARE = HERE / "share"  # in a wheel alone
SHIPPED = SHARE if SHARE.is_dir() else HERE.parent
LAID_OUT = ("notebooks/*.ipynb", "reports/*.yaml")


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
    work = work_folder(notebooks)
    if work == notebooks.resolve().parent:
        return notebooks.resolve()
    return make_folder(work / "runs")


def find_shipped(path: str | Path) -> Path:
    """Path of a file: as given if it exists, else of the packaged file of that name in reports/."""
    path = Path(path)
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


def python_path() -> str:
    """PYTHONPATH with which a process can import these packages, installed or not."""
    # Without site-packages: Python finds it anyway, and backports in it would hide the library.
    ours = "" if SHARE.is_dir() else str(HERE.parent)
    return os.pathsep.join(filter(None, [ours, os.environ.get("PYTHONPATH", "")]))
