"""From the configuration of the device to that of a HAProxy. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

from bigip_emulator import addresses
from bigip_emulator.dataplane import monitors, policy
from bigip_emulator.dataplane.text import Uncarried, formatted
from bigip_emulator.objects import Object, Store
from bigip_emulator.rules import listens_on

_LEAST = ("least-connections", "weighted-least", "ratio-least", "fastest", "least-sessions")
_VERSIONS = {"no-tlsv1": "no-tlsv10", "no-tlsv1.1": "no-tlsv11", "no-tlsv1.2": "no-tlsv12", "no-tlsv1.3": "no-tlsv13"}


@dataclass
class Rendered:
    """A configuration, the files it needs by name, what its proxies are, and what is left out and why."""

    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    frontends: dict[str, str] = field(default_factory=dict)
    """Full path of the virtual server by name of the frontend."""
    servers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Full path of the pool, a blank, full path of the member, by names of backend and server."""
    problems: dict[str, str] = field(default_factory=dict)


class Renderer:
    """Renders one store once. `speed` is how many of the device's seconds pass in one of HAProxy's."""

    def __init__(self, store: Store, speed: float) -> None:
        self._store = store
        self._speed = speed
        self._made = Rendered()
        self._backends: dict[tuple[str, ...], str] = {}
        self._blocks: list[list[str]] = []

    def render(self) -> Rendered:
        for virtual in sorted(self._store.of("ltm/virtual"), key=lambda one: one.path):
            try:
                self._virtual(virtual)
            except Uncarried as problem:
                self._made.problems[virtual.path] = str(problem)
        self._made.text = "".join(f"{block[0]}\n" + "".join(f"    {line}\n" for line in block[1:]) for block in self._blocks)
        return self._made

    def _profiles(self, virtual: Object, kind: str, side: str = "") -> list[Object]:
        named = virtual.parts.get("profiles", {}).items()
        found = [self._store.get(kind, path) for path, how in named if not side or how.get("context") in (side, "all")]
        return [one for one in found if one is not None]

    def _virtual(self, virtual: Object) -> None:
        if virtual.properties.get("disabled"):
            return
        if virtual.properties["ipProtocol"] != "tcp":
            raise Uncarried(f"the protocol {virtual.properties['ipProtocol']}")
        address, port = listens_on(self._store, virtual)
        if not _loopback(address) or not port:
            raise Uncarried("it does not listen on a port of a loopback address")
        https = self._profiles(virtual, "ltm/profile/http")
        name = f"virtual{len(self._made.frontends)}"
        block = [f"frontend {name}", f"mode {'http' if https else 'tcp'}", self._bind(name, virtual, _bare(address), port)]
        if virtual.properties["connectionLimit"]:
            block.append(f"maxconn {virtual.properties['connectionLimit']}")
        source = str(virtual.properties["source"])
        if not source.endswith("/0"):
            block.append(f"tcp-request connection reject unless {{ src {_bare(source)} }}")
        block += self._http(virtual, https[0]) if https else []
        if virtual.properties.get("pool"):
            block.append(f"default_backend {self._backend(virtual, virtual.properties['pool'], bool(https))}")
        self._blocks.append(block)
        self._made.frontends[name] = virtual.path

    def _bind(self, name: str, virtual: Object, address: str, port: int) -> str:
        line = f"bind {address}:{port}"
        profiles = self._profiles(virtual, "ltm/profile/client-ssl", "clientside")
        if not profiles:
            return line
        for number, profile in enumerate(profiles):
            self._made.files[f"{name}/{number}.pem"] = self._pem(profile)
        line += f" ssl crt {name}/"
        properties = profiles[0].properties
        if properties.get("peerCertMode") in ("request", "require") and properties.get("caFile", "none") != "none":
            self._made.files[f"{name}-ca.pem"] = self._content("sys/file/ssl-cert", properties["caFile"])
            line += f" verify {'required' if properties['peerCertMode'] == 'require' else 'optional'} ca-file {name}-ca.pem"
            if crl := properties.get("crlFile"):
                self._made.files[f"{name}-crl.pem"] = self._content("sys/file/ssl-crl", crl)
                line += f" crl-file {name}-crl.pem"
        line += "".join(f" {_VERSIONS[option]}" for option in properties.get("tmOptions", []) if option in _VERSIONS)
        return f"{line} alpn {'h2,' if self._profiles(virtual, 'ltm/profile/http2') else ''}http/1.1"

    def _pem(self, profile: Object) -> str:
        parts = [("sys/file/ssl-cert", "cert"), ("sys/file/ssl-cert", "chain"), ("sys/file/ssl-key", "key")]
        return "".join(self._content(kind, profile.properties[name]) + "\n" for kind, name in parts if profile.properties.get(name))

    def _content(self, kind: str, path: str) -> str:
        found = self._store.get(kind, path)
        if found is None or "content" not in found.properties:
            raise Uncarried(f"the content of {path} is not known")
        return str(found.properties["content"])

    def _http(self, virtual: Object, profile: Object) -> list[str]:
        block = []
        if profile.properties.get("insertXforwardedFor") == "enabled":
            block.append("option forwardfor")
        header, _, value = str(profile.properties.get("headerInsert", "")).partition(": ")
        if value:
            block.append(f"http-request set-header {formatted(header)} {formatted(value)}")
        hsts = profile.properties.get("hsts", {})
        if hsts.get("mode") == "enabled":
            more = "; includeSubDomains" if hsts.get("includeSubdomains") == "enabled" else ""
            more += "; preload" if hsts.get("preload") == "enabled" else ""
            value = f"max-age={hsts['maximumAge']}{more}"
            block.append(f"http-response set-header Strict-Transport-Security {formatted(value)}")
        if "/Common/_sys_https_redirect" in virtual.properties.get("rules", []):
            block.append("http-request redirect scheme https code 302")
        chosen: list[str] = []
        for number, path in enumerate(virtual.parts.get("policies", {})):
            found = self._store.get("ltm/policy", path)
            assert found is not None
            pools = {
                action["pool"] for rule in found.parts.get("rules", {}).values() for action in rule["actions"] if "pool" in action
            }
            rules, use = policy.lines(number, found, {pool: self._backend(virtual, pool, True) for pool in sorted(pools)})
            block += rules
            chosen += use
        return block + chosen

    def _backend(self, virtual: Object, path: str, http: bool) -> str:
        pool = self._store.get("ltm/pool", path)
        assert pool is not None
        tls = self._profiles(virtual, "ltm/profile/server-ssl", "serverside")
        persist = "".join(f"/{entry['partition']}/{entry['name']}" for entry in virtual.properties.get("persist", [])[:1])
        key = (path, str(http), tls[0].path if tls else "", persist)
        if key in self._backends:
            return self._backends[key]
        name = self._backends[key] = f"pool{len(self._backends)}"
        mode = str(pool.properties["loadBalancingMode"])
        block = [f"backend {name}", f"mode {'http' if http else 'tcp'}", "option allbackups"]
        block.append(f"balance {'leastconn' if mode.startswith(_LEAST) else 'roundrobin'}")
        block += self._persistence(persist, path)
        cookie = self._store.get("ltm/persistence/cookie", persist) is not None
        monitor = monitors.found(self._store, str(pool.properties.get("monitor", "")))
        if monitor is not None and monitors.checkable(monitor):
            block += monitors.lines(monitor)
        first = max((member["priorityGroup"] for member in pool.parts.get("members", {}).values()), default=0)
        for number, (member, properties) in enumerate(pool.parts.get("members", {}).items()):
            server = f"member{number}"
            line = self._server(server, member, properties, monitor, mode, properties["priorityGroup"] < first)
            line += self._to_member(name, tls[0]) if tls else ""
            block.append(line + (f" cookie {server}" if cookie else ""))
            self._made.servers[name, server] = f"{path} {member}"
        self._blocks.append(block)
        return name

    def _persistence(self, path: str, pool: str) -> list[str]:
        if found := self._store.get("ltm/persistence/cookie", path):
            name = str(found.properties.get("cookieName") or f"BIGipServer{pool.replace('/', '~')}")
            return [f"cookie {formatted(name)} insert indirect nocache"]
        if found := self._store.get("ltm/persistence/source-addr", path):
            seconds = max(1, round(int(found.properties.get("timeout", 180)) / self._speed))
            return [f"stick-table type ipv6 size 100k expire {seconds}s", "stick on src"]
        return []

    def _server(self, name: str, member: str, properties: dict[str, Any], monitor: Object | None, mode: str, backup: bool) -> str:
        port = addresses.without_port(member)[1]
        draining = properties.get("session") == "user-disabled"
        weight = 0 if draining else max(1, properties["ratio"]) if "ratio" in mode else 1
        line = f"server {name} {_bare(properties['address'])}:{port} weight {weight}"
        if properties["connectionLimit"]:
            line += f" maxconn {properties['connectionLimit']}"
        if monitor is not None and monitors.checkable(monitor):
            own = monitors.found(self._store, properties.get("monitor", "default"))
            line += f" {monitors.options(monitor, own if monitors.checkable(own) else None, self._speed)}"
        line += " disabled" if properties.get("state") == "user-down" else ""
        return line + (" backup" if backup else "")

    def _to_member(self, name: str, profile: Object) -> str:
        line = " ssl verify none"
        authority = profile.properties.get("caFile", "none")
        if profile.properties.get("peerCertMode") == "require" and authority != "none":
            self._made.files[f"{name}-ca.pem"] = self._content("sys/file/ssl-cert", authority)
            line = f" ssl verify required ca-file {name}-ca.pem"
        server_name = profile.properties.get("serverName", "none")
        return line + (f" sni str({server_name})" if server_name != "none" else "")


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(_bare(address)).is_loopback
    except ValueError:
        return False


def _bare(address: str) -> str:
    """Without its route domain, which HAProxy knows nothing of."""
    text, _, length = address.partition("/")
    return text.partition("%")[0] + (f"/{length}" if length else "")
