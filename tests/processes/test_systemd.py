"""The units for systemd are such that systemd has nothing to say about them, and there is one for every process."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.processes.running import BIN

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "etc/systemd").glob("*.service"))
SYSTEMD = shutil.which("systemd-analyze")


def options(unit: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return {name: value for name, _, value in lines}


def test_every_process_has_a_unit() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    processes = {"bascule", "bascule-api", "bascule-worker", "bascule-health-manager", "bascule-housekeeping"}
    assert {unit.stem for unit in UNITS} == processes
    assert processes <= scripts.keys()
    for unit in UNITS:
        words = options(unit)["ExecStart"].split()
        assert words[0] == f"/usr/bin/{unit.stem}"
        assert words[-2:] == ["--config-file", "/etc/bascule/bascule.conf"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_stopping_a_unit_leaves_no_process_and_every_haproxy(unit: Path) -> None:
    """Who starts HAProxys alone is told to stop; of others nothing stays. None of them is killed before its own bound."""
    said = options(unit)
    carries = unit.stem in ("bascule", "bascule-worker")
    assert said["KillMode"] == ("process" if carries else "mixed")
    assert int(said["TimeoutStopSec"]) > 30
    assert said["ExecReload"].endswith("-HUP $MAINPID")
    # Who finds the database away ends, and is started again until it is there.
    assert (said["Restart"], said["StartLimitIntervalSec"]) == ("on-failure", "0")


@pytest.mark.skipif(SYSTEMD is None, reason="systemd-analyze, of the package systemd, is not on this machine")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.symlink_to(BIN)  # a path without spaces, which a unit would take for the end of the program's name
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/bascule", f"{programs}/bascule"))
    units = [tmp_path / unit.name for unit in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
