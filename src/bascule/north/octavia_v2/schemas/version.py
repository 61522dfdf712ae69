"""The version document: answers."""

from __future__ import annotations

from bascule.north.octavia_v2.schemas.common import Answer


class Link(Answer, kw_only=True):
    """Where something is."""

    href: str
    rel: str


class VersionAnswer(Answer, kw_only=True):
    """One version of the API. Each adds to the one before; all of it is always there."""

    id: str
    status: str
    updated: str
    links: list[Link]


class VersionsBody(Answer, kw_only=True):
    """All versions, oldest first."""

    versions: list[VersionAnswer]
