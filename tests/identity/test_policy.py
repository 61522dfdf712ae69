"""The rules: those of every route, an operator's policy file, and the tools for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from oslo_context.context import RequestContext

from bascule.cmd import settings
from bascule.cmd.policy import CALLER, PolicyAccess, list_rules
from bascule.cmd.process import StartError
from bascule.north.octavia_v2.access import GET_ONE, PREFIX
from bascule.north.octavia_v2.routes import ROUTES
from bascule.store.engine import Database
from tests.api.bascule import VIPS
from tests.identity.conftest import guarded
from tests.identity.users import OURS, client

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ADVANCED = ROOT / "etc/bascule/policy/advanced-rbac.yaml"
BIN = Path(sys.executable).parent


def test_every_route_is_guarded_by_a_rule_that_is_told_of() -> None:
    found = {rule.name for rule in list_rules()}
    assert {f"{PREFIX}{route.policy}" for route in ROUTES} <= found
    assert {f"{PREFIX}{policy}" for policy in GET_ONE.values()} <= found
    assert all(rule.description for rule in list_rules())


OFFERED = "get_all get_one post put delete"
NAMES = {
    "loadbalancer": f"{OFFERED} get_all-global get_stats get_status put_failover post:vip_sg_ids put:vip_sg_ids",
    "listener": f"{OFFERED} get_all-global get_stats",
    "pool": f"{OFFERED} get_all-global",
    "member": OFFERED,
    "healthmonitor": f"{OFFERED} get_all-global",
    "l7policy": f"{OFFERED} get_all-global",
    "l7rule": OFFERED,
    "quota": "get_all get_all-global get_one put delete get_defaults",
    "amphora": "get_all get_one get_stats delete put_failover put_config",
    "provider": "get_all",
    "provider-flavor": "get_all",
    "provider-availability-zone": "get_all",
    "flavor": OFFERED,
    "flavor-profile": OFFERED,
    "availability-zone": OFFERED,
    "availability-zone-profile": OFFERED,
}


def test_the_names_are_those_of_the_original() -> None:
    found = [rule.name.removeprefix(PREFIX) for rule in list_rules() if rule.name.startswith(PREFIX)]
    assert sorted(found) == sorted(f"{noun}:{each}" for noun, names in NAMES.items() for each in names.split())


def test_roles_of_load_balancing_alone(sqlite_database: Database, tmp_path: Path) -> None:
    roles = ("observer", "global_observer", "member", "admin")
    users = {role: f"{OURS if role == 'member' else role}=load-balancer_{role}" for role in roles} | {"old": f"{OURS}=member"}
    quotas = {"quota_admin": "elsewhere=load-balancer_quota_admin"}
    bascule = guarded(sqlite_database, tmp_path, users | quotas, ADVANCED.read_text())
    made = client(bascule, "member").load_balancer()
    path, body = f"/loadbalancers/{made['id']}", {"loadbalancer": {"name": "x"}}
    seen = {name: client(bascule, name).get(path).status for name in users}
    assert seen == {"observer": 404, "global_observer": 200, "member": 200, "admin": 200, "old": 403}
    changed = {name: client(bascule, name).put(path, body).status for name in users}
    assert changed == {"observer": 404, "global_observer": 403, "member": 200, "admin": 200, "old": 403}
    listed = {name: client(bascule, name).get("/loadbalancers").status for name in users}
    assert listed == {"observer": 200, "global_observer": 200, "member": 200, "admin": 200, "old": 403}
    limited = {name: client(bascule, name).put(f"/quotas/{OURS}", {"quota": {"pool": 5}}).status for name in users | quotas}
    assert limited == {"observer": 403, "global_observer": 403, "member": 403, "admin": 202, "old": 403, "quota_admin": 202}


def test_a_policy_file_changes_single_rules(sqlite_database: Database, tmp_path: Path) -> None:
    text = f'"{PREFIX}loadbalancer:put_failover": "rule:load-balancer:write"\n"{PREFIX}member:delete": "role:admin"\n'
    bascule = guarded(sqlite_database, tmp_path, {"member": f"{OURS}=member"}, text)
    member = client(bascule, "member")
    made = member.post("/loadbalancers", {"loadbalancer": {"vip_subnet_id": VIPS.id}}).body["loadbalancer"]
    assert member.put(f"/loadbalancers/{made['id']}/failover").status == 202
    members = f"/pools/{member.pool(loadbalancer_id=made['id'])['id']}/members"
    assert member.put(members, {"members": []}).status == 403, "it would delete those that are not mentioned"
    assert member.put(members, {"members": []}, additive_only="true").status == 202


@pytest.mark.parametrize("text", ["a: b: c", "- list", '"load-balancer:owner": "rule:load-balancer:owner"', '"x": "rule:y"'])
def test_a_policy_file_that_cannot_be_used_is_a_reason_not_to_start(sqlite_database: Database, tmp_path: Path, text: str) -> None:
    with pytest.raises(StartError, match=r"\[oslo_policy\] policy_file: .*policy\.yaml"):
        guarded(sqlite_database, tmp_path, {}, text)


def tool(name: str, *arguments: str | Path) -> str:
    done = subprocess.run([BIN / name, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_tools_of_oslo_policy_work(tmp_path: Path) -> None:
    sample = tmp_path / "sample.yaml"
    tool("oslopolicy-sample-generator", "--namespace", "bascule", "--output-file", sample)
    for rule in list_rules():
        assert f'#"{rule.name}": "{rule.check_str}"' in sample.read_text()
    conf = tmp_path / "bascule.conf"
    conf.write_text(f"[oslo_policy]\npolicy_file = {tmp_path / 'policy.yaml'}\n")
    (tmp_path / "policy.yaml").write_text(f'"{PREFIX}pool:post": "rule:load-balancer:write"\n"{PREFIX}pool:put": "role:admin"\n')
    how = ("--namespace", "bascule", "--config-file", conf)
    tool("oslopolicy-validator", *how)
    redundant = tool("oslopolicy-list-redundant", *how)
    assert f"{PREFIX}pool:post" in redundant
    assert f"{PREFIX}pool:put" not in redundant
    effective = tool("oslopolicy-policy-generator", *how)
    assert f'"{PREFIX}pool:put": "role:admin"' in effective
    assert f'"{PREFIX}pool:delete": "rule:load-balancer:write"' in effective


@pytest.fixture
def allows(tmp_path: Path) -> Callable[[str], bool]:
    """Whether a member may do something in the own project, looking at the policy file each time."""
    (tmp_path / "bascule.conf").write_text(f"[oslo_policy]\npolicy_file = {tmp_path / 'policy.yaml'}\n")
    access = PolicyAccess(settings.read([str(tmp_path / "bascule.conf")]), look_interval=0)
    caller = {CALLER: RequestContext(user_id="ann", project_id=OURS, roles=["member"], overwrite=False)}
    return lambda policy: access.allows(caller, policy, OURS)


def test_a_changed_policy_file_counts_and_one_that_cannot_be_used_does_not(allows: Callable[[str], bool], tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    assert allows("pool:delete")
    file.write_text(f'"{PREFIX}pool:delete": "role:admin"\n')
    assert not allows("pool:delete")
    for wrong in ("- list", '"load-balancer:owner": "rule:load-balancer:owner"', "a: b: c"):
        file.write_text(wrong)
        assert not allows("pool:delete")
        assert allows("pool:put")
    file.unlink()
    assert allows("pool:delete")


def test_what_another_service_decides_is_asked_every_time(allows: Callable[[str], bool], tmp_path: Path) -> None:
    answers = [b"True", b"False", b"True"]

    class Decides(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers.pop(0))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Decides) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        check = f"http://127.0.0.1:{server.server_port}/"
        (tmp_path / "policy.yaml").write_text(f'"{PREFIX}pool:delete": "{check}"\n')
        assert [allows("pool:delete") for _ in range(3)] == [True, False, True]
        server.shutdown()
