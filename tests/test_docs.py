"""The documentation names only what is there: files, links, tasks, commands, options, tests, words of the code."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bascule.cmd import options
from bascule.south.haproxy.render import CONFIGURATION

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NOTES = sorted((ROOT / "changes").rglob("*.md"))
BASES = (ROOT, ROOT / "src/bascule", ROOT / "tests")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

SUFFIXES = (".cfg", ".conf", ".in", ".json", ".md", ".py", ".sample", ".service", ".toml", ".txt")
MADE_BY_HAND = {"v0002_max_connections.py", "bascule.conf", "definition.json"}
"""File names that stand for ones the reader makes."""
ELSEWHERE = {CONFIGURATION, "fence.json", "haproxy/fence.json", "haproxy/ID/"}
"""Names below the state directory."""
SYSTEM = ("/etc/bascule/", "/etc/apache2/envvars", "/opt/bascule", "/usr/", "/var/lib/bascule", "/proc")
API = (
    "/healthcheck",
    "/metrics",
    "/v2",
    "/subnets",
    "/networks",
    "/ports",
    "/security-groups",
    "/qos/",
    "/extensions",
    "/projects/",
    "/openapi.json",
    "/docs",
    "/healthcheck",
    "/events",
    "/mgmt/",
    "/emulator",
)
"""How the absolute paths begin that may be named."""


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
every_text = pytest.mark.parametrize("page", [*PAGES, *NOTES], ids=lambda page: str(page.relative_to(ROOT)))


def code(page: Path) -> list[str]:
    """What a page shows as code: between backticks, and in indented blocks."""
    text = page.read_text()
    blocks = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    return re.findall(r"`([^`\n]+)`", text) + blocks


def words(page: Path) -> Iterator[str]:
    for piece in code(page):
        yield from (word.strip("\"',:;()[]{}") for word in piece.split())


def is_path(word: str) -> bool:
    """Whether a word names a file or folder of the checkout, rightly or not."""
    if not re.fullmatch(r"[\w*.-]+(/[\w*.-]+)*/?", word) or "NAME" in word or word in ELSEWHERE:
        return False
    first = word.partition("/")[0]
    known = "/" in word and any((base / first).exists() for base in BASES)
    return known or (word.endswith(SUFFIXES) and word not in MADE_BY_HAND and not word.startswith("."))


def exists(word: str, page: Path) -> bool:
    """Whether it is there: from the root, below one of the usual folders, or, as a bare name, anywhere in the checkout."""
    if any(True for base in (*BASES, page.parent) for _ in base.glob(word.rstrip("/"))):
        return True
    return "/" not in word and any(True for folder in ("src", "docs", "tests", "etc") for _ in (ROOT / folder).rglob(word))


@every_page
def test_every_file_is_there(page: Path) -> None:
    assert [word for word in words(page) if is_path(word) and not exists(word, page)] == []


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, place = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE) if place else []
        assert not place or place in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


@every_text
def test_every_task_and_command_is_there(page: Path) -> None:
    tasks = {task.__name__ for task in runpy.run_path(str(ROOT / "run"), run_name="run")["TASKS"]}
    assert set(re.findall(r"\./run ([a-z]+)", page.read_text())) <= tasks
    assert set(re.findall(r"\bbascule-(?!backup|state)[a-z-]+\b", page.read_text())) <= PROJECT["scripts"].keys()
    assert set(re.findall(r"`bascule ([a-z-]+)", page.read_text())) <= {"serve", "plan", "device", "hash-password"}
    commands = {"upgrade", "current", "history", "new-epoch", "installation", "new-installation"}
    assert set(re.findall(r"bascule-db-manage ([a-z-]+)`", page.read_text())) <= commands


def all_options() -> dict[tuple[str, str], str]:
    """The default of every option, as it would be written in a file, by section and name."""
    found = {}
    for group, some in options.list_opts():
        section = "DEFAULT" if group is None else group.name.replace(":name", ":NAME")
        for option in some:
            default = option.sample_default or option.default
            text = ", ".join(default) if isinstance(default, list) else "" if default is None else str(default)
            found[section, option.dest] = text.lower() if isinstance(default, bool) else text
    return found


@every_text
def test_every_option_is_there(page: Path) -> None:
    flat = re.sub(r"\s*\n\s*", " ", page.read_text())
    of_libraries = {("oslo_policy", "policy_file")}
    assert set(re.findall(r"`\[(\w+|subnet:NAME)\] (\w+)", flat)) <= all_options().keys() | of_libraries
    sections = {section.replace("NAME", "") for section, _ in all_options()}
    for section, block in re.findall(r"^    \[([\w:]+)\]\n((?:    \w.*\n)+)", page.read_text(), re.MULTILINE):
        known = re.sub(r":.*", ":", section)
        if known in ("keystone_authtoken", "uwsgi"):  # a library's, where they depend on each other; another server's
            continue
        assert known in sections
        names = {name for place, name in all_options() if place.replace("NAME", "") == known}
        assert set(re.findall(r"^    (\w+) =", block, re.MULTILINE)) <= names


def test_every_option_is_explained() -> None:
    rows = re.findall(r"^\| `\[([\w:]+)\] (\w+)` \| ([^|]*)\|", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert {(section, name): default.strip("` ") for section, name, default in rows} == all_options()


@every_page
def test_every_test_is_there(page: Path) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = {word for word in words(page) if re.fullmatch(r"test_\w+", word)}
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_word_is_in_its_file() -> None:
    rows = re.findall(r"\| `([\w/]+\.py)` ((?:`\w+` ?)*)\|$", (ROOT / "docs/words.md").read_text(), re.MULTILINE)
    assert len(rows) > 50
    for file, names in rows:
        text = (ROOT / "src/bascule" / file).read_text()
        assert [name for name in re.findall(r"\w+", names) if not re.search(rf"\b{name}\b", text)] == [], file


@every_text
def test_nothing_of_anybodys_machine_is_there(page: Path) -> None:
    text = page.read_text()
    paths = re.findall(r"(?<![\w.~})*<>-])/[\w.-]+[\w/.-]*", re.sub(r"https?://[^\s)]*", "", "\n".join(code(page))))
    assert [path for path in paths if not path.startswith(SYSTEM + API)] == []
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    assert {host for host in hosts if not re.fullmatch(r"(127|192\.0\.2)\.[\d.]+|localhost|www\.example\.com", host)} == set()
    assert re.findall(r"\b(?:TODO|FIXME|XXX|(?:issue|ticket) #?\d+|#\d+)\b", text) == []
