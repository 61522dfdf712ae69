"""Two emulators that form a device group."""

from __future__ import annotations

import pytest

from tests.emulator.site import DECLARE, lb, pair, small, state, states, sync, tenant

pytestmark = pytest.mark.slow

CM = "/mgmt/tm/cm"


def test_the_two_know_each_other() -> None:
    with pair() as (one, two):
        for made in (one, two):
            assert states(made) == {"bigip-1": "active", "bigip-2": "standby"}
        (group,) = one.get(f"{CM}/device-group").body["items"]
        assert (group["name"], group["type"], group["autoSync"]) == ("dg", "sync-failover", "enabled")
        assert len(one.get(f"{CM}/device-group/~Common~dg/devices").body["items"]) == 2


def test_the_configuration_goes_over_by_itself() -> None:
    with pair() as (one, two):
        one.ask("POST", "/mgmt/tm/net/vlan", {"name": "vlan-7", "tag": 7})
        one.declare(tenant("T1", lb()))
        one.until(lambda: two.get(DECLARE).status == 200 and "T1" in two.get(DECLARE).body)
        assert two.get("/mgmt/tm/ltm/pool").body["items"][0]["partition"] == "T1"
        assert two.get("/mgmt/tm/net/vlan/vlan-7").status == 404  # VLANs are each device's own
        one.declare(tenant("T1"))
        one.until(lambda: "items" not in two.get("/mgmt/tm/ltm/pool").body)


def test_a_change_on_the_one_that_stands_by_goes_over_too() -> None:
    with pair() as (one, two):
        two.declare(tenant("T1", lb()))
        one.until(lambda: one.get(DECLARE).status == 200)


def test_without_automatic_sync_changes_are_pending() -> None:
    with pair(automatic=False) as (one, two):
        one.declare(tenant("T1", lb()))
        one.until(lambda: sync(one) == sync(two) == "Changes Pending")
        assert two.get(DECLARE).status == 204
        lost = one.ask("POST", CM, {"command": "run", "utilCmdArgs": "config-sync to-group nope"})
        assert lost.status == 404
        assert one.ask("POST", CM, {"command": "run", "utilCmdArgs": "config-sync to-group dg"}).status == 200
        assert two.get(DECLARE).status == 200
        one.until(lambda: sync(one) == sync(two) == "In Sync")


def test_a_declaration_can_ask_for_the_sync() -> None:
    with pair(automatic=False) as (one, two):
        one.declare(tenant("T1", lb()), syncToGroup="/Common/dg")
        one.until(lambda: two.get(DECLARE).status == 200)


def test_a_device_is_told_to_stand_by() -> None:
    with pair() as (one, two):
        assert one.ask("POST", "/mgmt/tm/sys/failover", {"command": "run", "standby": True}).status == 200
        one.until(lambda: (state(one), state(two)) == ("standby", "active"))
        two.ask("POST", "/emulator/standby", {})
        one.until(lambda: (state(one), state(two)) == ("active", "standby"))


def test_the_other_takes_over_when_one_goes_away_and_keeps_the_work() -> None:
    with pair() as (one, two):
        one.declare(tenant("T1", lb()), persist=True)
        one.until(lambda: two.get(DECLARE).status == 200)
        one.ask("POST", "/emulator/reboot", {"seconds": 10})
        two.until(lambda: state(two) == "active" and sync(two) == "Disconnected")
        two.declare(tenant("T2", small()))
        two.until(lambda: sync(two) == "In Sync")
        assert (state(one), state(two)) == ("standby", "active")
        assert {"T1", "T2"} <= one.get(DECLARE).body.keys()


def test_a_device_that_lost_its_edits_does_not_pass_that_on() -> None:
    with pair() as (one, two):
        one.declare(tenant("T1", lb()))
        one.until(lambda: two.get(DECLARE).status == 200)
        one.ask("POST", "/emulator/reboot", {"seconds": 0})
        one.until(lambda: one.get(DECLARE).status == 200)
        assert "T1" in two.get(DECLARE).body
        one.ask("POST", "/emulator/lose-configuration", {})
        assert two.get("/mgmt/tm/ltm/pool").body["items"]


def test_a_device_can_be_forced_offline() -> None:
    with pair() as (one, two):
        one.ask("POST", "/mgmt/tm/sys/failover", {"command": "run", "offline": True})
        one.until(lambda: (state(one), state(two)) == ("forced-offline", "active"))
        one.ask("POST", "/mgmt/tm/sys/failover", {"command": "run", "online": True})
        one.until(lambda: (state(one), state(two)) == ("standby", "active"))
