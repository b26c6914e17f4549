"""API pages, made by pdoc from the docstrings of both packages: `make docs` writes docs/api/.

They need no network: styles, scripts and what the search looks through lie in the folder.
`python docs synvae_core.types --into FOLDER` writes the pages of a module and what is inside it.
"""

import argparse
import pkgutil
import typing
import warnings
from pathlib import Path

import pdoc

import synvae_core

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=["synvae_core", "synvae_workbench"])
    parser.add_argument("--into", type=Path, default=HERE / "api")
    options = parser.parse_args()
    # jaxtyping looks for it when it is imported, which is not before the first name of the face is
    # read: Float[Tensor, "b z"] then stands in signatures without the module's name before it.
    typing.GENERATING_DOCUMENTATION = "synvae"
    show_all_of_the_face()
    # An annotation of theirs that is none.
    warnings.filterwarnings("ignore", ".*for traitlets.config.application")
    pdoc.render.configure(
        docformat="google",
        footer_text=f"synvae {synvae_core.__version__}",
        template_directory=HERE / "template",
    )
    pdoc.pdoc(*options.modules, output_directory=options.into)
    print(options.into / "index.html")


def show_all_of_the_face() -> None:
    """Names that are read when they are used are read, and modules beside them are shown as well.

    pdoc looks for names without asking for them, and takes `__all__` for the list of all modules.
    """
    for name in synvae_core.__all__:
        getattr(synvae_core, name)
    synvae_core.__all__ += [each.name for each in pkgutil.iter_modules(synvae_core.__path__)]


if __name__ == "__main__":
    main()
