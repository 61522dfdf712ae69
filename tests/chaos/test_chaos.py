"""The test of tests: a short run finds nothing wrong, and what is made wrong is found."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from bascule.store.engine import Database
from bascule.store.tables import unit
from bascule.store.units import LOAD_BALANCER
from chaos.edits import Author, Thing
from chaos.http import differences
from chaos.run import Run, started
from chaos.script import CREW, steps

KILLS = 4


def test_the_script_follows_from_the_seed_alone() -> None:
    script = steps(7, 200, server=True, broker=True)
    assert script == steps(7, 200, server=True, broker=True)
    assert script != steps(8, 200, server=True, broker=True)
    assert sum(step.kind == "kill" for step in script) == 200
    assert {step.target for step in script if step.kind == "kill"} == set(CREW)
    kinds = {"pause", "stop", "cut", "stall", "slow", "fault", "reboot", "standby", "lose", "busy", "expire", "haproxy"}
    assert kinds <= {step.kind for step in script}
    assert {"database", "broker"} <= {step.kind for step in script}
    assert not {"database", "broker"} & {step.kind for step in steps(7, 200, server=False, broker=False)}


def test_edits_follow_from_the_seed_and_what_became_of_those_before() -> None:
    def some() -> list[object]:
        author = Author("7 client 1", "c1", "127.40.7.")
        balancer, edit = author.create("f5")
        balancer.tree, balancer.ids = edit.after, {name: f"id of {name}" for name in edit.after or ()}
        return [edit, *(author.edit(balancer) for _ in range(50))]

    assert some() == some()


def test_what_differs_from_what_was_acknowledged_is_found() -> None:
    wanted = {"a": Thing("loadbalancer", None, {"description": "x"}), "b": Thing("pool", "a", {"protocol": "TCP"})}
    shown = {"a": Thing("loadbalancer", None, {"description": "x", "id": "1"}), "b": Thing("pool", "a", {"protocol": "TCP"})}
    assert not differences(wanted, shown)
    assert not differences(None, None)
    assert differences(wanted, None) == ["it is not there"]
    assert differences(None, shown) == ["it is there"]
    assert differences(wanted, {"a": shown["a"]}) == ["pool b is missing"]
    assert differences({"a": wanted["a"]}, shown) == ["pool b is there"]
    other = {**shown, "b": Thing("pool", "a", {"protocol": "HTTP"})}
    assert differences(wanted, other) == ["pool b: protocol is 'HTTP' and was acknowledged as 'TCP'"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_in_a_short_run_and_what_is_made_wrong_is_found(tmp_path: Path) -> None:
    with started("sqlite", 1, tmp_path, print) as run:
        verdict, converged = run.settle(run.disturb(KILLS))
        for client in run.clients:
            client.join()
        assert verdict.good, verdict
        assert converged is not None
        assert run.trouble.done["kill"] == KILLS
        assert sum(client.counted.acknowledged for client in run.clients) >= 10

        for name, slot in run.place.slots.items():
            if not name.startswith("api"):
                slot.kill()  # or it would be put right again
        for spoil in (forget, hold_up, end, lose, go_back):
            spoil(run)
        found = run.judge.judge(everything=True)
        assert len(found.lost) == len(found.stuck) == 1
        assert any(text.startswith(("a1: ", "b1: ")) for text in found.drifted)
        assert any(text.partition(": ")[0] in on_haproxy(run) for text in found.drifted)
        assert found.backwards


def on_haproxy(run: Run) -> set[str]:
    """The ids of the load balancers that HAProxys carry."""
    there = [each for client in run.clients for each in client.balancers if each.tree]
    return {each.id or "" for each in there if (each.tree or {})[each.name].given["provider"] == "haproxy"}


def forget(run: Run) -> None:
    """Something was acknowledged that is not there."""
    balancer = next(each for each in run.clients[0].balancers if each.tree)
    balancer.tree = {**(balancer.tree or {}), "more": Thing("pool", balancer.name, {})}


def hold_up(run: Run) -> None:
    """Something is wanted, and nobody does it."""
    database = Database(str(run.place.settings.database.connection))
    one = sa.select(unit.c.id).where(unit.c.gone_at.is_(None), unit.c.kind == LOAD_BALANCER).limit(1)

    def work(conn: sa.Connection) -> None:
        conn.execute(unit.update().where(unit.c.id == conn.scalar(one)).values(generation=unit.c.generation + 1))

    database.write(work)
    database.close()


def end(run: Run) -> None:
    """The HAProxys die, and nobody starts them again."""
    for pid in run.place.haproxys():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def lose(run: Run) -> None:
    """A device loses what it had, and nobody notices."""
    for device in run.place.devices.values():
        device.ask("POST", "/emulator/lose-configuration", {})


def go_back(run: Run) -> None:
    """A device held something newer."""
    key, (epoch, generation) = next(iter(run.watcher.highest.items()))
    for device in run.place.devices.values():
        for tenant in device.tenants():
            run.watcher.highest[device.group, tenant] = (epoch, generation + 1000)
    assert key
