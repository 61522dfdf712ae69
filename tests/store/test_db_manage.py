from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.cmd import db_manage
from bascule.store import migrate
from bascule.store.engine import Database

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "import sys; from bascule.cmd.db_manage import main; sys.exit(main())"]


def test_the_life_of_a_database(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    def run(command: str) -> tuple[int, str]:
        return db_manage.main(["--database", empty_url, command]), capsys.readouterr().out

    assert run("current") == (0, "empty\n")
    assert run("upgrade") == (0, f"was: empty, is: {migrate.HEAD}\n")
    assert run("upgrade") == (0, f"was: {migrate.HEAD}, is: {migrate.HEAD}\n")
    assert run("current") == (0, f"{migrate.HEAD} (newest)\n")
    epochs = []
    for _ in range(2):
        status, output = run("new-epoch")
        assert status == 0
        epochs.append(int(re.fullmatch(r"epoch: (\d+)\n", output)[1]))
    assert epochs == sorted(set(epochs))
    _, shown = run("installation")
    assert run("installation") == (0, shown)
    assert re.fullmatch(r"installation: [0-9a-f]{12}\n", run("new-installation")[1])
    assert run("installation")[1] != shown


def test_history_needs_no_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert db_manage.main(["history"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "0001  The first tables."


def test_the_settings_name_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'named.db'}"
    file = tmp_path / "bascule.conf"
    file.write_text(f"[DEFAULT]\nstate_dir = {tmp_path}\n[database]\nconnection = {url}\n")
    assert db_manage.main(["--config-file", str(file), "upgrade"]) == 0
    database = Database(url)
    migrate.check(database)
    database.close()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("url", "command", "text"),
    [
        ("sqlite:///{}/new.db", "new-epoch", "the database is empty; this version needs"),
        ("sqlite:///{}", "current", "directory"),
        ("oracle://host/name", "current", "allowed are sqlite"),
        ("postgresql+psycopg://user:secret@127.0.0.1:1/name", "current", "the database cannot be reached: connection failed"),
        ("mysql+pymysql://user:secret@127.0.0.1:1/name", "upgrade", "the database cannot be reached: .*Can't connect"),
    ],
)
def test_what_cannot_be_done_is_said(url: str, command: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert db_manage.main(["--database", url.format(tmp_path), command]) == 1
    said = capsys.readouterr()
    assert re.match(f"bascule-db-manage: .*{text}", said.err, re.DOTALL)
    assert "secret" not in said.out + said.err


def test_two_upgrades_at_once_are_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bascule.db'}"
    both = [
        subprocess.Popen([*PROGRAM, "--database", url, "upgrade"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    database = Database(url)
    migrate.check(database)
    database.close()
