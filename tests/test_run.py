"""The ./run script: what it lists and refuses, and the environment it makes, from nothing and without a network."""

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TASKS = ["demo", "serve", "check", "test", "golden", "bench", "chaos", "clean"]

# The Python that a newcomer has: not the virtual environment's, which brings no pip.
PYTHON = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")

# A build back end in a few lines of standard library, so that installing the small project below fetches nothing.
BACKEND = """
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "small-1.dist-info"
    with zipfile.ZipFile(os.path.join(folder, "small-1-py3-none-any.whl"), "w") as wheel:
        wheel.writestr("small.pth", os.getcwd())
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return "small-1-py3-none-any.whl"
"""


def run(script: Path, *arguments: str, cwd: Path, python: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(python or sys.executable), str(script), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)


def test_lists_every_task_with_a_line_of_help(tmp_path: Path) -> None:
    result = run(ROOT / "run", cwd=tmp_path)
    assert result.returncode == 0
    lines = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == TASKS
    assert all(len(line.split()) > 4 for line in lines)


def test_names_the_tasks_when_there_is_no_such_task(tmp_path: Path) -> None:
    result = run(ROOT / "run", "demmo", cwd=tmp_path)
    assert result.returncode == 2
    assert "'demmo'" in result.stderr
    assert " ".join(TASKS) in result.stderr


def test_an_old_python_is_refused_in_a_sentence(tmp_path: Path) -> None:
    program = tmp_path / "old.py"
    program.write_text(f"import runpy, sys\nsys.version_info = (3, 10, 12)\nrunpy.run_path({str(ROOT / 'run')!r})\n")
    result = run(program, cwd=tmp_path)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer, and this is Python 3.10" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small project with the same ./run, in a path with spaces."""
    root = tmp_path / "a path with spaces"
    (root / "requirements").mkdir(parents=True)
    (root / "bench").mkdir()
    shutil.copy(ROOT / "run", root)
    (root / "requirements" / "run.txt").write_text("# nothing\n")
    (root / "requirements" / "test.txt").write_text("# nothing\n")
    (root / "backend.py").write_text(BACKEND)
    (root / "pyproject.toml").write_text(
        textwrap.dedent("""
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
            [project]
            name = "small"
            version = "1"
        """)
    )
    (root / "bench" / "__main__.py").write_text("import sys\nprint(sys.prefix, sys.argv[1:])\nsys.exit(7)\n")
    return root


@pytest.mark.slow
def test_makes_the_environment_once_and_anew_when_something_changed(checkout: Path, tmp_path: Path) -> None:
    if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"{PYTHON} has no pip")

    def bench(root: Path = checkout) -> str:
        result = run(root / "run", "bench", "--json", "x", cwd=tmp_path, python=PYTHON)
        assert result.returncode == 7, result.stderr
        assert f"{root / '.venv'} ['--json', 'x']" in result.stdout
        return result.stdout

    first = bench()
    assert "making .venv" in first
    assert "requirements/test.txt" in first
    assert not (checkout / ".venv" / "bin" / "pip").exists()

    assert len(bench().splitlines()) == 1, "nothing is installed again"

    demo = run(checkout / "run", "demo", cwd=tmp_path, python=PYTHON)
    assert "installing" not in demo.stdout, "the environment for the tests serves the demo too"

    (checkout / "requirements" / "test.txt").write_text("# nothing else\n")
    changed = bench()
    assert "requirements/test.txt" in changed
    assert "making .venv" not in changed

    (checkout / ".venv" / "installed").unlink()
    assert "requirements/test.txt" in bench(), "an installation that was interrupted is done again"

    moved = checkout.rename(tmp_path / "moved")
    assert "making .venv" in bench(moved), "an environment cannot be moved"

    assert run(moved / "run", "clean", cwd=tmp_path, python=PYTHON).returncode == 0
    assert not (moved / ".venv").exists()


@pytest.mark.slow
def test_a_failing_installation_is_told_and_leaves_no_stamp(checkout: Path, tmp_path: Path) -> None:
    if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        pytest.skip(f"{PYTHON} has no pip")
    (checkout / "requirements" / "test.txt").write_text("./missing.whl --hash=sha256:00\n")
    result = run(checkout / "run", "bench", cwd=tmp_path, python=PYTHON)
    assert result.returncode == 2
    assert "could not install requirements/test.txt" in result.stderr
    assert not (checkout / ".venv" / "installed").exists()
