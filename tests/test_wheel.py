"""The wheel in an environment of its own, from a folder that is no checkout."""

import os
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run(*command: str | Path, **options) -> subprocess.CompletedProcess:
    """A command that must end well."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment of a machine that has the wheel, and of this one all other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    run(*pip, *build)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    here = Path(sysconfig.get_path("purelib"))
    there = folder / "venv" / here.relative_to(sys.prefix)
    # A line of a .pth file adds a folder, but not what .pth files there add, as that of a checkout.
    (there / "others.pth").write_text(str(here), encoding="utf-8")
    python = folder / "venv" / "bin" / "python"
    run(*pip, "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    # Where nbconvert and Voila installed their templates.
    return kept | {"PATH": path, "JUPYTER_PATH": str(Path(sys.prefix, "share", "jupyter"))}


def packages(environment: dict[str, str]) -> list[Path]:
    """Where the two packages are imported from."""
    program = "import synvae_core as a, synvae_workbench as b; print(a.__file__, b.__file__)"
    printed = run("python", "-c", program, env=environment, cwd="/").stdout
    return [Path(path).parent for path in printed.split()]


def files(folders: list[Path]) -> set[Path]:
    """All files, but what Python compiles."""
    return {p for f in folders for p in f.rglob("*") if p.is_file() and p.suffix != ".pyc"}


def test_everything_that_is_committed_comes_along(installed):
    core, workbench = packages(installed)
    assert not core.is_relative_to(ROOT)
    listed = run("git", "ls-files", "synvae_core", "synvae_workbench", cwd=ROOT).stdout.split()
    assert listed
    missing = [name for name in listed if not (core.parent / name).is_file()]
    assert not missing
    for name, place in (("pretrained", core), ("notebooks", workbench / "share")):
        listed = run("git", "ls-files", name, cwd=ROOT).stdout.split()
        assert {p.relative_to(place).as_posix() for p in files([place / name])} == set(listed)


def test_a_notebook_runs_where_there_is_none(installed, tmp_path):
    """And what it writes stands in the current folder, not in the package."""
    before = files(packages(installed))
    shown = run("synvae", "list", "--short", env=installed, cwd=tmp_path).stdout.split()
    assert shown == sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    done = run("synvae", "run", "30", "-p", "SMOKE", "true", env=installed, cwd=tmp_path)
    assert done.stdout.strip() == str(tmp_path / "reports" / "30_published_against_measured.html")
    assert (tmp_path / "runs" / "published_against_measured_smoke" / "metrics.json").is_file()
    assert files(packages(installed)) == before


def test_a_folder_to_work_in(installed, tmp_path):
    said = run("synvae", "new", "work", env=installed, cwd=tmp_path).stdout
    assert "synvae run 00 -p SMOKE true" in said
    work = tmp_path / "work"
    assert len(list(work.glob("notebooks/*.ipynb"))) == len(list(ROOT.glob("notebooks/*.ipynb")))
    dry = run("synvae", "sweep", "reports/digits.yaml", "--dry-run", env=installed, cwd=work).stdout
    assert dry.count("RUN=") + dry.count("SEED=") > 0
    again = subprocess.run(["synvae", "new", "work"], env=installed, cwd=tmp_path, check=False)
    assert again.returncode == 2


def test_weights_come_along(installed, tmp_path):
    program = (
        "from synvae_core.models.melody.configurations import load_melody_model as load\n"
        "print(load('../pretrained/melody_2bar').config)"
    )
    assert "MelodyConfig" in run("python", "-c", program, env=installed, cwd=tmp_path).stdout


def test_live_pages_are_served(installed, tmp_path):
    command = ["synvae", "explore", "--port", "0"]
    process = subprocess.Popen(
        command, env=installed, cwd=tmp_path, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        address = process.stdout.readline().split()[-1]
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(
            address
        ) as page:
            assert "40_explore_synvae" in page.geturl()
            assert "voila" in page.read().decode()
    finally:
        process.terminate()
        process.wait()
