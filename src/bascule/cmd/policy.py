"""What callers may do, by oslo.policy: the rules of the door, and what an operator's policy file makes of them.

The two functions at the end are entry points of the `oslopolicy-*` tools.
"""

from __future__ import annotations

import argparse
import logging
import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_context.context import RequestContext
from oslo_policy import _checks, policy

from bascule.cmd import process, settings
from bascule.cmd.process import StartError
from bascule.north.octavia_v2.access import PREFIX
from bascule.north.octavia_v2.policies import rules

LOG = logging.getLogger(__name__)

CALLER = "bascule.caller"
"""In the WSGI environment of an authenticated request: who calls, as a `oslo_context.context.RequestContext`."""


LOOK_INTERVAL = 1.0
"""Seconds between two looks at whether policy files have changed."""

_REMEMBERED = 10_000
"""Decisions that are remembered at most."""

_PURE = (
    _checks.TrueCheck,
    _checks.FalseCheck,
    _checks.NotCheck,
    _checks.AndCheck,
    _checks.OrCheck,
    _checks.RuleCheck,
    _checks.RoleCheck,
    _checks.GenericCheck,
)
"""Checks that follow from who calls and what it is about. Others may ask another service, which may change its mind."""


class PolicyAccess:
    """Lets oslo.policy decide about callers that `CALLER` tells of. Raises StartError where the policy files cannot be used."""

    def __init__(self, conf: cfg.ConfigOpts, look_interval: float = LOOK_INTERVAL) -> None:
        self._conf = conf
        self._interval = look_interval
        self._state = _state(conf)
        self._decisions = _Decisions(enforcer(conf))
        self._next_look = time.monotonic() + look_interval
        self._looking = threading.Lock()

    def project_id(self, environ: Mapping[str, Any]) -> str | None:
        project_id: str | None = environ[CALLER].project_id
        return project_id

    def allows(self, environ: Mapping[str, Any], policy: str, project_id: str | None) -> bool:
        if time.monotonic() >= self._next_look:
            self._look()
        # Not None: as text, it would be the project of callers that have none.
        return self._decisions.allows(PREFIX + policy, project_id or "", environ[CALLER])

    def _look(self) -> None:
        """Take new rules where policy files have changed; where they cannot be used, those that there are stay."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._next_look = time.monotonic() + self._interval
            state = _state(self._conf)
            if state != self._state:
                self._state = state
                self._decisions = _Decisions(enforcer(self._conf))
        except (OSError, StartError) as error:
            LOG.error("The rules stay as they are: %s", error)
        finally:
            self._looking.release()


class _Decisions:
    """What one state of the rules lets callers do.

    The library looks at its files and at the signatures of its checks whenever it decides, which takes longer than a request.
    So it looks at no file any more, and what it has decided is remembered, as far as it must decide the same again.
    """

    def __init__(self, enforcer: policy.Enforcer) -> None:
        enforcer.use_conf = False
        self._enforcer = enforcer
        pure = all(_is_pure(check) for check in enforcer.rules.values())
        self._decision = lru_cache(maxsize=_REMEMBERED)(self._decide) if pure else self._decide

    def allows(self, rule: str, project_id: str, caller: RequestContext) -> bool:
        """Whether a caller may do something to what belongs to a project."""
        values = caller.to_policy_values().items()
        return self._decision(
            rule, project_id, tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in values)
        )

    def _decide(self, rule: str, project_id: str, values: tuple[tuple[str, Any], ...]) -> bool:
        caller = {name: list(value) if isinstance(value, tuple) else value for name, value in values}
        return bool(self._enforcer.authorize(rule, {"project_id": project_id}, caller))


def _is_pure(check: _checks.BaseCheck) -> bool:
    parts = getattr(check, "rules", [])
    inner = getattr(check, "rule", None)
    return type(check) in _PURE and all(map(_is_pure, parts)) and (inner is None or _is_pure(inner))


def _state(conf: cfg.ConfigOpts) -> list[tuple[str, int, int, int]]:
    """What changes when a policy file does."""
    found = []
    for name in (conf.oslo_policy.policy_file, *conf.oslo_policy.policy_dirs):
        if (path := conf.find_file(name)) is not None:
            folder = Path(path)
            for each in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
                seen = each.stat()
                found.append((str(each), seen.st_mtime_ns, seen.st_size, seen.st_ino))
    return found


def enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """The rules with what the policy file says. Raises StartError where that cannot be used."""
    made = policy.Enforcer(conf)
    made.register_defaults(list_rules())
    where = f"[oslo_policy] policy_file: {conf.oslo_policy.policy_file}"
    try:
        made.load_rules()
    except Exception as error:  # the library lets through whatever its parsers raise
        raise StartError(f"{where} cannot be used: {error}") from error
    if not made.check_rules():
        raise StartError(f"{where} has rules that refer to unknown ones, or to themselves")
    return made


def list_rules() -> list[policy.RuleDefault]:
    """Every rule, with what stands for it unless a policy file says otherwise."""
    found: list[policy.RuleDefault] = []
    for rule in rules():
        if rule.operations:
            operations = [policy.Operation(method=method, path=path) for method, path in rule.operations]
            found.append(policy.DocumentedRuleDefault(rule.name, rule.check, rule.text, operations, scope_types=["project"]))
        else:
            found.append(policy.RuleDefault(rule.name, rule.check, description=rule.text))
    return found


def get_enforcer() -> policy.Enforcer:
    """The rules with what the policy file of these settings says. The tools look at the global configuration, so it is used."""
    parser = argparse.ArgumentParser(add_help=False)
    process.add_config_file(parser)
    known, _ = parser.parse_known_args()
    found = list(settings.files(known.config_file))
    cfg.CONF([], project="bascule", default_config_files=found, default_config_dirs=[])
    return enforcer(cfg.CONF)
