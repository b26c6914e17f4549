"""Sources of data sets: home, licence, size and checksum, and the files.

`Source`: it comes with a pip package. `Published`: it is read from a folder, and downloaded where
it is given out freely. Each set's record stands beside its loader.
"""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Source:
    """A data set that comes with a pip package.

    Attributes:
        title: what it is, in a few words.
        home: page that says where it comes from.
        licence: of the data, not of the package.
        size: in words.
        package: whose installation brings the files, by the name that is imported.
        patterns: of the files, relative to the package's folder.
        sha256: `checksum` of what is read: the decoded array, or the files' contents in order.
        distribution: the name to install it by, where that is another.
    """

    title: str
    home: str
    licence: str
    size: str
    package: str
    patterns: tuple[str, ...]
    sha256: str
    distribution: str = ""

    @property
    def installed_by(self) -> str:
        """The name of the package that pip knows."""
        return self.distribution or self.package

    def files(self) -> list[Path]:
        """The data set's files in the installed package, in the order of `patterns` and names.

        Raises:
            ValueError: if the package or one of its files is missing.
        """
        spec = importlib.util.find_spec(self.package)  # importing it may take seconds
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(
                f"{self.title} come with {self.installed_by}, which is not installed: "
                f"run `pip install {self.installed_by}`"
            )
        folder = Path(spec.submodule_search_locations[0])
        found = [(pattern, sorted(folder.glob(pattern))) for pattern in self.patterns]
        for pattern, paths in found:
            if not paths:
                raise ValueError(f"{folder / pattern} is missing: expected {self.advice}")
        return [path for _, paths in found for path in paths]

    @property
    def advice(self) -> str:
        """Expectation and remedy, to end an error's sentence."""
        return (
            f"{self.title} as they come with {self.installed_by}; "
            f"run `pip install --force-reinstall {self.installed_by}`"
        )


@dataclass(frozen=True)
class RemoteFile:
    """One file of a published set.

    Attributes:
        url: where it is downloaded.
        size: in bytes, as downloaded; None if it is packed anew for each download.
        digest: published for it, as downloaded, as "md5:..."; empty if it is packed anew.
        sha256: of what is in it, decompressed; None if that is not known.
    """

    url: str
    size: int | None
    digest: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Name of the file, as published."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Published:
    """A data set that is read from a folder, and downloaded where it is given out freely.

    Attributes:
        folder: below `$SYNVAE_DATA` and below the cache, in which it lies.
        title: what it is, in a few words.
        home: page that says where it comes from.
        licence: of the data.
        size: in words.
        layout: what the folder holds, for messages.
        find: the files that are read of those in a folder; none where it is not the set's.
        files: that are downloaded; none if it is given out on request only.
        members: to take out of the downloaded archive, if it is one.
        request: how to ask for it, if so.
    """

    folder: str
    title: str
    home: str
    licence: str
    size: str
    layout: str
    find: Callable[[Path], list[Path]]
    files: tuple[RemoteFile, ...] = ()
    members: tuple[str, ...] = ()
    request: str = ""

    @property
    def advice(self) -> str:
        """Remedy, with the files and their place, to end an error's sentence."""
        how = self.request or f"get it from {self.home}"
        return f"{how}, and put {self.layout} into $SYNVAE_DATA/{self.folder}, or name folder="


def checksum(*parts: np.ndarray | bytes) -> str:
    """SHA-256, in hexadecimal, of the parts' bytes and lengths; of arrays also type and shape."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape} ".encode())
            part = np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()
