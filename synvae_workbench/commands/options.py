"""Arguments that several commands of the command line have."""

import argparse
from pathlib import Path

from synvae_core.places import whole_path
from synvae_workbench.places import notebooks_folder


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
