"""Settings: what they are without a file, what a file changes, and what is said about a mistake."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bascule.cmd import options, settings, wiring
from bascule.cmd.settings import Settings
from bascule.cmd.values import SettingsError
from bascule.model.rules import Deployment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "etc/bascule/bascule.conf.sample"
BIN = Path(sys.executable).parent
NOOP = "[DEFAULT]\nnetwork_driver = noop\nenabled_providers = memory\ndefault_provider = memory"


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "bascule.conf"
    file.write_text(text)
    return settings.load([str(file)])


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any file: the state directory is below the directory that this gives."""
    monkeypatch.delenv(settings.ENVIRONMENT, raising=False)
    monkeypatch.setattr(settings, "SYSTEM_FILE", tmp_path / "none.conf")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_works_without_a_file(bare: Path) -> None:
    found = settings.load()
    assert found.state_dir == bare / "bascule"
    assert found.database.connection == f"sqlite:///{bare}/bascule/bascule.sqlite"
    assert found.enabled_providers == ("haproxy",)
    assert (found.api.bind_host, found.api.bind_port) == ("127.0.0.1", 9876)
    assert socket.gethostname() in found.worker.tags
    (subnet,) = found.subnets
    assert (subnet.cidr, subnet.vips, subnet.members) == ("127.10.0.0/16", True, False)
    assert settings.load().subnets == found.subnets, "ids must not change from start to start"


def test_the_environment_names_the_files_and_the_command_line_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("one", 1111), ("two", 2222), ("three", 3333)):
        (tmp_path / name).write_text(f"[api]\nbind_port = {port}\n")
    monkeypatch.setenv(settings.ENVIRONMENT, f"{tmp_path}/one:{tmp_path}/two")
    assert settings.load().api.bind_port == 2222
    assert settings.load([str(tmp_path / "three")]).api.bind_port == 3333


def test_what_is_allowed(tmp_path: Path) -> None:
    assert load(tmp_path, "").api.allowed == Deployment()
    text = "[api]\nallow_prometheus_listeners = false\nminimum_tls_version = TLSv1.2\ntls_cipher_prohibit_list = AES128-SHA"
    wanted = Deployment(prometheus=False, oldest_tls="TLSv1.2", prohibited_ciphers=frozenset({"AES128-SHA"}))
    assert load(tmp_path, text).api.allowed == wanted
    text = "[api]\nallow_tls_terminated_listeners = false\nallow_ping_health_monitors = false"
    assert load(tmp_path, text).api.allowed == Deployment(terminated_https=False, ping=False)


def test_the_networks_can_be_left_to_whoever_asks(tmp_path: Path) -> None:
    found = load(tmp_path, NOOP)
    assert (found.network_driver, found.subnets) == ("noop", ())
    assert load(tmp_path, "").network_driver == "declared"


def test_declares_subnets(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        [DEFAULT]
        subnets = front, back
        [subnet:front]
        id = 00000000-0000-0000-0000-00000000000a
        cidr = 192.0.2.0/24
        first = 192.0.2.100
        gateway = 192.0.2.1
        vips = true
        [subnet:back]
        cidr = 2001:db8::/64
        members = true
        """.replace("        ", ""),
    )
    front, back = found.subnets
    assert (front.id, front.name) == ("00000000-0000-0000-0000-00000000000a", "front")
    assert (front.first, front.last, front.gateway) == ("192.0.2.100", "192.0.2.254", "192.0.2.1")
    assert (back.first, back.vips, back.members) == ("2001:db8::1", False, True)
    assert len({front.id, front.network_id, back.id, back.network_id}) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[api]\nbind_port = 99999", ["[api] bind_port", "65535"]),
        ("[api]\nbind_prt = 9", ["[api] bind_prt", "bind_port"]),
        ("[apo]\nx = 1", ["[apo] x", "sections are", "health_manager"]),
        ("[api]\nbind_host = example.org", ["[api] bind_host", "IPv4 or IPv6"]),
        ("[api]\nminimum_tls_version = TLSv1.3", ["[api] minimum_tls_version", "SSLv3, TLSv1, TLSv1.1, TLSv1.2"]),
        (
            "[api]\ntls_cipher_prohibit_list = AES128-SHA, ECDHE-RSA-AES128-SHA256",
            ["[api] tls_cipher_prohibit_list: ECDHE-RSA-AES128-SHA256 is used where no ciphers are named"],
        ),
        ("[worker]\nbatch = 0", ["[worker] batch", "equal to 1"]),
        ("[worker]\nlease = soon", ["[worker] lease", "soon"]),
        ("[DEFAULT]\nenabled_providers = f6", ["enabled_providers", "f5, haproxy, memory"]),
        ("[DEFAULT]\nenabled_providers = f5\ndefault_provider = f5", ["[DEFAULT] device_groups", "at least one"]),
        ("[DEFAULT]\ndevice_groups = a", ["[device_group:a] urls", "at least one"]),
        ("[device_group:a]\nurls = https://192.0.2.1", ["[device_group:a] urls", "does not name this device group"]),
        ("[DEFAULT]\ndevice_groups = a\n[device_group:a]\nurls = http://192.0.2.1", ["[device_group:a] urls", "http://192.0.2.1"]),
        ("[DEFAULT]\ndevice_groups = a\n[device_group:a]\nurls = https://192.0.2.1", ["password_file", "must be given"]),
        (
            "[DEFAULT]\ndevice_groups = a\n[device_group:a]\nurls = https://192.0.2.1\npassword_file = /nowhere/at/all",
            ["[device_group:a] password_file", "cannot be read: No such file"],
        ),
        (
            "[DEFAULT]\ndevice_groups = a\n[device_group:a]\nurls = https://192.0.2.1\npassword_file = /etc/hostname\nca_file = /x",
            ["[device_group:a] ca_file", "No such file"],
        ),
        ("[f5]\nsnat = pool", ["[f5] snat_pool", "/Common/outside"]),
        ("[DEFAULT]\ndefault_provider = memory", ["default_provider", "not enabled", "haproxy"]),
        ("[DEFAULT]\nnetwork_driver = neutron", ["network_driver", "declared, noop"]),
        ("[DEFAULT]\nnetwork_driver = noop", ["[DEFAULT] network_driver", "memory alone", "enabled: haproxy"]),
        (f"{NOOP}\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.0/24\nvips = true", ["[DEFAULT] subnets", "none can be declared"]),
        ("[DEFAULT]\nsubnets = Ä", ["[DEFAULT] subnets"]),
        ("[DEFAULT]\nsubnets = a", ["[subnet:a] cidr", "must be given"]),
        ("[subnet:a]\ncidr = 192.0.2.0/24", ["[subnet:a] cidr", "does not name this subnet"]),
        ("[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.1/24", ["[subnet:a] cidr", "host bits"]),
        ("[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.0/24", ["[subnet:a] vips", "must be true"]),
        (
            "[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.0/24\nvips = 1\nfirst = 10.0.0.1",
            ["[subnet:a] first", "not in 192.0.2.0/24"],
        ),
        (
            "[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.0/24\nvips = 1\nfirst = 192.0.2.9\nlast = 192.0.2.8",
            ["[subnet:a] last", "lower than first"],
        ),
        ("[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 192.0.2.0/24\nvips = 1\nid = x", ["[subnet:a] id", "UUID"]),
        (
            "[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 127.0.0.0/8\nmembers = 1",
            ["[subnet:a] cidr", "contains 127.0.0.1, which the API listens on"],
        ),
        (
            "[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = 169.254.169.0/24\nmembers = 1",
            ["[subnet:a] cidr", "169.254.0.0/16; members must not lie there"],
        ),
        ("[DEFAULT]\nsubnets = a\n[subnet:a]\ncidr = ::/0\nmembers = 1", ["[subnet:a] cidr", "::/128"]),
        ("no option at all", ["Failed to parse", "no option at all"]),
    ],
)
def test_says_which_option_is_wrong_and_what_is_allowed(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("device_group = b", ["[network:front] device_group", "network_driver static"]),
        ("device_group = a", ["[network:front] vlan", "must be given"]),
        ("device_group = a\nvlan = 4095", ["[network:front] vlan"]),
        ("device_group = a\nvlan = 7", ["[network:front] interface", "must be given"]),
        ("device_group = a\nvlan = 7\ninterface = 1.1\nnetwork_id = x", ["[network:front] network_id", "UUID"]),
        (
            "device_group = a\nvlan = 7\ninterface = 1.1\nnetwork_id = 7d3c0f5a-0000-4000-8000-000000000000",
            ["[network:front] network_id", "no subnet"],
        ),
        ("device_group = a\nvlan = 7\ninterface = 1.1", ["[network:front] self_ips", "none lies in 192.0.2.0/24"]),
        ("device_group = a\nvlan = 7\ninterface = 1.1\nself_ips = 192.0.2.5", ["[network:front] self_ips", "each of 2 devices"]),
        ("device_group = a\nvlan = 7\ninterface = 1.1\nself_ips = 192.0.2.1", ["[network:front] self_ips", "the gateway"]),
        ("device_group = a\nvlan = 7\ninterface = 1.1\nself_ips = 10.0.0.1", ["[network:front] self_ips", "in no subnet"]),
    ],
)
def test_refuses_networks_that_cannot_be(tmp_path: Path, lines: str, expected: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, _with_networks(tmp_path, "front", f"[network:front]\n{lines}\n"))
    for text in expected:
        assert text in str(refused.value)


def _with_networks(tmp_path: Path, names: str, sections: str) -> str:
    """A configuration with a subnet, a device group whose networks are made, one whose are not, and networks."""
    password = tmp_path / "password"
    password.write_text("secret")
    return (
        f"[DEFAULT]\nsubnets = front\ndevice_groups = a, b\nnetworks = {names}\n"
        "[subnet:front]\ncidr = 192.0.2.0/24\nvips = 1\ngateway = 192.0.2.1\n"
        f"[device_group:a]\nurls = https://192.0.2.1, https://192.0.2.2:8443\npassword_file = {password}\nnetwork_driver = static\n"
        f"[device_group:b]\nurls = https://192.0.2.3\npassword_file = {password}\n{sections}"
    )


def test_reads_declared_networks(tmp_path: Path) -> None:
    lines = "device_group = a\nvlan = 7\ninterface = 1.1\nself_ips = 192.0.2.5, 192.0.2.6\n"
    found = load(tmp_path, _with_networks(tmp_path, "front", f"[network:front]\n{lines}"))
    (subnet,) = found.subnets
    network = found.networks["a"][subnet.network_id]
    assert (network.vlan, network.interface, network.mtu, network.route_domain) == (7, "1.1", 1500, 7)
    assert [(each.device, each.address) for each in network.self_ips] == [
        ("192.0.2.1", "192.0.2.5"),
        ("192.0.2.2:8443", "192.0.2.6"),
    ]
    assert network.devices == tuple(device.name for device in found.device_groups[0].connect().devices)
    assert subnet.reserved == ("192.0.2.5", "192.0.2.6")
    assert list(found.networks) == ["a"]
    drivers = wiring.network_drivers(found)
    assert drivers["f5:a"].find("unit", subnet.network_id) == network
    assert drivers["f5:b"].find("unit", subnet.network_id).vlan is None


def test_refuses_networks_that_clash_and_groups_without_any(tmp_path: Path) -> None:
    lines = "device_group = a\nvlan = 7\ninterface = 1.1\nself_ips = 192.0.2.5, 192.0.2.6\n"
    network_id = load(tmp_path, _with_networks(tmp_path, "front", f"[network:front]\n{lines}")).subnets[0].network_id
    twice = f"[network:front]\n{lines}[network:again]\n{lines}network_id = {network_id}\n"
    with pytest.raises(SettingsError, match=r"\[network:again\] network_id: .* is there twice"):
        load(tmp_path, _with_networks(tmp_path, "front, again", twice))
    with pytest.raises(SettingsError, match=r"\[device_group:a\] network_driver: static needs"):
        load(tmp_path, _with_networks(tmp_path, "", ""))


def test_reads_declared_device_groups(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a word\n")
    more = f"username = bascule\npassword_file = {tmp_path / 'password'}\n"
    found = load(
        tmp_path,
        f"[DEFAULT]\ndevice_groups = a, b\n[f5]\nsave_interval = 5\n"
        f"[device_group:a]\nurls = https://192.0.2.1, https://192.0.2.2:8443\n{more}availability_zone = az1\n"
        "max_load_balancers = 9\n"
        f"[device_group:b]\nurls = https://192.0.2.3\n{more}verify = false\nsync_group = /Common/pair\ntags = here\n",
    )
    one, other = found.device_groups
    assert (one.name, one.urls) == ("a", ("https://192.0.2.1", "https://192.0.2.2:8443"))
    assert (one.username, one.password.reveal(), one.trust.verify) == ("bascule", b"a word", True)
    assert (one.availability_zone, one.max_load_balancers, one.sync_group, one.tags) == ("az1", 9, "", ())
    assert (other.availability_zone, other.max_load_balancers, other.sync_group, other.tags) == (
        None,
        None,
        "/Common/pair",
        ("here",),
    )
    assert not other.trust.verify
    assert found.f5.save_interval == 5
    assert "a word" not in repr(found)


def test_refuses_a_device_in_two_groups(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a word\n")
    section = f"urls = https://192.0.2.1\npassword_file = {tmp_path / 'password'}\n"
    with pytest.raises(SettingsError, match="is also in the device group a"):
        load(tmp_path, f"[DEFAULT]\ndevice_groups = a, b\n[device_group:a]\n{section}[device_group:b]\n{section}")


def test_refuses_two_subnets_with_one_id(tmp_path: Path) -> None:
    section = "id = 00000000-0000-0000-0000-00000000000a\ncidr = 192.0.2.0/24\nvips = true\n"
    with pytest.raises(SettingsError, match="also the id of subnet a"):
        load(tmp_path, f"[DEFAULT]\nsubnets = a, b\n[subnet:a]\n{section}[subnet:b]\n{section}")


def test_names_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.conf"):
        settings.load([str(tmp_path / "none.conf")])


def test_leaves_the_global_configuration_alone(tmp_path: Path) -> None:
    program = (
        "from oslo_config import cfg\nfrom bascule.cmd import settings\n"
        f"settings.load([{str(tmp_path / 'empty.conf')!r}])\n"
        "print(sorted(set(cfg.CONF) - {'config_file', 'config_dir', 'config_source', 'shell_completion'}))"
    )
    (tmp_path / "empty.conf").touch()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_sample_has_every_option_as_it_is_now(tmp_path: Path) -> None:
    """If this fails: oslo-config-generator --config-file etc/bascule/config-generator.conf"""
    sample = tmp_path / "sample.conf"
    how = ["--config-file", ROOT / "etc/bascule/config-generator.conf", "--output-file", sample]
    subprocess.run([sys.executable, "-m", "oslo_config.generator", *how], check=True, capture_output=True)
    text = sample.read_text()
    assert text == SAMPLE.read_text()
    for group, found in options.list_opts():
        assert group is None or f"[{group.name}]" in text
        assert all(f"#{option.dest} =" in text for option in found)


def test_the_sample_is_accepted_as_it_is_and_with_everything_switched_on(tmp_path: Path) -> None:
    live = (
        "".join(
            line.removeprefix("#")
            for line in SAMPLE.read_text().splitlines(keepends=True)
            if not line.startswith("# ") and "<None>" not in line
        )
        .replace("subnets =", "subnets = name")
        .replace("device_groups =", "device_groups = name")
        .replace("networks =", "networks = name")
        .replace("network_driver = none", "network_driver = static")
        .replace("self_ips =", "device_group = name\nvlan = 7\ninterface = 1.1\nself_ips = 192.0.2.5")
        .replace("#cidr", "cidr")
        .replace("urls =", f"urls = https://192.0.2.1\npassword_file = {tmp_path / 'password'}")
    )
    (tmp_path / "password").write_text("a word")
    live = live.replace("[subnet:name]", "[subnet:name]\ncidr = 192.0.2.0/24").replace("vips = false", "vips = true")
    found = load(tmp_path, live)
    assert found.certificates.directory == Path("/var/lib/bascule/certificates")
    assert found.database.connection == "sqlite:////var/lib/bascule/bascule.sqlite"
    assert [subnet.name for subnet in found.subnets] == ["name"]
    settings.load([str(SAMPLE)])
    validator = [BIN / "oslo-config-validator", "--namespace", "bascule", "--input-file", SAMPLE]
    subprocess.run(validator, check=True, capture_output=True)
