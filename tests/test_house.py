"""The rules of the house: floors, sizes, notebooks as committed, versions that agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

from synvae_core.reports import notebook_parameters, stripped

ROOT = Path(__file__).parents[1]
PACKAGE = "synvae_core"
MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# A module imports only from lower floors or from its own package.
FLOORS = {
    "types": 0,
    "losses": 1,
    "schedules": 1,
    "provenance": 1,
    "music": 1,
    "data": 2,
    "models": 2,
    "metrics": 3,
    "training": 4,
    "listening": 4,
    "plots": 4,
    "players": 4,
    "maps": 4,
    "results": 4,
    "published": 5,
    "widgets": 5,
    "reports": 5,
    "batch": 6,
    "explore": 6,
    "__main__": 7,
}
MAX_LINES = 330
MAX_CELL_LINES = 25


def part_of(module: str) -> str:
    """`data` of synvae_core.data.abc, `losses` of synvae_core.losses."""
    return [*module.split("."), ""][1]


def imported_modules(source: str) -> set[str]:
    """Modules of the package that a source names in its import statements, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports are absolute"
            # `from synvae_core import data` names the package data as well.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == PACKAGE}


def breaches(part: str, source: str) -> list[str]:
    """Imports that a module of `part` must not have."""
    return [
        name
        for name in sorted(imported_modules(source))
        if part_of(name) != part and FLOORS.get(part_of(name), 99) >= FLOORS[part]
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if module == f"{PACKAGE}.__init__":
        assert not imported_modules(path.read_text())
        return
    part = part_of(module)
    assert part in FLOORS, f"{path.name} is on no floor; give it one in FLOORS"
    assert not breaches(part, path.read_text())


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("data", "from synvae_core.models.music import MelodyVae"),
        ("models", "import synvae_core.data.abc"),
        ("losses", "def f():\n    from synvae_core import training"),
        ("metrics", "from synvae_core.unknown import x"),
    ],
)
def test_an_import_that_goes_up_is_found(part, source):
    assert breaches(part, source)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_small_and_silent(path):
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_LINES, "split it"
    if path.name == "__main__.py":
        return
    for node in ast.walk(ast.parse(source)):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
        assert called != "print", f"line {node.lineno}: the core prints nothing"
    assert "argparse" not in source, "arguments are parsed in __main__.py alone"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_functions_say_what_they_do(path):
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"line {node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestNotebook:
    def test_is_valid_and_stripped(self, path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert stripped(notebook) == notebook, "`make tidy` strips what a run left"

    def test_begins_with_prose_and_parameters(self, path):
        first, second, *_ = nbformat.read(path, as_version=4).cells
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert "parameters" in second.metadata.get("tags", [])
        assert notebook_parameters(path)["SMOKE"].default is False
        for name, parameter in notebook_parameters(path).items():
            assert parameter.help, f"{name} has no comment that says what it is"

    def test_has_short_cells(self, path):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, 1):
            if cell.cell_type == "code":
                assert len(cell.source.splitlines()) <= MAX_CELL_LINES, f"cell {number}"

    def test_says_how_long_it_takes(self, path):
        cells = nbformat.read(path, as_version=4).cells
        hints = [cell.metadata["synvae"]["seconds"] for cell in cells if "synvae" in cell.metadata]
        assert sum(hints) > 0, "give long cells metadata.synvae.seconds, for the time left"


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_is_content_with_code_and_notebooks(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def locked() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_version_is_locked_exactly():
    for line in locked():
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line), line
    assert not any(line.lower().startswith("pyaudio") for line in locked())


def test_conda_users_get_the_same_versions():
    text = (ROOT / "environment.yml").read_text()
    assert re.findall(r"^      - (.+)$", text, re.MULTILINE) == locked()


def test_every_dependency_is_locked_and_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    names = {canonical(line.partition("==")[0]) for line in locked()}
    for dependency in project["dependencies"] + extras["sound"] + extras["dev"]:
        assert canonical(re.match(r"[\w.-]+", dependency)[0]) in names, dependency
    for dependency in project["dependencies"]:
        assert re.search(rf'"{re.escape(dependency)}", +# \w', text), f"{dependency}: why?"


def test_the_licence_is_there():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text()


def test_ci_does_what_a_person_does():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in lines if "make" in line and not line.startswith("#")] == ["make test"]


def test_shapes_are_enforced_under_test():
    import torch
    from jaxtyping import TypeCheckError

    from synvae_core.losses import normal_kl

    with pytest.raises(TypeCheckError):
        normal_kl(torch.zeros(2, 3), torch.zeros(2, 4))
