"""Workers of this machine begin with what serves them."""

import os

import pytest

from synvae_workbench.batch.cluster import TRIMS, local_client, plan_local


@pytest.mark.slow
def test_workers_keep_the_memory_that_they_will_ask_for_again(monkeypatch):
    monkeypatch.delenv(TRIMS, raising=False)
    with local_client(plan_local(1, 1, [])) as client:
        assert client.submit(os.environ.get, TRIMS).result() is None
        assert client.submit(os.environ.get, "OMP_NUM_THREADS").result()
