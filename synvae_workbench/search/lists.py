"""Approximate nearest neighbours: inverted lists of vectors with a byte a dimension.

Sivic & Zisserman 2003, "Video Google": vectors are grouped by k-means, and a query looks into the
groups nearest to it alone. Scalar quantiser, k-means and search are faiss's (Douze et al. 2024,
"The Faiss library", arXiv 2401.08281). What faiss would write itself is never written nor read: its
readers are native code that trusts its files. Stored are plain arrays, which are checked before
they are handed over, and an index of a million takes a third of a second to be filled from them.
"""

from typing import NamedTuple

import faiss
import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8

LEAST = 100_000  # vectors; with fewer an exact search takes a few milliseconds
PER_LIST = 1000  # vectors of a list, about
TRAINED_ON = 40  # vectors for each list: of k-means
# Lists that a query looks into: a share, and no fewer; docs/search.md has what else was measured.
LOOKED_INTO, FEWEST = 1 / 16, 32
ROUNDS = 10  # of k-means


class Grid(NamedTuple):
    """Centres of the lists, and for each dimension the least value and the range of its byte."""

    centres: Float32[np.ndarray, "lists d"]
    ranges: Float32[np.ndarray, "2 d"]


class Coded(NamedTuple):
    """Vectors as a grid has them: a byte a dimension, and the list of each."""

    vectors: UInt8[np.ndarray, "n d"]
    cells: Int32[np.ndarray, " n"]


def train_grid(sample: Float32[np.ndarray, "m d"], n: int, *, seed: int = 0) -> Grid:
    """Grid for `n` vectors, of which these are a random sample."""
    lists = 1 << int(np.clip(round(np.log2(n / PER_LIST)), 0, np.log2(len(sample))))
    sample = np.ascontiguousarray(sample, np.float32)
    kmeans = faiss.Kmeans(
        sample.shape[1], lists, niter=ROUNDS, seed=seed, max_points_per_centroid=TRAINED_ON
    )
    kmeans.train(sample)
    quantizer = faiss.ScalarQuantizer(sample.shape[1], faiss.ScalarQuantizer.QT_8bit)
    quantizer.train(sample)
    ranges = faiss.vector_to_array(quantizer.trained).reshape(2, -1)
    return Grid(kmeans.centroids.reshape(lists, -1).copy(), ranges.copy())


def encode(grid: Grid, vectors: Float32[np.ndarray, "n d"]) -> Coded:
    """Codes of vectors, and the list of the nearest centre."""
    vectors = np.ascontiguousarray(vectors, np.float32)
    index = _empty(grid)
    _, cells = index.quantizer.search(vectors, 1) if len(vectors) else (0, np.zeros((0, 1)))
    codes = index.sq.compute_codes(vectors) if len(vectors) else np.zeros(vectors.shape, np.uint8)
    return Coded(codes.reshape(vectors.shape), cells[:, 0].astype(np.int32))


class InvertedLists:
    """Lists of coded vectors, filled from arrays.

    Raises:
        ValueError: if the arrays do not belong together.
    """

    def __init__(self, grid: Grid, coded: Coded) -> None:
        check(grid, coded)
        self._index = _empty(grid)
        order = np.argsort(coded.cells, kind="stable").astype(np.int64)
        codes = np.ascontiguousarray(coded.vectors[order])
        ends = np.searchsorted(coded.cells[order], np.arange(len(grid.centres) + 1))
        for cell, (start, end) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
            if end > start:
                ids, content = faiss.swig_ptr(order[start:end]), faiss.swig_ptr(codes[start:end])
                self._index.invlists.add_entries(cell, int(end - start), ids, content)
        self._index.ntotal = len(order)

    def nearest(
        self, vector: Float32[np.ndarray, " d"], k: int, *, share: float = LOOKED_INTO
    ) -> Int64[np.ndarray, " found"]:
        """Rows of about the k nearest vectors, in the lists that are looked into."""
        self._index.nprobe = max(FEWEST, round(share * self._index.nlist))
        _, rows = self._index.search(np.ascontiguousarray(vector[None], np.float32), k)
        return rows[0][rows[0] >= 0]


def check(grid: Grid, coded: Coded) -> None:
    """Refuses arrays that do not belong together: native code trusts them.

    Raises:
        ValueError: naming the first that does not fit.
    """
    lists, dims = grid.centres.shape if grid.centres.ndim == 2 else (0, 0)
    n = len(coded.cells)
    expected = {
        "centres": (grid.centres, np.float32, (lists, dims)),
        "ranges": (grid.ranges, np.float32, (2, dims)),
        "vectors": (coded.vectors, np.uint8, (n, dims)),
        "cells": (coded.cells, np.int32, (n,)),
    }
    for name, (array, dtype, shape) in expected.items():
        if array.dtype != dtype or array.shape != shape or not lists or not dims:
            raise ValueError(f"{name} are {array.dtype} {array.shape}: expected {shape}")
    if n and not (0 <= coded.cells.min() and coded.cells.max() < lists):
        raise ValueError(f"cells name other lists than the {lists} that there are")
    if not (np.isfinite(grid.centres).all() and np.isfinite(grid.ranges).all()):
        raise ValueError("centres and ranges are finite numbers")


def _empty(grid: Grid) -> faiss.IndexIVFScalarQuantizer:
    lists, dims = grid.centres.shape
    quantizer = faiss.IndexFlatL2(dims)
    quantizer.add(np.ascontiguousarray(grid.centres))
    index = faiss.IndexIVFScalarQuantizer(
        quantizer, dims, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_L2, False
    )
    faiss.copy_array_to_vector(np.ascontiguousarray(grid.ranges.ravel()), index.sq.trained)
    index.is_trained = True
    return index
