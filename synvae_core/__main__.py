"""The command line of synvae: run notebooks, import models, keep notebooks and README tidy."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from synvae_core.reports import (
    NotebookFailed,
    NotebookInterrupted,
    notebook_parameters,
    parse_parameters,
    read_notebook,
    run_notebook,
    stripped,
)

ROOT = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, prints what it made, and returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    whole = argparse.ArgumentParser(prog="python -m synvae_core", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a notebook into reports/NAME.html")
    run.add_argument("notebook", type=Path)
    run.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the notebook; may be repeated",
    )
    run.add_argument("--name", help="name of the report, by default the notebook's")
    run.add_argument("--devices", type=int, default=1, help="processes here, each with a device")
    run.add_argument("--nodes", type=int, default=1, help="machines that run this same command")
    run.add_argument("--node-rank", type=int, default=0, help="which of them this is, from 0")
    run.add_argument("--head", default="127.0.0.1:29500", help="HOST:PORT of machine 0")
    run.set_defaults(command=run_command)

    parameters = commands.add_parser("parameters", help="list the parameters of a notebook")
    parameters.add_argument("notebook", type=Path)
    parameters.set_defaults(command=parameters_command)

    strip = commands.add_parser("strip", help="remove what a run left in notebooks, in place")
    strip.add_argument("notebooks", type=Path, nargs="+")
    strip.set_defaults(command=strip_command)

    results = commands.add_parser(
        "results", help="write the README's table and the page of results"
    )
    results.add_argument("--record", type=Path, metavar="RUN", help="a run folder to add first")
    results.add_argument("--made-by", metavar="COMMAND", help="the command that made that run")
    results.set_defaults(command=results_command)

    imported = commands.add_parser("import", help="turn a Magenta checkpoint into a model folder")
    imported.add_argument("checkpoint", type=Path, help=".ckpt prefix, archive, or a folder")
    imported.add_argument("folder", type=Path, help="where config.json and the weights are written")
    imported.add_argument("--steps", type=int, help="sixteenths of a melody, where not known")
    imported.add_argument("--bar-start", default="carried", help="of hierarchical models: or fresh")
    imported.set_defaults(command=import_command)
    return whole


def run_command(options: argparse.Namespace) -> int:
    """Prints the path of the report, also of one that shows a failure."""
    given = parse_parameters(options.notebook, dict(options.parameter))
    if options.devices * options.nodes > 1:
        return launch(options)
    if int(os.environ.get("RANK", 0)) > 0:  # one process of several leaves the report
        with tempfile.TemporaryDirectory() as folder:
            run_notebook(options.notebook, parameters=given, out_dir=Path(folder))
        return 0
    try:
        report, status = run_notebook(options.notebook, parameters=given, name=options.name), 0
    except NotebookFailed as failure:
        print(failure, file=sys.stderr)
        report, status = failure.report, 1
    except NotebookInterrupted as interruption:
        print(interruption, file=sys.stderr)
        report, status = interruption.report, 128 + interruption.signum
    print(report)
    return status


def launch(options: argparse.Namespace) -> int:
    """The same command in several processes, by torch's own launcher."""
    if options.nodes == 1:
        where = ["--standalone"]
    else:
        host, _, port = options.head.rpartition(":")
        where = [f"--node-rank={options.node_rank}", f"--master-addr={host}"]
        where += [f"--master-port={port}", f"--nnodes={options.nodes}"]
    command = [sys.executable, "-m", "torch.distributed.run", *where]
    command += [f"--nproc-per-node={options.devices}", "-m", "synvae_core", "run"]
    command += [str(options.notebook), *(["--name", options.name] if options.name else [])]
    for name, value in options.parameter:
        command += ["-p", name, value]
    return subprocess.call(command)


def parameters_command(options: argparse.Namespace) -> int:
    """Prints each parameter with its default and its comment."""
    for name, parameter in notebook_parameters(options.notebook).items():
        print(f"{name} = {parameter.default!r}  {parameter.help}".rstrip())
    return 0


def strip_command(options: argparse.Namespace) -> int:
    """Prints the paths of the notebooks that it changed."""
    for path in options.notebooks:
        notebook = read_notebook(path)
        if (clean := stripped(notebook)) != notebook:
            nbformat.write(clean, path)
            print(path)
    return 0


def results_command(options: argparse.Namespace) -> int:
    """Prints the paths of the pages that it wrote."""
    # Imports torch, for which a run that is refused should not have to wait.
    from synvae_core.results import (
        read_results,
        read_tables,
        record_result,
        results_page,
        with_tables,
    )

    results = ROOT / "reports" / "results.json"
    if options.record:
        if not options.made_by:
            raise ValueError("--record needs --made-by, the command that a reader could repeat")
        record_result(results, options.record, command=options.made_by)
    found, tables = read_results(results), read_tables(ROOT / "reports" / "tables.json")
    readme, page = ROOT / "README.md", ROOT / "docs" / "results.md"
    readme.write_text(with_tables(readme.read_text(), found, tables))
    page.write_text(results_page(found, tables))
    print(readme, page, sep="\n")
    return 0


def import_command(options: argparse.Namespace) -> int:
    """Prints the model's configuration, what its checkpoint lacks, and the path of the folder."""
    from synvae_core.models.magenta import load_magenta
    from synvae_core.models.storage import save_model

    model = load_magenta(options.checkpoint, steps=options.steps, bar_start=options.bar_start)
    print(model.config)
    for name in model.missing:
        print(f"missing: {name}")
    save_model(model, options.folder)
    print(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
