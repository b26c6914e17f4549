"""`synvae run`, `list` and `sweep --dry-run`, and the files of reports/."""

import subprocess
import sys
from pathlib import Path

import pytest

from synvae_workbench.__main__ import main
from synvae_workbench.batch.notebooks import find_notebook, question_of
from synvae_workbench.batch.plan import read_plan

ROOT = Path(__file__).parents[3]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_a_notebook_by_number_name_or_path(tree):
    folder = tree.root / "notebooks"
    path = folder / "05_tiny.ipynb"
    for what in ("5", "05", "tiny", "05_tiny", "05_tiny.ipynb", str(path)):
        assert find_notebook(what, folder) == path, what


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("7", "'7' is no notebook of .*number, a name or a path"),
        ("tinny", "did you mean 05_tiny?"),
        ("", "is no notebook"),
        ("../../etc/passwd", "is no notebook"),
        ("reports/beta.yaml", "run it by `synvae sweep reports/beta.yaml`"),
    ],
)
def test_what_is_no_notebook(tree, what, message):
    with pytest.raises(ValueError, match=message):
        find_notebook(what, tree.root / "notebooks")


def test_a_number_that_several_have(tree):
    tree.notebook("05_other")
    with pytest.raises(ValueError, match="05_other or 05_tiny: name one"):
        find_notebook("5", tree.root / "notebooks")
    assert find_notebook("other", tree.root / "notebooks").stem == "05_other"


def test_list(tree, capsys):
    folder = str(tree.root / "notebooks")
    assert main(["list", "--notebooks", folder, "--short"]) == 0
    assert capsys.readouterr().out == "05_tiny\n06_tiny_too\n"
    assert main(["list", "6", "--notebooks", folder]) == 0
    out = capsys.readouterr().out
    assert out.startswith("06_tiny_too\n    Does it run?\n")
    assert "    BETA     float 0.5    a number\n" in out
    assert "05_tiny" not in out


def test_run_by_number(tree, capsys):
    assert main(["run", "5", "--notebooks", str(tree.root / "notebooks"), "-p", "BETA", "2"]) == 0
    assert capsys.readouterr().out == f"{tree.root}/reports/05_tiny.html\n"
    assert tree.words("tiny") == ["begin", "end"]


def test_dry_run_starts_nothing(tree, capsys):
    path = tree.file("notebook: 5\ngrid: {BETA: [1, 2]}")
    assert main([*tree.arguments(path), "--dry-run", "-p", "LABEL", "x"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "trial-BETA_1.0 05_tiny LABEL='x' BETA=1.0",
        "trial-BETA_2.0 05_tiny LABEL='x' BETA=2.0",
    ]
    assert not list((tree.root / "runs").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheduler", "tcp://x:1", "--gpus", "0"], "are of this machine"),
        (["--needs", "GPU=1"], "is of a --scheduler's workers"),
        (["-p", "BETTA", "1"], "did you mean 'BETA'"),
    ],
)
def test_options_that_do_not_go_together(tree, arguments, message):
    status, out, err = tree.sweep(tree.file("notebook: 5"), *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert not list((tree.root / "runs").iterdir())


@pytest.mark.parametrize("path", sorted((ROOT / "reports").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_files_of_reports_are_read(path):
    plan = read_plan(path, notebooks=ROOT / "notebooks")
    assert plan.about


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_asks_something_and_names_its_folder_as_sweeps_expect(path):
    assert question_of(path).endswith("?")
    if path.stem != "01_data":
        assert 'run_folder(RUN_NAME + SMOKE * \\"_smoke\\"' in path.read_text(encoding="utf-8")


def test_a_reader_who_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "synvae_workbench", "list"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, encoding="utf-8", **pipes) as listing:
        assert listing.stdout.readline()
        listing.stdout.close()
        assert listing.stderr.read() == ""
    assert listing.returncode == 0
