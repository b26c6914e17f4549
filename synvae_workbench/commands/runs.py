"""The commands that run notebooks: one of them, or a sweep."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from synvae_workbench.arguments import count, place
from synvae_workbench.commands.options import notebooks_option, parameter_option, typed
from synvae_workbench.places import find_shipped


def run_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
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
    return run


def sweep_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
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
    return sweep


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

    with open_sweep(plan, resume=options.resume) as states:
        # Takes seconds: after what may be refused, and before runs that a page should tell of.
        from synvae_workbench.reports.sweep import write_sweep_page

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
