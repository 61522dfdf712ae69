"""Every reference that a body, or a query string, can hold: what others have is answered exactly like what is not there."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from bascule.model.definition import SECRET_FIELDS
from bascule.model.objects import Kind
from bascule.north.octavia_v2.checked import Uuid
from bascule.north.octavia_v2.routes import ROUTES
from tests.api.bascule import NOWHERE, VIPS, Answer, Bascule, Client
from tests.identity.users import OTHER, OURS, client

POOL = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
LISTENER = {"protocol": "HTTP", "protocol_port": 81}
TLS = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": "ours.pem"}
MONITOR = {"type": "TCP", "delay": 5, "timeout": 3, "max_retries": 2}
VIP = {"vip_subnet_id": VIPS.id}
RULE = {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}
REDIRECT = {"action": "REDIRECT_TO_POOL"}

pytestmark = pytest.mark.slow

Request = tuple[str, str, dict[str, Any]]
"""Method, path and body. `OUR name` stands for an id of ours, `REF` for the reference that is tried."""

OBJECTS: Mapping[str, tuple[str, Request]] = {
    "POST listeners loadbalancer_id": (
        "load_balancer",
        ("POST", "/listeners", {"listener": LISTENER | {"loadbalancer_id": "REF"}}),
    ),
    "POST listeners default_pool_id": (
        "pool",
        ("POST", "/listeners", {"listener": LISTENER | {"loadbalancer_id": "OUR load_balancer", "default_pool_id": "REF"}}),
    ),
    "PUT listeners default_pool_id": ("pool", ("PUT", "/listeners/OUR listener", {"listener": {"default_pool_id": "REF"}})),
    "POST pools loadbalancer_id": ("load_balancer", ("POST", "/pools", {"pool": POOL | {"loadbalancer_id": "REF"}})),
    "POST pools listener_id": ("listener", ("POST", "/pools", {"pool": POOL | {"listener_id": "REF"}})),
    "POST pools both, the listener ours": (
        "load_balancer",
        ("POST", "/pools", {"pool": POOL | {"listener_id": "OUR listener", "loadbalancer_id": "REF"}}),
    ),
    "POST pools both, the load balancer ours": (
        "listener",
        ("POST", "/pools", {"pool": POOL | {"listener_id": "REF", "loadbalancer_id": "OUR load_balancer"}}),
    ),
    "POST healthmonitors pool_id": ("pool", ("POST", "/healthmonitors", {"healthmonitor": MONITOR | {"pool_id": "REF"}})),
    "POST l7policies listener_id": ("listener", ("POST", "/l7policies", {"l7policy": {"action": "REJECT", "listener_id": "REF"}})),
    "POST l7policies redirect_pool_id": (
        "pool",
        ("POST", "/l7policies", {"l7policy": REDIRECT | {"listener_id": "OUR listener", "redirect_pool_id": "REF"}}),
    ),
    "PUT l7policies redirect_pool_id": ("pool", ("PUT", "/l7policies/OUR l7policy", {"l7policy": {"redirect_pool_id": "REF"}})),
    "POST loadbalancers default_pool_id": (
        "pool",
        (
            "POST",
            "/loadbalancers",
            {"loadbalancer": VIP | {"listeners": [LISTENER | {"l7policies": [REDIRECT | {"redirect_pool_id": "REF"}]}]}},
        ),
    ),
    "POST rules": (
        "l7policy",
        ("POST", "/l7policies/REF/rules", {"rule": {"type": "PATH", "compare_type": "EQUAL_TO", "value": "/"}}),
    ),
    "POST members": ("pool", ("POST", "/pools/REF/members", {"member": {"address": "10.1.0.9", "protocol_port": 1}})),
    "PUT members": ("pool", ("PUT", "/pools/REF/members", {"members": []})),
}


def secrets() -> Iterator[tuple[str, Request]]:
    """Every attribute that holds a reference to a secret, in each body that can hold it."""
    for name in SECRET_FIELDS[Kind.LISTENER]:
        ref: Any = ["REF"] if name.startswith("sni") else "REF"
        given = {name: ref} | ({"client_ca_tls_container_ref": "ours.pem"} if "crl" in name else {})
        yield f"POST listeners {name}", ("POST", "/listeners", {"listener": TLS | {"loadbalancer_id": "OUR load_balancer"} | given})
        yield f"PUT listeners {name}", ("PUT", "/listeners/OUR tls", {"listener": given})
        body = VIP | {"listeners": [TLS | given]}
        yield f"POST loadbalancers {name}", ("POST", "/loadbalancers", {"loadbalancer": body})
    for name in SECRET_FIELDS[Kind.POOL]:
        given = {"tls_enabled": True, name: "REF"} | ({"ca_tls_container_ref": "ours.pem"} if "crl" in name else {})
        yield f"POST pools {name}", ("POST", "/pools", {"pool": POOL | {"loadbalancer_id": "OUR load_balancer"} | given})
        yield f"PUT pools {name}", ("PUT", "/pools/OUR pool", {"pool": given})
        pool = POOL | {"name": "p"} | given
        yield (
            f"POST loadbalancers {name}",
            ("POST", "/loadbalancers", {"loadbalancer": VIP | {"pools": [pool]}}),
        )
        nested = VIP | {"listeners": [LISTENER | {"default_pool": pool}]}
        yield f"POST loadbalancers default_pool {name}", ("POST", "/loadbalancers", {"loadbalancer": nested})
        redirect = VIP | {"listeners": [LISTENER | {"l7policies": [REDIRECT | {"redirect_pool": pool}]}]}
        yield f"POST loadbalancers redirect_pool {name}", ("POST", "/loadbalancers", {"loadbalancer": redirect})


SECRETS = dict(secrets())

Ids = dict[str, str]


def _made(by: Client) -> Ids:
    """The ids of one of everything."""
    load_balancer = by.load_balancer()["id"]
    listener = by.listener(load_balancer)["id"]
    tls = by.listener(load_balancer, **{**TLS, "protocol_port": 8443, "default_tls_container_ref": "own.pem"})["id"]
    pool = by.pool(loadbalancer_id=load_balancer)["id"]
    policy = by.l7policy(listener)["id"]
    return {"load_balancer": load_balancer, "listener": listener, "tls": tls, "pool": pool, "l7policy": policy}


@pytest.fixture(scope="module")
def member(shared: Bascule) -> Client:
    for project, name in ((OURS, "ours.pem"), (OURS, "own.pem"), (OTHER, "own.pem"), (OTHER, "theirs.pem")):
        shared.add_certificate(name, project)
    return client(shared, "member")


@pytest.fixture(scope="module")
def ours(member: Client) -> Ids:
    return _made(member)


@pytest.fixture(scope="module")
def theirs(shared: Bascule, member: Client) -> Ids:
    return _made(client(shared, "other"))


def _ask(by: Client, request: Request, ours: Ids, ref: str) -> Answer:
    method, path, body = request
    text = json.dumps([path, body])
    for name, each in ours.items():
        text = text.replace(f"OUR {name}", each)
    path, body = json.loads(text.replace("REF", ref))
    return by.send(method, path, body)


def _alike(theirs: Answer, absent: Answer, names: tuple[str, str]) -> None:
    assert 400 <= theirs.status < 500, theirs
    assert theirs.status == absent.status
    assert theirs.fault == absent.fault.replace(*reversed(names))
    assert theirs.headers.keys() == absent.headers.keys()


@pytest.mark.parametrize("what", OBJECTS)
def test_objects(member: Client, ours: Ids, theirs: Ids, what: str) -> None:
    kind, request = OBJECTS[what]
    ref = theirs[kind]
    _alike(_ask(member, request, ours, ref), _ask(member, request, ours, NOWHERE), (ref, NOWHERE))
    # Nor does another mistake in the same body bring out a difference.
    method, path, body = request
    (root,) = body
    if isinstance(body[root], dict):
        wrong = (method, path, {root: body[root] | {"tags": ["a\nb"]}})
        _alike(_ask(member, wrong, ours, ref), _ask(member, wrong, ours, NOWHERE), (ref, NOWHERE))


@pytest.mark.parametrize("what", SECRETS)
def test_secrets(shared: Bascule, member: Client, ours: Ids, what: str) -> None:
    """A secret must be one of the project that owns the load balancer, whoever asks."""
    for by in (member, client(shared, "admin")):
        request = SECRETS[what]
        if "/loadbalancers" in request[1] and by is not member:
            continue  # an administrator's own project has none
        there, absent = (_ask(by, request, ours, ref) for ref in ("theirs.pem", "absent.pem"))
        assert there.status == 400
        _alike(there, absent, ("theirs.pem", "absent.pem"))
        for elsewhere in (f"../{OTHER}/theirs.pem", f"{OTHER}/theirs.pem", f"file:../{OTHER}/theirs.pem"):
            assert _ask(by, request, ours, elsewhere).status == 400


def test_no_reference_is_forgotten() -> None:
    """Every attribute of a body that is an id stands in the table above, or names what belongs to nobody."""
    of_nobody = {f"vip_{name}_id" for name in ("subnet", "network", "port", "qos_policy")} | {"subnet_id", "port_id"}
    offered = {"flavor_id", "flavor_profile_id", "availability_zone_profile_id"}
    found = {name for route in ROUTES for name in _ids(route.takes)}
    assert found - of_nobody - offered == {"listener_id", "loadbalancer_id", "pool_id", "default_pool_id", "redirect_pool_id"}
    assert all(any(name in what for what in OBJECTS) for name in found - of_nobody - offered)


def _ids(kind: Any) -> set[str]:
    """The names of the attributes below a type of a body that are ids."""
    found: set[str] = set()
    for part in typing.get_args(kind):
        found |= _ids(part)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            found |= {field.name} if Uuid in (field.type, *typing.get_args(field.type)) else _ids(field.type)
    return found


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/listeners", "loadbalancer_id", "load_balancer"),
        ("/listeners", "default_pool_id", "pool"),
        ("/listeners", "id", "listener"),
        ("/pools", "loadbalancer_id", "load_balancer"),
        ("/healthmonitors", "pool_id", "pool"),
        ("/l7policies", "listener_id", "listener"),
        ("/l7policies", "redirect_pool_id", "pool"),
        ("/loadbalancers", "id", "load_balancer"),
        ("/loadbalancers", "marker", "load_balancer"),
        ("/listeners", "marker", "listener"),
        ("/pools", "marker", "pool"),
    ],
)
def test_lists(member: Client, theirs: Ids, path: str, name: str, kind: str) -> None:
    there, absent = member.get(path, **{name: theirs[kind]}), member.get(path, **{name: NOWHERE})
    assert there.status == absent.status == (400 if name == "marker" else 200)
    assert json.dumps(there.body) == json.dumps(absent.body).replace(NOWHERE, theirs[kind])


def test_whoever_may_not_write_learns_nothing_of_secrets(shared: Bascule, ours: Ids) -> None:
    """Readers are told that they may not, before anything is looked for."""
    reader = client(shared, "reader")
    for ref in ("ours.pem", "absent.pem"):
        for request in SECRETS.values():
            answer = _ask(reader, request, ours, ref)
            assert (answer.status, answer.fault) == (403, "Policy does not allow this request to be performed.")


def test_who_may_not_write_is_told_so_whatever_is_wrong(shared: Bascule, ours: Ids, theirs: Ids) -> None:
    """What does not fit together is told only to whoever may write, and only of what is there."""
    outside = {"address": "192.0.2.1", "protocol_port": 80}
    requests: Sequence[tuple[str, str, dict[str, Any], str]] = (
        ("POST", "/pools/{}/members", {"member": outside}, "pool"),
        ("PUT", "/pools/{}/members", {"members": [outside]}, "pool"),
        ("PUT", "/pools/{}/members", {"members": [outside, outside]}, "pool"),
        ("PUT", "/loadbalancers/{}", {"loadbalancer": {"vip_qos_policy_id": NOWHERE}}, "load_balancer"),
    )
    for method, path, body, kind in requests:
        for who, key, code in (("member", ours[kind], 400), ("reader", ours[kind], 403), ("member", theirs[kind], 404)):
            assert client(shared, who).send(method, path.format(key), body).status == code, (method, path, who)
        assert client(shared, "member").send(method, path.format(NOWHERE), body).status == 404
