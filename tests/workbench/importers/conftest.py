"""What tests of stored weights share."""

import tracemalloc

import pytest
from work import few_calls

from synvae_core.models.storage import WeightsError


@pytest.fixture(scope="session")
def refuses():
    """A function that asserts a refusal which takes neither much work nor much memory."""

    def check(read, path, match):
        tracemalloc.start()
        with few_calls(), pytest.raises(WeightsError, match=match):
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6

    return check
