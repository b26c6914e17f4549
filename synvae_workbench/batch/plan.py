"""Plans of sweeps: a file of parameters, read into the runs that it asks for.

    about: How much music for how much picture
    show: [notes/squared_error]         # first on its page; may be left out
    notebook: 12                        # or a chain: `steps`, each with its notebook
    parameters: {DATASET: mnist_5k}     # the same in all cells
    grid:                               # or `list`, of one mapping a cell
      BETA: [0.02, 0.05, 0.2]
      SEED: [0, 1]

In a chain a name stands for the one step that has it; `train.SEED` is that of the step `train`, and
`all.SEED` that of every step that has one. `RUN: $train` is the run folder of an earlier step.
Everything is checked by the notebooks' own parameters before anything starts.
"""

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from synvae_workbench.batch.naming import cell_name, check_distinct
from synvae_workbench.batch.notebooks import find_notebook
from synvae_workbench.batch.yaml_file import read_yaml
from synvae_workbench.places import check_name, work_folder
from synvae_workbench.reports import (
    Parameter,
    notebook_parameters,
    parse_parameters,
    typed_parameters,
)

MAX_RUNS = 2_000
RUN_NAME, SMOKE, ALL = "RUN_NAME", "SMOKE", "all"
STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
REFERENCE = re.compile(r"\$([a-z][a-z0-9_]*)")

Values = dict[tuple[str, str], Any]  # by step and parameter


class Run(NamedTuple):
    """One run of a notebook: its parameters, `RUN_NAME` among them, and the runs it waits for."""

    name: str
    step: str
    notebook: Path
    parameters: dict[str, Any]
    after: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of its folder under runs/, which notebooks give another for a smoke run."""
        return self.name + "_smoke" * bool(self.parameters.get(SMOKE, False))

    def __str__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.parameters.items() if name != RUN_NAME]
        return " ".join([self.name, self.notebook.stem, *given])


class Cell(NamedTuple):
    """One point of a grid: its value of all that is varied, and its runs, several in a chain."""

    name: str
    varied: dict[str, Any]
    runs: list[Run]


@dataclass(frozen=True)
class Plan:
    """All cells of a file.

    `root` is the folder that holds notebooks/, runs/ and reports/; `show` are the metrics that the
    page of the sweep has first, or none to leave the choice to it.
    """

    name: str
    about: str
    root: Path
    varied: list[str]
    cells: list[Cell]
    show: list[str]

    @property
    def runs(self) -> list[Run]:
        """The runs of all cells, each after those that it waits for."""
        return [run for cell in self.cells for run in cell.runs]

    @property
    def smoke(self) -> bool:
        """True if every run is a smoke run."""
        return all(run.parameters.get(SMOKE, False) for run in self.runs)


class _Step(NamedTuple):
    name: str
    notebook: Path
    given: dict[Any, Any]  # as the file has it
    known: dict[str, Parameter]


def read_plan(
    path: Path,
    *,
    notebooks: Path,
    texts: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Plan:
    """Reads the runs that a file asks for.

    Args:
        notebooks: the folder whose notebooks the file names by number or name.
        texts: parameters as typed on a command line; they win over those of the file.
        name: of the sweep, by default the file's; it begins the names of all runs.

    Raises:
        ValueError: for a file that is no such YAML, unknown keys, notebooks, parameters or steps,
            values of another type, cells that are alike, or more than `MAX_RUNS` runs.
    """
    document = read_yaml(path)
    try:
        return _Reader(document, notebooks).plan(path.stem if name is None else name, texts or {})
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


class _Reader:
    """A document while it is read; every value is checked once, however many cells have it."""

    def __init__(self, document: Mapping[str, Any], notebooks: Path) -> None:
        known = {"about", "show", "notebook", "steps", "parameters", "grid", "list"}
        _refuse_unknown(document, known, "the file")
        if ("notebook" in document) == ("steps" in document):
            raise ValueError("expected either `notebook` or, for a chain, `steps`")
        if "grid" in document and "list" in document:
            raise ValueError("expected `grid` or `list`, not both")
        self.document, self.folder = document, notebooks
        self.checked: dict[tuple[Path, str, str], Any] = {}
        self.steps = dict(self._steps())

    def plan(self, name: str, texts: Mapping[str, str]) -> Plan:
        fixed = self._shared_values(texts)
        varied, points = self._points()
        typed = {target for key in texts for target in self._targets(key)}
        for key in varied:
            if typed & set(self._targets(key)):
                raise ValueError(f"{key} is varied by the file, and cannot be given as well")
        smoke = all(fixed.get((step, SMOKE), False) for step in self.steps)
        check_name(name, "sweep")
        cells = [self._cell(name, point, fixed, varied) for point in points]
        check_distinct([run.name for cell in cells for run in cell.runs])
        about = self.document.get("about", "")
        if not isinstance(about, str):
            raise ValueError(f"about: expected a sentence, got {about!r}")
        show = self.document.get("show", [])
        if not isinstance(show, list) or not all(isinstance(metric, str) for metric in show):
            raise ValueError(f"show: expected names of metrics such as [a/b], got {show!r}")
        name += "_smoke" * smoke  # beside the real one, as the notebooks name their runs
        return Plan(name, about, work_folder(self.folder), varied, cells, show)

    def _steps(self) -> Iterator[tuple[str, _Step]]:
        chain = self.document.get("steps", {"": {"notebook": self.document.get("notebook")}})
        if not isinstance(chain, dict) or not chain:
            raise ValueError("steps: expected lines like `train: {notebook: 12}`")
        for name, entry in chain.items():
            where = f"step {name!r}" if name else "the file"
            if name and (not STEP_NAME.fullmatch(str(name)) or name == ALL):
                raise ValueError(
                    f"{where}: call it by small letters, digits and _, and not {ALL!r}"
                )
            if not isinstance(entry, dict):
                raise ValueError(f"{where}: expected `notebook` and `parameters`, got {entry!r}")
            _refuse_unknown(entry, {"notebook", "parameters"}, where)
            notebook = self._notebook(entry.get("notebook"), where)
            known = notebook_parameters(notebook)
            if RUN_NAME not in known:
                raise ValueError(
                    f"{notebook.name} has no parameter {RUN_NAME}: its runs would meet"
                )
            yield name, _Step(name, notebook, _mapping(entry, "parameters"), known)

    def _notebook(self, what: Any, where: str) -> Path:
        if type(what) not in (int, str) or "/" in str(what) or "\\" in str(what):
            raise ValueError(f"{where}: expected a notebook's number or name, got {what!r}")
        found = find_notebook(str(what).removesuffix(".ipynb"), self.folder)
        return found.resolve()

    def _shared_values(self, texts: Mapping[str, str]) -> Values:
        """Values that are the same in all cells: the file's, each step's own, and those typed."""
        values = self._values(_mapping(self.document, "parameters"))
        for step in self.steps.values():
            for name, value in step.given.items():
                values[step.name, str(name)] = self._check(step, name, value)
        for key, text in texts.items():
            for step, name in self._targets(key):
                parsed = parse_parameters(self.steps[step].notebook, {name: text})
                values[step, name] = parsed[name]
        return values

    def _points(self) -> tuple[list[str], list[dict[str, Any]]]:
        """The names that are varied, and for each cell their checked values."""
        if "list" in self.document:
            points = self.document["list"]
            if not isinstance(points, list) or not all(isinstance(p, dict) and p for p in points):
                raise ValueError("list: expected lines like `- {BETA: 0.1, SEED: 0}`")
            size = len(points)
        else:
            grid = _mapping(self.document, "grid")
            for key, values in grid.items():
                if not isinstance(values, list) or not values:
                    raise ValueError(f"grid: {key}: expected a list of values, got {values!r}")
            size = math.prod(len(values) for values in grid.values())
            points = (
                dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())
            )
        if not 1 <= size * len(self.steps) <= MAX_RUNS:
            raise ValueError(f"{size * len(self.steps):,} runs: expected 1 to {MAX_RUNS:,}")
        points = [{key: self._canonical(key, p[key]) for key in p} for p in points]
        return list(dict.fromkeys(key for point in points for key in point)), points

    def _canonical(self, key: Any, value: Any) -> Any:
        """The value as the notebook takes it: 1 is 1.0 where a float is expected."""
        checked = list(self._values({key: value}).values())
        return checked[0]

    def _values(self, given: Mapping[Any, Any]) -> Values:
        return {
            (step, name): self._check(self.steps[step], name, value)
            for key, value in given.items()
            for step, name in self._targets(key)
        }

    def _targets(self, key: Any) -> list[tuple[str, str]]:
        """The steps and the parameter that a name such as `BETA`, `train.BETA` or `all.SEED` is."""
        if not isinstance(key, str):
            raise ValueError(f"expected the name of a parameter, got {key!r}")
        if list(self.steps) == [""]:
            return [("", key)]
        prefix, _, name = key.rpartition(".")
        having = [step.name for step in self.steps.values() if name in step.known]
        if prefix == ALL and having:
            return [(step, name) for step in having]
        if prefix in self.steps:
            return [(prefix, name)]
        if prefix:
            steps = ", ".join(self.steps) if prefix != ALL else f"a step that has {name}"
            raise ValueError(f"{key}: expected {steps}, or {ALL}, before the dot")
        if len(having) > 1:
            raise ValueError(
                f"{name} is a parameter of the steps {', '.join(having)}: "
                f"write {having[0]}.{name}, or {ALL}.{name} for all of them"
            )
        return [(having[0] if having else next(iter(self.steps)), name)]

    def _check(self, step: _Step, name: Any, value: Any) -> Any:
        if name == RUN_NAME:
            raise ValueError(
                f"{RUN_NAME} is made from the names of file, cell and step: leave it out"
            )
        if not isinstance(name, str):
            raise ValueError(f"expected the name of a parameter, got {name!r}")
        if isinstance(value, list) and not all(type(v) in (bool, int, float, str) for v in value):
            raise ValueError(f"{name}: expected a list of plain values")
        key = (step.notebook, name, f"{type(value)} {value!r}")
        if key not in self.checked:
            self.checked[key] = typed_parameters(step.notebook, {name: value})[name]
        return self.checked[key]

    def _cell(
        self, sweep: str, point: dict[str, Any], fixed: Values, varied: Iterable[str]
    ) -> Cell:
        values = fixed | self._values(point)
        full = {key: self._value(self._targets(key)[0], values) for key in varied}
        name, runs = cell_name(point), []
        for step in self.steps.values():
            run_name = "-".join(part for part in (sweep, name, step.name) if part)
            check_name(run_name, "run")
            given = {key: value for (owner, key), value in values.items() if owner == step.name}
            after = []
            for key, value in given.items():
                if isinstance(value, str) and (match := REFERENCE.fullmatch(value)):
                    earlier = [run for run in runs if run.step == match[1]]
                    if not earlier:
                        raise ValueError(f"{key}: {value!r} names no earlier step")
                    given[key] = f"../runs/{earlier[0].folder}"
                    after.append(earlier[0].name)
            given = {RUN_NAME: run_name, **given}
            runs.append(Run(run_name, step.name, step.notebook, given, tuple(after)))
        return Cell(name, full, runs)

    def _value(self, target: tuple[str, str], values: Values) -> Any:
        """Value of a parameter in a cell, by default the notebook's."""
        step, name = target
        return values.get(target, self.steps[step].known[name].default)


def _mapping(document: Mapping[Any, Any], key: str) -> dict[Any, Any]:
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key}: expected lines like `BETA: 0.1`, got {value!r}")
    return value


def _refuse_unknown(mapping: Mapping[Any, Any], known: set[str], where: str) -> None:
    for key in mapping:
        if key not in known:
            raise ValueError(f"{where} has the key {key!r}; it knows {', '.join(sorted(known))}")
