"""Loaders of sets of faces: square crops, split without near-duplicates across splits.

No face is detected: a crop is the centre of a picture, or its upper end, where portraits have the
face. Near-duplicates, mirrored or not, are in one split.

The packaged faces: Huang, Mattar, Lee & Learned-Miller 2012, "Learning to Align from Scratch",
NIPS, as chosen and cropped for scikit-image.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from synvae_workbench.data.files import describe_left_out, printable
from synvae_workbench.data.options import FaceOptions
from synvae_workbench.data.pictures.arrays import Decoding, PictureArrays, read_pictures
from synvae_workbench.data.pictures.files import list_pictures
from synvae_workbench.data.pictures.near_duplicates import near_duplicates
from synvae_workbench.data.pictures.splits import split_by_hash
from synvae_workbench.data.pictures.types import PictureSet, Split
from synvae_workbench.data.places import folder_of, named_folder
from synvae_workbench.data.sources import Published, Source, checksum

UNNAMED = "all"  # the class of pictures that all lie in one folder
SIZE = 64
# 25 pixels cannot be halved; more than 28 would be the same picture with larger numbers.
PACKAGED_SIZE = 28
PACKAGED_FACES = 100  # of the file's 200 pictures; the others show none

LFW_SUBSET = Source(
    title="100 faces of Labeled Faces in the Wild",
    home="https://vis-www.cs.umass.edu/lfw/",
    licence="none stated: news photographs collected for research; ship nothing made from them",
    size="100 grey face crops of 25 x 25 pixels, 1 MB",
    package="skimage",
    patterns=("data/lfw_subset.npy",),
    sha256="da558df48f68b09ebd17a30b1a542cff467147f1023af0c075d8a11decfca596",
    distribution="scikit-image",
)


def find_faces(folder: Path) -> list[Path]:
    """Pictures below a folder, which need not exist."""
    return [folder / file.name for file in list_pictures(folder).files]


FACES = Published(
    folder="faces",
    title="pictures of faces of your own",
    home="https://github.com/charlesdognin/VAE_Based_Music_Generation",
    licence="that of your pictures; those of Dognin & Ritchie, whose home this is, have none",
    size="about a hundred pictures, or more, of any size",
    layout="pictures, in sub-folders or not,",
    find=find_faces,
    request="take pictures that you have a right to",
)


def load_lfw(options: FaceOptions) -> PictureSet:
    """Loads the packaged faces, 100 grey ones of 25 pixels, scaled to 28.

    Raises:
        ValueError: if the packaged file is missing or another one, if size or channels are out of
            range, or as `split_faces`.
    """
    size = PACKAGED_SIZE if options.size is None else options.size
    channels = options.channels or 1
    (path,) = LFW_SUBSET.files()
    advice = f"expected {LFW_SUBSET.advice}"
    try:
        faces = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path} cannot be read ({error}): {advice}") from error
    if checksum(faces) != LFW_SUBSET.sha256:
        raise ValueError(f"{path} holds other pictures: {advice}")
    if size < 1 or channels not in (1, 3):
        raise ValueError(f"size is at least 1 and channels 1 or 3; got {size} and {channels}")
    pictures = [
        np.asarray(Image.fromarray(face).resize((size, size), Image.Resampling.LANCZOS))
        for face in (faces[:PACKAGED_FACES] * 255).round().astype(np.uint8)
    ]
    images = np.repeat(np.stack(pictures)[:, None], channels, axis=1)
    names = [f"{place:03d}" for place in range(len(images))]
    faces = Split(torch.from_numpy(images), torch.zeros(len(images), dtype=torch.int64), names)
    splits = split_faces(faces, options)
    checksums = {"lfw_subset": LFW_SUBSET.sha256}
    return PictureSet("lfw_subset", (UNNAMED,), False, *splits, checksums)


def load_own_faces(options: FaceOptions) -> PictureSet:
    """Loads the user's faces from the folder given, else from `$SYNVAE_DATA/faces`.

    Raises:
        ValueError: if there is none, or as `load_face_folder`.
    """
    return _read_folder(folder_of(FACES, options), options)._replace(name="faces")


def load_face_folder(options: FaceOptions) -> PictureSet:
    """Loads the faces in a folder and below; sub-folders are the classes.

    All are split anew, whatever the sub-folders are called.

    Raises:
        ValueError: if there are none, or one is broken and to be refused, or as `split_faces`.
    """
    return _read_folder(named_folder(options), options)


def split_faces(faces: Split, options: FaceOptions) -> tuple[Split, Split, Split]:
    """Random split of faces into training, validation and test.

    Near-duplicates are in the same split.

    Raises:
        ValueError: if there are too few to be split.
    """
    shares = {"test": options.test, "validation": options.validation}
    part = _parts(faces.ids, near_duplicates(faces.images), shares, options.seed)
    return tuple(faces.select(np.flatnonzero(part == place)) for place in range(3))


def _parts(
    names: list[str], groups: np.ndarray, shares: dict[str, int | float], seed: int
) -> np.ndarray:
    leaders = np.unique(groups, return_index=True)[1]
    for part, share in shares.items():
        if not share:
            raise ValueError(
                f"{part} is at least one picture: without, nothing tells of overfitting"
            )
        if isinstance(share, float) and share < 1:  # at least one
            shares = shares | {part: max(1, round(share * len(leaders)))}
    if sum(shares.values()) >= len(leaders):
        raise ValueError(
            f"{len(names)} pictures, of which {len(leaders)} do not nearly repeat each other, are "
            f"too few to take {shares['test']} for testing and {shares['validation']} for "
            f"validation: expected {1 + int(sum(shares.values()))} or more unlike each other"
        )
    return split_by_hash([names[leader] for leader in leaders], **shares, seed=seed)[groups]


def _read_folder(root: Path, options: FaceOptions) -> PictureSet:
    files, left_out = list_pictures(root)
    if not files:
        beside = f"has no pictures (left out: {describe_left_out(left_out)})"
        what = beside if root.is_dir() else "is no folder"
        raise ValueError(f"{root} {what}; expected .jpg, .png and the like, in sub-folders or not")
    decoding = Decoding(
        size=SIZE if options.size is None else options.size,
        channels=options.channels or 3,
        strips=len(files) if options.crop == "upper" else 0,
        broken=options.broken,
        cache=options.cache,
    )
    arrays = read_pictures(root, files, decoding)
    names = [files[i].name for i in arrays.positions]
    if not names:
        raise ValueError(f"{root} has {len(files)} pictures, and none can be read: look at them")
    folders = [printable(Path(name).parent.as_posix()) for name in names]
    classes, labels = np.unique(folders, return_inverse=True)
    images = _upper(arrays) if options.crop == "upper" else arrays.images
    ids = [printable(name) for name in names]
    faces = Split(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)), ids)
    classes = tuple(classes.tolist()) if len(classes) > 1 else (UNNAMED,)
    facts = ({"pictures": arrays.sha256}, tuple(map(printable, arrays.broken)), left_out)
    return PictureSet("folder", classes, False, *split_faces(faces, options), *facts)


def _upper(arrays: PictureArrays) -> np.ndarray:
    """Crops at the upper end of upright pictures, and at the centre of all others."""
    images = arrays.images.copy()
    if arrays.strips is not None:
        side = images.shape[-1]
        # Upright strips are stored transposed: their left is the upper end.
        images[arrays.upright] = arrays.strips[arrays.upright, ..., :side].swapaxes(2, 3)
    return images
