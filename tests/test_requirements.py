"""The pinned requirements: complete on every supported Python, and the same for running and for testing."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MACHINES = ["x86_64", "aarch64"]


def pins(name: str) -> dict[str, str]:
    """Map each package that a requirements file pins to its version."""
    text = (ROOT / "requirements" / name).read_text()
    return {canonicalize_name(package): version for package, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def test_the_tests_run_with_the_versions_that_users_run() -> None:
    tested = pins("test.txt")
    assert {name: tested.get(name) for name in pins("run.txt")} == pins("run.txt")


@pytest.mark.parametrize("name", ["run.txt", "test.txt"])
def test_every_pin_has_hashes_and_no_host_is_named(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(name))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE), "options belong to the machine, not in this file"


@pytest.mark.parametrize("name", ["run.txt", "test.txt"])
def test_what_pinned_packages_need_is_pinned_on_every_python(name: str) -> None:
    pinned = pins(name)
    missing = set()
    for package in pinned:
        try:
            needs = [Requirement(text) for text in metadata.requires(package) or ()]
        except metadata.PackageNotFoundError:
            continue  # pinned for another Python or machine than this
        for need in needs:
            for python in PYTHONS:
                for machine in MACHINES:
                    place = {
                        "extra": "",
                        "python_version": python,
                        "python_full_version": f"{python}.0",
                        "platform_machine": machine,
                    }
                    applies = need.marker is None or need.marker.evaluate(place)
                    if applies and canonicalize_name(need.name) not in pinned:
                        missing.add(f"{need.name} (for {package}, Python {python}, {machine})")
    assert not missing
