"""bascule-status: what it finds, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bascule.cmd import status
from bascule.store.engine import Database
from tests.processes.running import Site

pytestmark = pytest.mark.filterwarnings("ignore:the 'ALL' constant is deprecated")


def check(site: Site, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str | None]]:
    """The exit status, and what is said of everything that is looked at."""
    ended = status.main(["--config-file", str(site.file), "upgrade", "check", "--json"])
    found = json.loads(capsys.readouterr().out)["checks"]
    assert ended == max(each["result"] for each in found)
    return ended, {each["check"]: each["details"] for each in found}


@pytest.fixture
def ready(site: Site, migrated_file: Path) -> Site:
    """A site with a database."""
    site.state.mkdir()
    (site.state / "bascule.sqlite").write_bytes(migrated_file.read_bytes())
    return site


def test_all_is_well(ready: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(ready, capsys) == (0, {"Configuration": None, "Database": None, "Policies": None})


def test_a_database_that_is_not_there_and_one_that_is_too_old(ready: Site, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database(f"sqlite:///{ready.state / 'bascule.sqlite'}")
    database.write(lambda conn: conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'"))
    database.close()
    ended, said = check(ready, capsys)
    assert (ended, "run bascule-db-manage upgrade" in (said["Database"] or "")) == (2, True)
    (ready.state / "bascule.sqlite").unlink()
    ended, said = check(ready, capsys)
    assert (ended, "there is no file" in (said["Database"] or "")) == (2, True)
    assert not (ready.state / "bascule.sqlite").exists(), "looking changes nothing"
    ready.write("memory", more="[database]\nconnection = postgresql+psycopg://nobody@127.0.0.1:1/none\n[DEFAULT]")
    ended, said = check(ready, capsys)
    assert (ended, "cannot be reached" in (said["Database"] or "")) == (2, True)


def test_settings_that_cannot_be_used(ready: Site, capsys: pytest.CaptureFixture[str]) -> None:
    ready.write("memory", more="error_aftr = 3")
    ended, said = check(ready, capsys)
    assert ended == 2
    assert "[DEFAULT] error_aftr" in (said["Configuration"] or "")
    assert said["Database"] == said["Policies"] == "It cannot be looked at without a configuration."
    assert status.main(["--config-file", str(ready.folder / "none"), "upgrade", "check"]) == 2
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "ends", "words"),
    [
        ('"os_load-balancer_api:pool:put": "rule:ours"\n"ours": "role:admin"', 0, ""),
        ('"os_load-balancer_api:pool:putt": "role:admin"', 1, "nothing asks for these rules: os_load-balancer_api:pool:putt"),
        ("- list", 2, "cannot be used"),
    ],
)
def test_policies(ready: Site, capsys: pytest.CaptureFixture[str], text: str, ends: int, words: str) -> None:
    (ready.folder / "policy.yaml").write_text(text)
    ended, said = check(ready, capsys)
    assert ended == ends, said
    assert words in (said["Policies"] or "")


def test_people_get_a_table(ready: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main(["--config-file", str(ready.file), "upgrade", "check"]) == 0
    assert "Upgrade Check Results" in capsys.readouterr().out
