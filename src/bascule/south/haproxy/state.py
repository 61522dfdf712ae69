"""What the next worker should know of the servers, so that a reload does not send traffic to members known to be down."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bascule.south.haproxy.servers import Server, parse, split

_DOWN = "0"
_SERVING = "0"


def servers(states: str) -> Collection[Server]:
    """The servers in HAProxy's `show servers state`, by backend and name."""
    return [(fields["be_name"], fields["srv_name"]) for fields in _fields(states)]


def kept(states: str, configuration: str) -> str:
    """Of HAProxy's `show servers state`, the servers that probes found down and that are probed in the new configuration.

    All others begin as the new configuration has them. Weights and where a server is probed are never taken over: the configuration
    says them. Nor is maintenance, in which a server is no longer probed.
    """
    _, lines = split(configuration)
    probed = {server: line.weight for server, words in lines.items() if (line := parse(words)).probed}
    found = states.splitlines()[:2]
    for fields in _fields(states):
        weight = probed.get((fields["be_name"], fields["srv_name"]))
        if weight is not None and fields["srv_op_state"] == _DOWN and fields["srv_admin_state"] == _SERVING:
            fields |= {"srv_check_port": "0", "srv_check_addr": "-", "srv_uweight": weight, "srv_iweight": weight}
            found.append(" ".join(fields.values()))
    return "\n".join(found) + "\n"


def _fields(states: str) -> Iterator[dict[str, str]]:
    """The lines of `show servers state`: below its version, columns are named."""
    _, header, *lines = states.split("\n") if "\n" in states else ("", "")
    columns = header.removeprefix("# ").split()
    return (dict(zip(columns, line.split(), strict=False)) for line in lines if line)
