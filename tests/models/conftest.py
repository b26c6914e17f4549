"""What tests of stored weights share."""

import time
import tracemalloc

import pytest

from synvae_core.models.storage import WeightsError


@pytest.fixture(scope="session")
def refuses():
    """A function that asserts a refusal which takes neither long nor much memory."""

    def check(read, path, match):
        tracemalloc.start()
        start = time.process_time()
        with pytest.raises(WeightsError, match=match):
            read(path)
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < 1
        assert peak < 20e6

    return check
