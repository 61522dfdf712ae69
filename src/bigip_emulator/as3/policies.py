"""L7 policies as objects on the device."""

from __future__ import annotations

from typing import Any

from bigip_emulator.as3.classes.policies import SUBJECTS
from bigip_emulator.as3.making import Maker, Making
from bigip_emulator.as3.structure import Declaration


def _policy(making: Making, name: str, item: Declaration) -> None:
    rules = {}
    for ordinal, rule in enumerate(item.get("rules", [])):
        rules[rule["name"]] = {
            "ordinal": ordinal,
            "conditions": [_condition(condition) for condition in rule["conditions"]],
            "actions": [_action(making, action) for action in rule["actions"]],
        }
    used = {condition["type"] for rule in item.get("rules", []) for condition in rule["conditions"]}
    used |= {action["type"] for rule in item.get("rules", []) for action in rule["actions"]} - {
        "forward",
        "drop",
        "persist",
        "log",
        "tcl",
    }
    requires = sorted(
        {"http" if kind.startswith("http") else {"sslExtension": "client-ssl"}.get(kind, "tcp") for kind in used}
    ) or ["tcp"]
    making.add(
        "ltm/policy",
        making.path(name),
        {"rules": rules},
        strategy=f"/Common/{item['strategy']}",
        requires=requires,
        description=item.get("remark"),
        status="published",
    )


def _condition(condition: Declaration) -> dict[str, Any]:
    """A condition as the device keeps it: what it looks at and how it compares are flags."""
    shown: dict[str, Any] = {condition["type"]: True, "request": condition.get("event", "request") == "request"}
    if "name" in condition:
        shown["tmName"] = condition["name"]
    for subject in SUBJECTS:
        compared = condition.get(subject)
        if compared is not None:
            operand = compared.get("operand", "equals")
            positive = operand.replace("does-not-", "").replace("does-not", "")
            shown |= {subject: True, _OPERANDS.get(positive, positive): True, "values": compared.get("values", [])}
            shown |= {"caseInsensitive": True} if not compared.get("caseSensitive") else {"caseSensitive": True}
            if positive != operand:
                shown["not"] = True
    return shown


_OPERANDS = {
    "starts-with": "startsWith",
    "start-with": "startsWith",
    "ends-with": "endsWith",
    "end-with": "endsWith",
    "contain": "contains",
    "equal": "equals",
    "exist": "exists",
    "match": "matches",
}


def _action(making: Making, action: Declaration) -> dict[str, Any]:
    shown: dict[str, Any] = {action["type"]: True, "request": True}
    select = action.get("select", {})
    for target in ("pool", "service"):
        if target in select:
            shown |= {"select": True, {"service": "virtual"}.get(target, target): making.pointed(select[target])}
    if action.get("reset") or action["type"] == "drop":
        shown["reset"] = True
    if action["type"] == "httpRedirect":
        shown |= {"redirect": True, "location": action.get("location", ""), "httpReply": True, "code": action.get("code", 302)}
    for change in ("insert", "replace", "remove"):
        if change in action:
            shown |= {change: True, **{{"name": "tmName"}.get(name, name): value for name, value in action[change].items()}}
    return shown


MAKERS: dict[str, Maker] = {"Endpoint_Policy": _policy}
