"""Who there is: a user for each role, in two projects."""

from __future__ import annotations

import base64

from tests.api.bascule import PROJECT, Bascule, Client

OURS = PROJECT
OTHER = "9" * 32
PASSWORD = "correct horse: battery"

USERS = {
    "other": f"{OTHER}=member,reader",
    "nothing": f"{OURS}=nothing",
    "service": f"{'5' * 32}=service",
    "reader": f"{OURS}=reader",
    "member": f"{OURS}=member,reader;{OTHER}=reader",
    "admin": f"{'a' * 32}=admin",
}
"""The roles of each in each project. The first is that of requests that name none."""


def basic(name: str, password: str = PASSWORD) -> str:
    """The header that says who one is."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def client(bascule: Bascule, name: str | None, **headers: str) -> Client:
    """What a user, or nobody, talks to Bascule with."""
    return Client(bascule, **({} if name is None else {"Authorization": basic(name)}), **headers)
