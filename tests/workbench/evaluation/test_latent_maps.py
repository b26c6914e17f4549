"""Maps keep clusters apart, and refuse what cannot be mapped."""

import math

import numpy as np
import pytest
import torch

from synvae_core.metrics.latent_geometry import trustworthiness
from synvae_workbench.evaluation.latent_maps import latent_map


def space(seed, n=60, dim=5, dtype=torch.float64):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)).to(dtype)


class TestLatentMap:
    CLUSTERS = torch.cat([space(0, 30, 8), 20 + space(1, 30, 8)]).float()

    def test_clusters_stay_apart_and_one_seed_gives_one_map(self):
        places = latent_map(self.CLUSTERS, perplexity=8)
        assert places.shape == (60, 2)
        assert apart(places)
        assert np.array_equal(places, latent_map(self.CLUSTERS, perplexity=8))
        assert trustworthiness(self.CLUSTERS, torch.from_numpy(places), k=5) > 0.85

    def test_one_dimension_is_mapped_too(self):
        assert np.isfinite(latent_map(self.CLUSTERS[:, :1], perplexity=8)).all()

    @pytest.mark.slow
    def test_umap_keeps_clusters_apart_without_a_warning(self, recwarn, monkeypatch):
        # Interpreted: to compile what 60 points need takes Numba ten times as long.
        monkeypatch.setattr("numba.config.DISABLE_JIT", True)
        places = latent_map(self.CLUSTERS, method="umap", perplexity=8)
        assert places.shape == (60, 2)
        assert apart(places)
        assert not [each for each in recwarn if "n_jobs" in str(each.message)]

    def test_bad_input_is_refused(self):
        with pytest.raises(ValueError, match="method 'pca' is unknown; choose tsne or umap"):
            latent_map(self.CLUSTERS, method="pca")
        with pytest.raises(ValueError, match="got 30.0 with 10 items"):
            latent_map(self.CLUSTERS[:10])
        with pytest.raises(ValueError, match="NaN or infinity"):
            latent_map(torch.full((40, 2), math.nan))


def apart(places):
    """Whether the nearest neighbour of every item is of its own half."""
    near = np.linalg.norm(places[:, None] - places, axis=-1)
    np.fill_diagonal(near, np.inf)
    return all((near.argmin(1) < 30) == (np.arange(60) < 30))
