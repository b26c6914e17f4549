"""Coordinates of pictures in which those are near that look alike, from pixels or from features.

Distances between pictures are the least over small moves, which change a digit little and its
pixels much; or, where they are given, those of features of a frozen network. Two descriptions lie
side by side: pictures averaged with their nearest, twice, which takes each to the manifold that
they lie near (Hein & Maier 2006, "Manifold Denoising", NeurIPS 19), and diffusion coordinates of
the graph of the nearest, in which pictures are near that many short ways join (Coifman & Lafon
2006, "Diffusion Maps", Applied and Computational Harmonic Analysis 21(1), 5-30). No label of the
pictures takes part. Memory grows with the number of pictures, not its square.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import eigsh
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from synvae_core.losses import Likeness
from synvae_core.losses.terms import LEAST_DEVIATION
from synvae_core.metrics.audible_weights import audible_weights
from synvae_core.models.melody.vae import MelodyVae
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of, weights_of
from synvae_workbench.training.objectives import SynVaeObjective
from synvae_workbench.training.pictures import resample_affine, to_unit

VERSION = 1  # to be raised when what is computed here changes: what the cache has is not used
SHEARS = (0.0, -0.25, 0.25)
PIXELS = (-1, 0, 1)  # shifts along each side, of pictures of 28 pixels; in proportion of others
MOVES = tuple(product(SHEARS, PIXELS, PIXELS))
SIDE = 28
BLOCK = 2048  # pictures worked on at once
SAMPLE = 3000  # pictures that principal components and mean distances are estimated on
FEWEST = 4
WARMUP = 0.3  # share of the steps over which the weight of the musicality rises


@dataclass(frozen=True)
class TargetOptions:
    """Options of `target_coordinates`."""

    neighbours: int = 10  # k, each picture itself included
    rounds: int = 2  # of averaging
    diffusion: float = 1.0  # alpha, weight of the diffusion coordinates
    eigenvectors: int = 60
    time: int = 16  # steps of diffusion
    components: int = 64  # principal components in which pictures are compared
    kept: int = 0  # principal components of the averaged pictures; 0: all
    seed: int = 0


# What is shown lies in few dimensions, and a melody holds few: of CIFAR-10's validation pictures
# 16 components keep a precision at 10 of 0.546, and all of them with diffusion 0.563.
OF_FEATURES = TargetOptions(diffusion=0.0, kept=16)


def heard_alike(
    objective: SynVaeObjective, likeness: Likeness, music: MelodyVae, *, steps: int
) -> SynVaeObjective:
    """Objective with terms of likeness, each latent weighted by how far it moves the melody.

    The weight of the musicality rises over the first steps: a prior that is matched before pictures
    have found their neighbours keeps them apart.

    Args:
        likeness: weights of the terms; those of the latents are computed of `music`, once: they
            are cached by its weights.
        steps: of the whole training.
    """
    digest = digest_of((VERSION, repr(music.config)), weights_of(music))
    path = cache_folder() / f"audible-{digest}.npz"
    found = cached_arrays(path, ("weights",), lambda: {"weights": audible_weights(music)})
    heard = replace(likeness, audible=tuple(found["weights"]))
    return replace(objective, likeness=heard, musicality_warmup=round(WARMUP * steps))


def target_coordinates(
    images: UInt8[Tensor, "n c h w"],
    features: Float[Tensor, "n features"] | None = None,
    *,
    options: TargetOptions | None = None,
) -> Float[Tensor, "n d"]:
    """Coordinates of pictures: averaged with their nearest, beside alpha x diffusion coordinates.

    Both have a mean distance of 1 between two pictures. They are cached by the pictures' bytes.

    Args:
        features: of the pictures, by which they are compared, each in units of its deviation; None:
            by pixels under small moves.
        options: by default `TargetOptions()` or, of features, `OF_FEATURES`.

    Raises:
        ValueError: if there are fewer than four pictures.
    """
    if len(images) < FEWEST:
        raise ValueError(
            f"targets of likeness: expected {FEWEST} pictures or more, got {len(images)}"
        )
    compared = images if features is None else features
    options = options or (TargetOptions() if features is None else OF_FEATURES)
    digest = digest_of(
        (VERSION, options, tuple(compared.shape)), {"images": compared.numpy().tobytes()}
    )
    path = cache_folder() / f"likeness-{digest}.npz"

    def build() -> dict[str, np.ndarray]:
        moved = feature_components if features is not None else moved_components
        return {"coordinates": _coordinates(moved(compared, options), options)}

    return torch.from_numpy(cached_arrays(path, ("coordinates",), build)["coordinates"])


def _coordinates(
    moved: Float[np.ndarray, "moves n components"], options: TargetOptions
) -> Float[np.ndarray, "n d"]:
    distances, nearest = nearest_under_moves(moved, options.neighbours)
    averaged = moved[0]
    for _ in range(options.rounds):
        averaged = averaged[nearest].mean(1)
    if options.kept:
        seen = PCA(min(options.kept, *averaged.shape), random_state=options.seed)
        averaged = seen.fit_transform(averaged)
    parts = [unit_distance(averaged, options.seed)]
    if options.diffusion:
        diffused = diffusion_coordinates(distances, nearest, options)
        parts.append(options.diffusion * unit_distance(diffused, options.seed))
    return np.concatenate(parts, 1).astype(np.float32)


def feature_components(
    features: Float[Tensor, "n features"], options: TargetOptions
) -> Float[np.ndarray, "1 n components"]:
    """Principal components of features in units of their deviation, under no move."""
    found = features.numpy()
    standard = (found - found.mean(0)) / found.std(0).clip(min=LEAST_DEVIATION)
    most = min(options.components, *standard.shape)
    seen = PCA(most, svd_solver="randomized", random_state=options.seed)
    return seen.fit_transform(standard)[None].astype(np.float32)


def moved_components(
    images: UInt8[Tensor, "n c h w"], options: TargetOptions
) -> Float[np.ndarray, "moves n components"]:
    """Principal components of blurred pictures under each of `MOVES`, the first of which is none.

    They are those of a sample of pictures under moves at random.
    """
    rng = np.random.default_rng(options.seed)
    rows = rng.permutation(len(images))[:SAMPLE]
    moves = rng.integers(len(MOVES), size=len(rows))
    sample = np.concatenate(
        [
            pixels[moves[part] == move]
            for part, block in _blocks(images[rows])
            for move, pixels in block
        ]
    )
    most = min(options.components, len(sample), sample.shape[1])
    seen = PCA(most, svd_solver="randomized", random_state=options.seed).fit(sample)
    found = np.empty((len(MOVES), len(images), most), np.float32)
    for part, block in _blocks(images):
        for move, pixels in block:
            found[move, part] = seen.transform(pixels)
    return found


def _blocks(
    images: UInt8[Tensor, "n c h w"],
) -> Iterator[tuple[slice, Iterator[tuple[int, Float[np.ndarray, "b pixels"]]]]]:
    """Blocks of pictures, blurred, each under all moves one after the other."""
    scale = images.shape[-1] / SIDE
    for start in range(0, len(images), BLOCK):
        part = slice(start, start + BLOCK)
        pixels = to_unit(images[part]).numpy()
        blurred = torch.from_numpy(gaussian_filter(pixels, (0, 0, scale, scale), mode="nearest"))
        yield part, ((move, _moved(blurred, move)) for move in range(len(MOVES)))


def _moved(pictures: Float[Tensor, "b c h w"], move: int) -> Float[np.ndarray, "b pixels"]:
    shear, across, down = MOVES[move]
    entries = (1.0, shear, 2 * across / SIDE, 0.0, 1.0, 2 * down / SIDE)  # sides run from -1 to 1
    matrix = [torch.full((len(pictures),), entry) for entry in entries]
    return resample_affine(pictures, matrix, padding_mode="border").flatten(1).numpy()


def nearest_under_moves(
    moved: Float[np.ndarray, "moves n d"], k: int
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Distances and places of the k nearest pictures by their least distance over the moves.

    Exact: who is among the k nearest by the least distance is among the k nearest of its move.
    """
    k = min(k, moved.shape[1])
    index = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(moved[0])
    best, places = index.kneighbors(moved[0])
    for others in moved[1:]:
        # A picture that is moved finds who is near: the same as moving those the other way.
        found, where = index.kneighbors(others)
        best, places = _k_least(np.hstack([best, found]), np.hstack([places, where]), k)
    return best, places


def _k_least(
    distances: Float[np.ndarray, "n m"], places: Int[np.ndarray, "n m"], k: int
) -> tuple[Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """The k least distances of different places, in ascending order."""
    order = np.lexsort((distances, places))
    distances, places = (np.take_along_axis(each, order, 1) for each in (distances, places))
    again = np.zeros(places.shape, bool)
    again[:, 1:] = places[:, 1:] == places[:, :-1]
    distances = np.where(again, np.inf, distances)
    order = np.argsort(distances, 1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(places, order, 1)


def diffusion_coordinates(
    distances: Float[np.ndarray, "n k"], nearest: Int[np.ndarray, "n k"], options: TargetOptions
) -> Float[np.ndarray, "n eigenvectors"]:
    """Coordinates of a diffusion map of the graph that joins each picture with its nearest.

    Weights are exp(-d^2 / s^2), s the distance of a picture's farthest of them, made symmetric.
    """
    n, k = nearest.shape
    rows = np.repeat(np.arange(n), k)
    keys = np.concatenate([rows * n + nearest.ravel(), nearest.ravel() * n + rows])
    keys, first = np.unique(keys, return_index=True)
    lengths = np.tile(distances.ravel(), 2)[first]
    ends = keys // n, keys % n
    reach = np.maximum(distances[:, -1], np.finfo(np.float32).tiny)
    weights = coo_array((np.exp(-((lengths / reach[ends[0]]) ** 2)), ends), shape=(n, n)).tocsr()
    weights = (weights + weights.T) / 2
    degree = np.sqrt(weights.sum(1))
    normal = diags_array(1 / degree) @ weights @ diags_array(1 / degree)
    rng = np.random.default_rng(options.seed)
    start, count = rng.standard_normal(n), min(options.eigenvectors, n - 1)
    values, vectors = eigsh(normal, count, which="LA", v0=start, rng=rng)
    return vectors / degree[:, None] * values.clip(min=0) ** options.time


def unit_distance(points: Float[np.ndarray, "n d"], seed: int) -> Float[np.ndarray, "n d"]:
    """Points around 0, scaled to a mean distance of 1 between two of them."""
    points = points - points.mean(0)
    sample = np.random.default_rng(seed).permutation(len(points))[:SAMPLE]
    return points / max(pdist(points[sample]).mean(), np.finfo(np.float32).tiny)
