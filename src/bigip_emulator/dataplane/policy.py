"""L7 policies of the device as rules of HAProxy. The first rule whose conditions hold is remembered, and then acted upon."""

from __future__ import annotations

from typing import Any

from bigip_emulator.dataplane.text import Uncarried, formatted, quoted
from bigip_emulator.objects import Object

_MATCHES = {"equals": "str", "startsWith": "beg", "endsWith": "end", "contains": "sub", "exists": "found"}


def lines(number: int, policy: Object, backends: dict[str, str]) -> tuple[list[str], list[str]]:
    """Rules for the request, and the choice of backends; `backends` has them by pool. Raises Uncarried."""
    variable = f"txn.policy{number}"
    rules, chosen = [], []
    for name, rule in sorted(policy.parts.get("rules", {}).items(), key=lambda entry: entry[1]["ordinal"]):
        one = rule["ordinal"] + 1
        conditions = " ".join(_condition(condition) for condition in rule["conditions"])
        rules.append(f"http-request set-var({variable}) int({one}) if !{{ var({variable}) -m found }} {conditions}".rstrip())
        here = f"{{ var({variable}) -m int {one} }}"
        for action in rule["actions"]:
            if action.get("pool"):
                chosen.append(f"use_backend {backends[action['pool']]} if {here}")
            else:
                rules.append(f"{_action(name, action)} if {here}")
    return rules, chosen


def _subject(condition: dict[str, Any]) -> str:
    name = str(condition.get("tmName", ""))
    if condition.get("httpHeader"):
        return f"req.hdr({_name(name)})"
    if condition.get("httpCookie"):
        return f"req.cook({_name(name)})"
    if condition.get("httpHost"):
        return "req.hdr(host),host_only" if condition.get("host") else "req.hdr(host)"
    if condition.get("httpMethod"):
        return "method"
    for part, fetch in (
        ("path", "path"),
        ("queryString", "query"),
        ("extension", "path,regsub(^.*/,),regsub(^[^.]*$,),regsub(^.*[.],)"),
    ):
        if condition.get("httpUri") and condition.get(part):
            return fetch
    if condition.get("httpUri") and condition.get("host"):
        return "req.hdr(host),host_only"
    raise Uncarried("a condition of an L7 policy that the data plane does not know")


def _name(name: str) -> str:
    if not name or not all(character.isalnum() or character in "-_." for character in name):
        raise Uncarried("a name of a header or cookie with unusual characters")
    return name


def _condition(condition: dict[str, Any]) -> str:
    match = next((word for flag, word in _MATCHES.items() if condition.get(flag)), "")
    if not match:
        raise Uncarried("a comparison of an L7 policy that the data plane does not know")
    negation = "!" if condition.get("not") else ""
    subject = _subject(condition)
    if match == "found":
        return f"{negation}{{ {subject} -m found }}"
    values = " ".join(quoted(str(value)) for value in condition.get("values", []))
    case = "" if condition.get("caseSensitive") else " -i"
    return f"{negation}{{ {subject} -m {match}{case} -- {values} }}"


def _action(name: str, action: dict[str, Any]) -> str:
    if action.get("httpRedirect"):
        location, uri = str(action["location"]), "[HTTP::uri]"
        if location.startswith("tcl:"):
            location = location[4:]
            if "[" in location.replace(uri, ""):
                raise Uncarried("a location with Tcl in it")
        target = "".join(formatted(part) if part != uri else "%[capture.req.uri]" for part in _split(location, uri))
        return f"http-request redirect location {target} code {action['code']}"
    if action.get("httpHeader"):
        header = _name(str(action.get("tmName", "")))
        if action.get("remove"):
            return f"http-request del-header {header}"
        return f"http-request {'add' if action.get('insert') else 'set'}-header {header} {formatted(str(action.get('value', '')))}"
    if action.get("reset"):
        return "http-request reject"
    raise Uncarried(f"an action of the L7 rule {name} that the data plane does not know")


def _split(text: str, mark: str) -> list[str]:
    parts = text.split(mark)
    return [piece for part in parts[:-1] for piece in (part, mark) if piece] + [part for part in parts[-1:] if part]
