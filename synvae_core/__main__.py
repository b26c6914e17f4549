"""The command line: `python -m synvae_core run NOTEBOOK [-p NAME VALUE ...]`."""

import argparse
import sys
from pathlib import Path

from synvae_core.reports import (
    NotebookFailed,
    NotebookInterrupted,
    notebook_parameters,
    parse_parameters,
    run_notebook,
)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command, prints what it made, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m synvae_core", description=__doc__)
    commands = parser.add_subparsers(required=True)
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
    run.set_defaults(command=run_command)
    show = commands.add_parser("parameters", help="list the parameters of a notebook")
    show.add_argument("notebook", type=Path)
    show.set_defaults(command=parameters_command)
    options = parser.parse_args(arguments)
    try:
        return options.command(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run_command(options: argparse.Namespace) -> int:
    """Prints the path of the report, also of one that shows a failure."""
    given = parse_parameters(options.notebook, dict(options.parameter))
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


def parameters_command(options: argparse.Namespace) -> int:
    """Prints each parameter with its default and its comment."""
    for name, parameter in notebook_parameters(options.notebook).items():
        print(f"{name} = {parameter.default!r}  {parameter.help}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
