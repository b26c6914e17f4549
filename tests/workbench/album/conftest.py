import pytest
from albums import stored_model, write_pictures

from synvae_workbench.album.playing import Listener, Playing


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of a small SynVAE."""
    return str(stored_model(tmp_path_factory.mktemp("album") / "model"))


@pytest.fixture(scope="session")
def listener(model):
    return Listener(Playing(model=model))


@pytest.fixture
def pictures(tmp_path):
    return write_pictures(tmp_path / "pictures", 7)
