"""What the next worker should know of the servers, so that a reload does not send traffic to members known to be down."""

from __future__ import annotations

import re

_BACKEND = re.compile(r"^backend (\S+)$")
_SERVER = re.compile(r"^    server (\S+) .* check ")
_DOWN = "0"


def kept(states: str, configuration: str) -> str:
    """Of HAProxy's `show servers state`, the servers that are down and are probed in the new configuration.

    All others begin as the new configuration has them. Where a server is probed is never taken over: the configuration says it.
    """
    probed = _probed(configuration)
    version, _, rest = states.partition("\n")
    header, *lines = rest.splitlines() or [""]
    columns = header.removeprefix("# ").split()
    found = [version, header]
    for line in lines:
        fields = dict(zip(columns, line.split(), strict=False))
        server = (fields.get("be_name", ""), fields.get("srv_name", ""))
        if server in probed and fields["srv_op_state"] == _DOWN:
            fields |= {"srv_check_port": "0", "srv_check_addr": "-"}
            found.append(" ".join(fields.values()))
    return "\n".join(found) + "\n"


def _probed(configuration: str) -> set[tuple[str, str]]:
    """The servers that a configuration has probed, by backend and name."""
    found: set[tuple[str, str]] = set()
    backend = ""
    for line in configuration.splitlines():
        if section := _BACKEND.match(line):
            backend = section[1]
        elif server := _SERVER.match(line):
            found.add((backend, server[1]))
    return found
