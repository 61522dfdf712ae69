"""What the statistics of HAProxy say, in the words of the model."""

from __future__ import annotations

import pytest

from bascule.model.status import ListenerSeen, MemberSeen
from bascule.south.haproxy.report import parse
from bascule.south.haproxy.statistics import rows

pytestmark = pytest.mark.slow

HEADER = "# pxname,svname,scur,slim,stot,bin,bout,ereq,status,weight,"

WANTED = {("pool:http", "m"), ("p:http", "m"), ("p:tcp", "m")}


def _seen(status: str, weight: str) -> MemberSeen:
    return parse(rows(f"{HEADER}\npool:http,m,0,,0,0,0,,{status},{weight},\n\n"), "lb", "host", WANTED).members["m"]


@pytest.mark.parametrize(
    ("status", "weight", "seen"),
    [
        ("UP", "1", MemberSeen.UP),
        ("UP 1/3", "1", MemberSeen.UP),
        ("UP", "0", MemberSeen.DRAIN),
        ("DOWN", "1", MemberSeen.DOWN),
        ("DOWN 1/2", "1", MemberSeen.DOWN),
        ("DOWN", "0", MemberSeen.DOWN),
        ("MAINT", "1", MemberSeen.MAINT),
        ("MAINT (via b/s)", "1", MemberSeen.MAINT),
        ("DRAIN", "1", MemberSeen.DRAIN),
        ("NOLB", "1", MemberSeen.DRAIN),
        ("no check", "1", MemberSeen.NO_CHECK),
        ("no check", "0", MemberSeen.DRAIN),
    ],
)
def test_members(status: str, weight: str, seen: MemberSeen) -> None:
    assert _seen(status, weight) is seen


def test_a_member_in_two_backends_is_as_bad_as_the_worse() -> None:
    lines = ["p:http,m,0,,0,0,0,,UP,1,", "p:tcp,m,0,,0,0,0,,DOWN,1,", "p:http,BACKEND,0,,0,0,0,,UP,1,"]
    assert parse(rows("\n".join([HEADER, *lines])), "lb", "host", WANTED).members == {"m": MemberSeen.DOWN}


def test_listeners() -> None:
    lines = ["a,FRONTEND,3,10,7,100,200,2,OPEN,,", "b,FRONTEND,10,10,17,1,2,,OPEN,,"]
    found = parse(rows("\n".join([HEADER, *lines])), "lb", "host", WANTED)
    assert found.alive
    assert found.listeners == {"a": ListenerSeen.OPEN, "b": ListenerSeen.FULL}


def test_a_server_that_is_gone_is_no_member() -> None:
    lines = ["p:http,m,0,,0,0,0,,UP,1,", "p:http,removed,2,,7,0,0,,MAINT,1,"]
    assert parse(rows("\n".join([HEADER, *lines])), "lb", "host", WANTED).members == {"m": MemberSeen.UP}
