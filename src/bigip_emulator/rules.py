"""What the device's configuration daemon refuses, whoever asks. The texts are those of public reports, as far as there are any."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bigip_emulator import addresses, http2
from bigip_emulator.kinds import KINDS
from bigip_emulator.objects import DeviceError, Key, Object, Store

VALUE_LIMIT = 65520
"""How many bytes one value of a data group holds."""


def check(store: Store, puts: Collection[Object], drops: Collection[Key]) -> None:
    """Whether the configuration may be as it is after these changes. Raises DeviceError."""
    gone = [key for key in drops if store.get(*key) is None]
    if gone:
        _still_wanted(store, gone)
    for made in puts:
        for name, kinds, path in references(made):
            if not any(store.get(kind, path) for kind in kinds):
                raise DeviceError(
                    f"01020036:3: The requested {KINDS[kinds[0]].label} ({path}) was not found.", 404 if not name else 400
                )
        _route_domain(store, made)
    # Two virtual servers in one place are told before two addresses that are the same.
    for made in sorted(puts, key=lambda one: one.kind != "ltm/virtual"):
        if made.kind in _RULES:
            _RULES[made.kind](store, made)
    http2.check(store, puts)


def references(made: Object) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What an object refers to: the property, the kinds that would do, and the full path."""
    kind = KINDS[made.kind]
    for name, kinds in kind.refers.items():
        for path in _paths(made.properties.get(name)):
            yield name, kinds, path
    for name, part in kind.parts.items():
        for path, properties in made.parts.get(name, {}).items():
            if part.names:
                yield name, part.names, addresses.without_port(path)[0] if name == "members" else path
            for monitor in _paths(properties.get("monitor")):
                yield "monitor", KINDS["ltm/pool"].refers["monitor"], monitor
    for entry in made.properties.get("persist", []):
        yield "persist", KINDS["ltm/virtual"].refers["fallbackPersistence"], f"/{entry['partition']}/{entry['name']}"
    snat = made.properties.get("sourceAddressTranslation", {})
    if snat.get("pool"):
        yield "sourceAddressTranslation", ("ltm/snatpool",), snat["pool"]


def _paths(value: object) -> list[str]:
    if isinstance(value, str):
        return re.findall(r"/[^\s{}]+", value)
    return [path for element in value for path in _paths(element)] if isinstance(value, list) else []


_IN_USE = {
    "ltm/node": "01070110:3: Node address '{path}' is referenced by a member of pool '{user}'.",
    **dict.fromkeys(KINDS["ltm/pool"].refers["monitor"], "01070083:3: Monitor {path} is in use."),
}


def _still_wanted(store: Store, gone: Collection[Key]) -> None:
    missed = set(gone)
    for user in store.every():
        for _, kinds, path in references(user):
            for kind in kinds:
                if (kind, path) in missed and not any(store.get(other, path) for other in kinds):
                    text = _IN_USE.get(
                        kind, "01070265:3: The {label} ({path}) cannot be deleted because it is in use by a {used} ({user})."
                    )
                    raise DeviceError(text.format(path=path, user=user.path, label=KINDS[kind].label, used=KINDS[user.kind].label))
        if any(kind == "net/route-domain" for kind, _ in gone):
            _route_domain(store, user)
        if user.kind == "net/route" and any(kind == "net/self" for kind, _ in gone):
            _route(store, user)


def _route_domain(store: Store, made: Object) -> None:
    """An address in a route domain needs that domain."""
    for name in ("address", "gw", "network"):
        value = made.properties.get(name)
        domain = addresses.split(value)[1] if isinstance(value, str) else ""
        if domain not in ("", "0") and not any(str(found.properties["id"]) == domain for found in store.of("net/route-domain")):
            raise DeviceError(f"01020036:3: The requested route domain ({domain}) was not found.")


def _virtual(store: Store, made: Object) -> None:
    profiles = made.parts.get("profiles", {})
    http = any(store.get("ltm/profile/http", path) for path in profiles)
    cookie = any(
        store.get("ltm/persistence/cookie", f"/{entry['partition']}/{entry['name']}")
        for entry in made.properties.get("persist", [])
    )
    if cookie and not http:
        raise DeviceError(
            "01070309:3: Cookie persistence requires an HTTP or FastHTTP profile to be associated with the virtual server."
        )
    if made.parts.get("policies") and not http and any(_needs_http(store, path) for path in made.parts["policies"]):
        raise DeviceError(f"01071912:3: The policies of virtual server ({made.path}) require an associated HTTP profile.")
    for path in made.properties.get("rules", []):
        rule = store.get("ltm/rule", path)
        event = re.search(r"\bwhen\s+(HTTP_\w+)", rule.properties.get("apiAnonymous", "")) if rule else None
        if event and not http:
            raise DeviceError(
                f"01070394:3: {event[1]} event in rule ({path}) requires an associated HTTP or FASTHTTP profile on the "
                f"virtual-server ({made.path})."
            )
    _destination(store, made)


def _needs_http(store: Store, path: str) -> bool:
    policy = store.get("ltm/policy", path)
    return policy is not None and "http" in policy.properties.get("requires", ["http"])


def listens_on(store: Store, made: Object) -> tuple[str, int]:
    """Address and port of a virtual server: its virtual address by name, or the address in its destination."""
    path, port = addresses.without_port(made.properties["destination"])
    named = store.get("ltm/virtual-address", path)
    return (str(named.properties["address"]) if named else path.rpartition("/")[2]), port


def _destination(store: Store, made: Object) -> None:
    def place(virtual: Object) -> tuple[object, ...]:
        vlans = tuple(sorted(virtual.properties.get("vlans", [])))
        return (*listens_on(store, virtual), virtual.properties["source"], virtual.properties["ipProtocol"], vlans)

    mine = place(made)
    for other in store.of("ltm/virtual"):
        if other.path != made.path and place(other) == mine and "trafficMatchingCriteria" not in other.properties:
            raise DeviceError(
                f"01070333:3: Virtual Server {made.path} illegally shares destination address, source address, service port, "
                f"ip-protocol, and vlan with Virtual Server {other.path}."
            )


def _unique_address(store: Store, made: Object) -> None:
    for other in store.of(made.kind):
        if other.path != made.path and other.properties["address"] == made.properties["address"]:
            label = KINDS[made.kind].label
            raise DeviceError(f"0107176c:3: Invalid {label}, the IP address {made.properties['address']} already exists.")


def _vlan(store: Store, made: Object) -> None:
    for other in store.of("net/vlan"):
        if (
            other.path != made.path
            and made.properties.get("tag") is not None
            and other.properties.get("tag") == made.properties["tag"]
        ):
            raise DeviceError(
                f"01070256:3: Requested VLAN tag {made.properties['tag']} for VLAN {made.path} is in use by VLAN {other.path}."
            )


def _domain(store: Store, made: Object) -> None:
    for other in store.of("net/route-domain"):
        if other.path != made.path and other.properties["id"] == made.properties["id"]:
            raise DeviceError(f"01070714:3: Route domain ({made.path}): the id {made.properties['id']} is in use by {other.path}.")


def _self(store: Store, made: Object) -> None:
    address, domain, length = addresses.split(made.properties["address"])
    if not length:
        raise DeviceError(f"01070712:3: Self IP {made.path}: the address has to have a prefix length.")
    members = {
        path
        for found in store.of("net/route-domain")
        if str(found.properties["id"]) == (domain or "0")
        for path in found.properties.get("vlans", [])
    }
    if domain not in ("", "0") and made.properties["vlan"] not in members:
        raise DeviceError(f"01070712:3: Self IP {made.path}: VLAN {made.properties['vlan']} is not in route domain {domain}.")
    for other in store.of("net/self"):
        if other.path != made.path and addresses.split(other.properties["address"])[:2] == (address, domain):
            raise DeviceError(
                f"01070734:3: Configuration error: the address of self IP {made.path} is in use by self IP {other.path}."
            )


def _route(store: Store, made: Object) -> None:
    """A gateway has to be reachable from a self IP in its route domain."""
    gateway = made.properties.get("gw")
    if gateway is None:
        return
    address, domain, _ = addresses.split(gateway)
    for found in store.of("net/self"):
        own, own_domain, length = addresses.split(found.properties["address"])
        network = ipaddress.ip_network(f"{own}/{length}", strict=False)
        if (own_domain or "0") == (domain or "0") and ipaddress.ip_address(address) in network:
            return
    raise DeviceError(f"01070330:3: Static route gateway {gateway} is not directly connected via an interface.")


def _rule(_store: Store, made: Object) -> None:
    text = made.properties.get("apiAnonymous", "")
    if not balanced(text):
        raise DeviceError(f"01070151:3: Rule [{made.path}] error: missing close-brace")


def balanced(text: str) -> bool:
    """Whether the braces of an iRule match. Escaped ones do not count."""
    depth = 0
    for brace in re.findall(r"[{}]", re.sub(r"\\.", "", text)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _data_group(_store: Store, made: Object) -> None:
    for record in made.properties.get("records", []):
        size = len(str(record.get("data", "")).encode())
        if size > VALUE_LIMIT:
            raise too_long(size)


def too_long(size: int) -> DeviceError:
    """A value of a data group that is too long."""
    return DeviceError(
        "01070712:3: Max string size exceeded during update of attribute:data type:class_value_item "
        f"max:{VALUE_LIMIT} received:{size}"
    )


def _certificate(_store: Store, made: Object) -> None:
    try:
        _public(made)
    except ValueError:
        raise DeviceError(f"01070712:3: unable to validate certificate, invalid x509 file ({made.path}).") from None


def _public(certificate: Object) -> bytes | None:
    text = certificate.properties.get("content")
    if text is None:
        return None
    key = x509.load_pem_x509_certificates(text.encode())[0].public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private(key: Object) -> bytes | None:
    text = key.properties.get("content")
    if text is None or key.properties.get("passphrase"):
        return None
    public = serialization.load_pem_private_key(text.encode(), None).public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _tls(store: Store, made: Object) -> None:
    certificate = store.get("sys/file/ssl-cert", made.properties.get("cert", ""))
    key = store.get("sys/file/ssl-key", made.properties.get("key", ""))
    if certificate is None or key is None:
        return
    try:
        public, private = _public(certificate), _private(key)
    except (ValueError, TypeError):
        raise DeviceError(f"01070712:3: unable to validate key, invalid file ({key.path}).") from None
    if public is not None and private is not None and public != private:
        raise DeviceError(f"01070317:3: profile {made.path}'s key ({key.path}) and certificate ({certificate.path}) do not match")


_RULES = {
    "ltm/virtual": _virtual,
    "ltm/virtual-address": _unique_address,
    "ltm/node": _unique_address,
    "ltm/snat-translation": _unique_address,
    "ltm/rule": _rule,
    "ltm/data-group/internal": _data_group,
    "ltm/profile/client-ssl": _tls,
    "ltm/profile/server-ssl": _tls,
    "sys/file/ssl-cert": _certificate,
    "net/vlan": _vlan,
    "net/route-domain": _domain,
    "net/self": _self,
    "net/route": _route,
}
