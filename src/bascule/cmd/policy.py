"""What callers may do, by oslo.policy: the rules of the door, and what an operator's policy file makes of them.

The two functions at the end are entry points of the `oslopolicy-*` tools.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from bascule.cmd import process, settings
from bascule.cmd.process import StartError
from bascule.north.octavia_v2.access import PREFIX
from bascule.north.octavia_v2.policies import rules

CALLER = "bascule.caller"
"""In the WSGI environment of an authenticated request: who calls, as a `oslo_context.context.RequestContext`."""


class PolicyAccess:
    """Lets oslo.policy decide about callers that `CALLER` tells of."""

    def __init__(self, enforcer: policy.Enforcer) -> None:
        self._enforcer = enforcer

    def project_id(self, environ: Mapping[str, Any]) -> str | None:
        project_id: str | None = environ[CALLER].project_id
        return project_id

    def allows(self, environ: Mapping[str, Any], policy: str, project_id: str | None) -> bool:
        # Not None: as text, it would be the project of callers that have none.
        return bool(self._enforcer.authorize(PREFIX + policy, {"project_id": project_id or ""}, environ[CALLER]))


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
