"""What a change answers is what is shown afterwards: some answers are made from what was written, and not read again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.bascule import Client

OBJECTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "member": (
        "/pools/{pool}/members",
        {"address": "10.1.0.5", "protocol_port": 80, "monitor_address": "10.1.0.6", "tags": ["b", "a"]},
        {"weight": None, "backup": True, "tags": []},
    ),
    "healthmonitor": (
        "/healthmonitors",
        {"pool_id": "{pool}", "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2, "http_version": 1.1, "tags": ["a"]},
        {"name": "new", "domain_name": "x.example"},
    ),
    "rule": (
        "/l7policies/{policy}/rules",
        {"type": "HEADER", "key": "X-A", "compare_type": "EQUAL_TO", "value": "1"},
        {"value": "2", "invert": True},
    ),
}


@pytest.mark.parametrize("root", OBJECTS)
def test_an_answer_is_what_is_shown(api: Client, listener: dict[str, Any], pool: dict[str, Any], root: str) -> None:
    path, given, change = OBJECTS[root]
    path = path.format(pool=pool["id"], policy=api.l7policy(listener["id"])["id"])
    made = api.made(path, root, **{name: pool["id"] if value == "{pool}" else value for name, value in given.items()})
    where = f"{path}/{made['id']}"
    assert list(made.items()) == list(api.get(where).body[root].items())
    api.settle()
    changed = api.put(where, {root: change}).body
    assert changed == api.get(where).body
    assert changed[root]["provisioning_status"] == "PENDING_UPDATE"
    name = next(iter(change))
    assert api.put(where, {root: change}, fields=name).body == {root: {name: changed[root][name]}}
