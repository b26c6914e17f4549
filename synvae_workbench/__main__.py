"""The command line of synvae: runs, sweeps, comparisons, live pages, imports of models."""

import argparse
import os
import shlex
import signal
import sys
import tempfile
import webbrowser
from pathlib import Path

from synvae_core.places import whole_path
from synvae_workbench.arguments import count, place, port
from synvae_workbench.places import (
    SHARE,
    SHIPPED,
    find_shipped,
    lay_out,
    notebooks_folder,
    work_folder,
)
from synvae_workbench.streams import make_lasting


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, prints what it made, and returns the exit status."""
    make_lasting()
    for name in ("SYNVAE_DATA", "SYNVAE_CACHE"):  # counted from here, and not from notebooks
        if os.environ.get(name):
            os.environ[name] = str(whole_path(os.environ[name]))
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except ModuleNotFoundError as error:
        needed = f"pip install 'synvae[{options.group}]'"
        print(f"error: {error.name} is not installed, and this needs it: {needed}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Parser of the commands and their arguments."""
    whole = argparse.ArgumentParser(prog="synvae", description=__doc__)
    whole.set_defaults(group="notebooks")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    run_parser(commands)
    sweep_parser(commands)
    explore_parser(commands)

    compare = commands.add_parser("compare", help="put two runs side by side in one page")
    compare.add_argument("first", type=typed, metavar="RUN", help="a folder of runs/")
    compare.add_argument("second", type=typed, metavar="RUN")
    compare.add_argument("--out", type=typed, metavar="FILE", help="by default in reports/")
    compare.set_defaults(command=compare_command)

    shown = commands.add_parser("list", help="show notebooks, their questions and parameters")
    shown.add_argument("notebook", nargs="?", help="its number, name or path; by default all")
    shown.add_argument("--short", action="store_true", help="their names alone")
    notebooks_option(shown)
    shown.set_defaults(command=list_command)

    new = commands.add_parser("new", help="lay out notebooks and parameter files, to work in")
    new.add_argument("folder", type=typed, help="a new one, or an empty one")
    new.set_defaults(command=new_command)

    strip = commands.add_parser("strip", help="remove what a run left in notebooks, in place")
    strip.add_argument("notebooks", type=typed, nargs="+")
    strip.set_defaults(command=strip_command)

    results = commands.add_parser(
        "results", help="write the README's table and the page of results"
    )
    results.add_argument("--record", type=typed, metavar="RUN", help="a run to add first")
    results.add_argument("--made-by", metavar="COMMAND", help="the command that made that run")
    results.set_defaults(command=results_command)

    imported = commands.add_parser("import", help="turn a Magenta checkpoint into a model folder")
    imported.add_argument("checkpoint", type=typed, help=".ckpt prefix, archive, or a folder")
    imported.add_argument("folder", type=typed, help="where the model is written")
    imported.add_argument("--steps", type=count, help="sixteenths of a melody, where not known")
    imported.add_argument("--bar-start", default="carried", help="of hierarchical models: or fresh")
    imported.set_defaults(command=import_command)
    return whole


def typed(path: str) -> Path:
    """The path that an argument names."""
    try:
        return whole_path(path)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parameter_option(command: argparse.ArgumentParser, words: str) -> None:
    """Adds `-p NAME VALUE`, the form of papermill."""
    pair = {"nargs": 2, "metavar": ("NAME", "VALUE")}
    command.add_argument("-p", "--parameter", action="append", default=[], help=words, **pair)


def notebooks_option(command: argparse.ArgumentParser) -> None:
    """Adds the option of the folder of notebooks."""
    words = "by default notebooks/ here, or else those that come along"
    folder = {"type": typed, "default": notebooks_folder(), "metavar": "FOLDER"}
    command.add_argument("--notebooks", help=words, **folder)


def run_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command that runs one notebook."""
    run = commands.add_parser("run", help="run a notebook into reports/NAME.html")
    run.add_argument("notebook", help="its number, name or path, such as 12; see `synvae list`")
    parameter_option(run, "set a parameter of the notebook; may be repeated")
    run.add_argument("--name", help="name of the report, by default the notebook's")
    notebooks_option(run)
    run.add_argument("--devices", type=count, default=1, help="processes here, one a device")
    run.add_argument("--nodes", type=count, default=1, help="machines that run this command")
    run.add_argument("--node-rank", type=place, default=0, help="which of them it is, from 0")
    run.add_argument("--head", default="127.0.0.1:29500", help="HOST:PORT of machine 0")
    run.set_defaults(command=run_command)


def sweep_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command that runs a sweep."""
    sweep = commands.add_parser("sweep", help="run what a file of reports/ asks for: many runs")
    sweep.add_argument("file", type=typed, help="YAML: notebook or steps, and grid or list")
    parameter_option(sweep, "set one of all cells; in a chain STEP.NAME or all.NAME")
    sweep.add_argument("--name", help="begins the names of all runs, by default the file's")
    sweep.add_argument("--resume", action="store_true", help="go on; what is done stays as it is")
    sweep.add_argument("--dry-run", action="store_true", help="check it, and show what would run")
    sweep.add_argument("--workers", type=count, help="processes here; by default what does good")
    sweep.add_argument("--gpus", metavar="0,1", help="cards of this machine, empty for the CPU")
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="of Dask, such as tcp://HOST:8786")
    sweep.add_argument("--needs", default="", metavar="GPU=1", help="of a worker there, for a run")
    notebooks_option(sweep)
    sweep.set_defaults(command=sweep_command, group="sweep")


def explore_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command that serves the live pages."""
    explore = commands.add_parser("explore", help="serve the live pages, on this machine alone")
    notebooks_option(explore)
    explore.add_argument("--port", type=port, default=8866, help="of 127.0.0.1; 0 for a free one")
    explore.add_argument("--browser", action="store_true", help="open the pages in a browser, too")
    parameter_option(explore, "set a parameter of the pages that have it; may be repeated")
    explore.set_defaults(command=explore_command, group="live")


def run_command(options: argparse.Namespace) -> int:
    """Runs a notebook; prints the path of its report, also after a failure."""
    from synvae_workbench.batch.launch import Processes, launch
    from synvae_workbench.batch.notebooks import find_notebook
    from synvae_workbench.reports import (
        NotebookFailed,
        NotebookInterrupted,
        parse_parameters,
        run_notebook,
    )

    path = find_notebook(options.notebook, options.notebooks)
    given = parse_parameters(path, dict(options.parameter))
    processes = Processes(options.devices, options.nodes, options.node_rank, options.head)
    if processes.several:
        name = ["--name", options.name] if options.name else []
        pairs = [word for pair in options.parameter for word in ("-p", *pair)]
        return launch(["run", str(path), *name, *pairs], processes)
    if int(os.environ.get("RANK", 0)) > 0:  # of several processes the first writes the report
        with tempfile.TemporaryDirectory() as folder:
            run_notebook(path, parameters=given, out_dir=Path(folder))
        return 0
    try:
        report, status = run_notebook(path, parameters=given, name=options.name), 0
    except NotebookFailed as failure:
        print(failure, file=sys.stderr)
        report, status = failure.report, 1
    except NotebookInterrupted as interruption:
        print(interruption, file=sys.stderr)
        report, status = interruption.report, 128 + interruption.signum
    print(report)
    return status


def sweep_command(options: argparse.Namespace) -> int:
    """Runs a sweep; prints its failed runs and the path of its page."""
    if options.scheduler and (options.workers is not None or options.gpus is not None):
        raise ValueError("--workers and --gpus are of this machine: leave them or --scheduler out")
    if options.needs and not options.scheduler:
        raise ValueError("--needs is of a --scheduler's workers; here, --gpus says which cards")
    from synvae_workbench.batch.plan import read_plan

    plan = read_plan(
        find_shipped(options.file),
        notebooks=options.notebooks,
        texts=dict(options.parameter),
        name=options.name,
    )
    if options.dry_run:
        print(*plan.runs, sep="\n")
        return 0
    # Imports Dask, which takes long, after the file has been checked.
    from synvae_workbench.batch.cluster import local_client, parse_needs, plan_local, remote_client
    from synvae_workbench.batch.sweep import open_sweep, run_sweep
    from synvae_workbench.reports.sweep import write_sweep_page

    with open_sweep(plan, resume=options.resume) as states:
        if options.scheduler:
            needs, connection = parse_needs(options.needs), remote_client(options.scheduler)
        else:
            cards = None if options.gpus is None else [c for c in options.gpus.split(",") if c]
            local = plan_local(len(plan.runs), options.workers, cards)
            needs, connection = local.needs, local_client(local)
        try:
            with connection as client:
                outcome = run_sweep(plan, states, client, needs=needs, status=sys.stderr)
        except KeyboardInterrupt:  # while workers start or stop
            return 130
    for name, reason in outcome.failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    print(write_sweep_page(outcome.digest))
    return outcome.status


def compare_command(options: argparse.Namespace) -> int:
    """Compares two runs; prints the path of the page."""
    from synvae_workbench.reports.compare import write_comparison

    names = f"{options.first.resolve().name}_and_{options.second.resolve().name}.html"
    out = options.out or work_folder(notebooks_folder()) / "reports" / names
    print(write_comparison(options.first, options.second, out))
    return 0


def list_command(options: argparse.Namespace) -> int:
    """Prints the notebooks with their questions, and each parameter with type, default and help."""
    from synvae_workbench.batch.notebooks import find_notebook, parameter_lines, question_of

    if options.notebook is None:
        paths = sorted(options.notebooks.glob("[!.]*.ipynb"))
        if not paths:
            raise ValueError(f"{options.notebooks} has no notebooks: name a folder with some")
    else:
        paths = [find_notebook(options.notebook, options.notebooks)]
    for path in paths:
        if options.short:
            print(path.stem)
            continue
        print(path.stem, f"    {question_of(path)}", *parameter_lines(path), "", sep="\n")
    return 0


def strip_command(options: argparse.Namespace) -> int:
    """Strips outputs from notebooks; prints the paths of the changed ones."""
    from synvae_workbench.reports import read_notebook, strip_notebook, write_notebook

    for path in options.notebooks:
        notebook = read_notebook(path)
        if (clean := strip_notebook(notebook)) != notebook:
            write_notebook(clean, path)
            print(path)
    return 0


def new_command(options: argparse.Namespace) -> int:
    """Lays out a work folder; prints its contents and the next commands."""
    copies = lay_out(options.folder)
    count = sum(path.suffix == ".ipynb" for path in copies)
    print(
        f"{options.folder} has {count} notebooks and {len(copies) - count} parameter files. Next:"
    )
    print(f"    cd {shlex.quote(str(options.folder))}")
    print("    synvae list --short                         what there is")
    print("    synvae run 00 -p SMOKE true                 a first report, in reports/")
    print("    jupyter lab                                 all of it, cell by cell")
    print("    synvae sweep reports/beta.yaml --dry-run    many runs")
    return 0


def results_command(options: argparse.Namespace) -> int:
    """Writes or records results; prints the paths of the pages written."""
    if SHIPPED == SHARE:
        raise ValueError("README.md and docs/results.md are pages of a checkout: run it in one")
    # Imports torch, which takes long, after the run has been checked.
    from synvae_workbench.reports.published import write_pages
    from synvae_workbench.reports.results import record_result

    if options.record:
        if not options.made_by:
            raise ValueError("--record needs --made-by, the command that a reader could repeat")
        results = SHIPPED / "reports" / "results.json"
        record_result(results, options.record, command=options.made_by)
    print(*write_pages(SHIPPED), sep="\n")
    return 0


def explore_command(options: argparse.Namespace) -> int:
    """Serves the live pages until interrupted; prints their address."""
    from synvae_workbench.live.server.voila import explore

    def ready(address: str) -> None:
        print(f"Explore and listen: {address}\nEnd it with Control-C.", flush=True)
        if options.browser:
            webbrowser.open(address)

    explore(options.notebooks, parameters=dict(options.parameter), port=options.port, ready=ready)
    return 0


def import_command(options: argparse.Namespace) -> int:
    """Imports a model; prints its configuration, missing weights and the path of its folder."""
    from synvae_core.atomic import make_folder
    from synvae_core.models.storage import save_model
    from synvae_workbench.importers.magenta import load_magenta
    from synvae_workbench.locks import holding

    model = load_magenta(options.checkpoint, steps=options.steps, bar_start=options.bar_start)
    print(model.config)
    for name in model.missing:
        print(f"missing: {name}")
    with holding(make_folder(options.folder)):
        save_model(model, options.folder)
    print(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
