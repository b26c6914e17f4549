"""`make docs`: pages of the API that need no network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import synvae_core as sv

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    done = subprocess.run(
        [sys.executable, "-W", "error", "docs", "synvae_core", "--into", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
class TestPages:
    def test_fetch_nothing(self, pages, remote_references):
        for page in pages.rglob("*.html"):
            fetched = remote_references(page.read_text(encoding="utf-8"))
            assert not [one for one in fetched if "//" in one], page

    def test_lead_to_each_other(self, pages):
        for page in pages.rglob("*.html"):
            for target in re.findall(r'href="([^"#:]+\.html)', page.read_text(encoding="utf-8")):
                assert (page.parent / target).is_file(), f"{page.name}: {target}"

    def test_show_the_face(self, pages):
        face = (pages / "synvae_core.html").read_text(encoding="utf-8")
        assert set(sv.__all__) <= set(re.findall(r'<section id="(\w+)"', face))
        for name in ("losses", "metrics", "models", "music"):
            assert f'href="synvae_core/{name}.html"' in face

    def test_can_be_searched(self, pages):
        index = (pages / "search.js").read_text(encoding="utf-8")
        found = set(re.findall(r'"fullname": ?"([\w.]+)"', index))
        assert {f"synvae_core.{name}" for name in sv.__all__} <= found
        assert "synvae_core.models.melody.vae.MelodyVae.decode" in found
        assert "synvae_core.MelodyVae.decode" not in found  # it would lead to nothing

    def test_show_shapes(self, pages):
        text = re.sub(
            "<[^>]+>", "", (pages / "synvae_core" / "types.html").read_text(encoding="utf-8")
        )
        assert "mu: Float[Tensor, &#39;b z&#39;]" in text
