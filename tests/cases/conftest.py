"""The option that rewrites the golden files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from bascule.model.backend import Refusal
from tests.haproxies import haproxy

__all__ = ["haproxy"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden files instead of comparing with them")


class Golden:
    """Compares texts with golden files, or rewrites them."""

    def __init__(self, rewrite: bool) -> None:
        self._rewrite = rewrite

    def check(self, path: Path, text: str) -> None:
        if self._rewrite:
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {path}; './run golden' writes it"
        assert text == path.read_text(encoding="utf-8")

    def refused(self, path: Path, refusals: Iterable[Refusal]) -> bool:
        """Whether a backend refuses a case, and says why as the golden file does. What it carries has no such file."""
        texts = sorted({each.text for each in refusals})
        if texts:
            self.check(path, json.dumps(texts, indent=2) + "\n")
        else:
            self.absent(path)
        return bool(texts)

    def absent(self, path: Path) -> None:
        """There must be no such file; rewriting removes it."""
        if self._rewrite:
            path.unlink(missing_ok=True)
        assert not path.exists()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    # Not there when only a folder above was named on the command line; then nothing is rewritten.
    return Golden(request.config.getoption("--golden", default=False))
