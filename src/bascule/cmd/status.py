"""bascule-status: whether this version of Bascule can work with what is there, as every OpenStack service tells it.

`bascule-status upgrade check` ends with 0 where all is well, 1 where something should be looked at, 2 where it cannot run.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code, Result

from bascule.cmd import policy, settings
from bascule.cmd.process import StartError
from bascule.cmd.settings import Settings
from bascule.cmd.values import SettingsError
from bascule.model.errors import Away
from bascule.store import migrate
from bascule.store.engine import Database

NAME = "bascule-status"

_UNKNOWN = Result(Code.FAILURE, "It cannot be looked at without a configuration.")


class Checks(upgradecheck.UpgradeCommands):
    """What is looked at, of the configuration that these files hold."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._given = conf
        self._conf: cfg.ConfigOpts | None = None
        self._plain: Settings | None = None

    def _configuration(self) -> Result:
        """Whether every setting is known and allowed."""
        try:
            self._conf = settings.read(self._given.config_file)
            self._plain = settings.plain(self._conf)
        except SettingsError as error:
            return Result(Code.FAILURE, str(error))
        return Result(Code.SUCCESS)

    def _database(self) -> Result:
        """Whether the database can be reached and has the tables that this version needs."""
        if self._plain is None:
            return _UNKNOWN
        connection = self._plain.database.connection
        file = sa.make_url(connection).database or ""
        if connection.startswith("sqlite") and not Path(file).exists():
            return Result(Code.FAILURE, f"there is no file {file}: run bascule-db-manage upgrade")
        try:
            database = Database(connection, pool_size=1)
        except (ValueError, OSError, ImportError) as error:
            return Result(Code.FAILURE, f"[database] connection: {error}")
        try:
            migrate.check(database)
            found = migrate.current(database)
        except migrate.Outdated as error:
            return Result(Code.FAILURE, str(error))
        except Away as error:
            return Result(Code.FAILURE, f"[database] connection: {error}")
        except sa.exc.DBAPIError as error:
            return Result(Code.FAILURE, f"[database] connection: the database cannot be used: {error.orig}")
        finally:
            database.close()
        if found is not None and found < migrate.HEAD:
            text = f"the database is at migration {found}; when every process has this version: run bascule-db-manage upgrade"
            return Result(Code.WARNING, text)
        return Result(Code.SUCCESS)

    def _policies(self) -> Result:
        """Whether the policy file can be used, and names only rules that there are."""
        if self._conf is None:
            return _UNKNOWN
        try:
            found = policy.enforcer(self._conf)
        except StartError as error:
            return Result(Code.FAILURE, str(error))
        known = {rule.name for rule in policy.list_rules()}
        used = " ".join(rule.check_str for rule in found.file_rules.values())
        unknown = sorted(name for name in found.file_rules if name not in known and f"rule:{name}" not in used)
        if unknown:
            return Result(Code.WARNING, f"{found.policy_path}: nothing asks for these rules: {', '.join(unknown)}")
        if (path := found.policy_path) and Path(path).suffix == ".json":
            return Result(Code.WARNING, f"{path}: policy files are YAML now; oslopolicy-convert-json-to-yaml makes one of it")
        return Result(Code.SUCCESS)

    _upgrade_checks = (("Configuration", _configuration), ("Database", _database), ("Policies", _policies))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Gives the exit status."""
    conf = cfg.ConfigOpts()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return upgradecheck.main(conf, "bascule", Checks(conf), argv=arguments, default_config_files=[])
    except cfg.Error as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
