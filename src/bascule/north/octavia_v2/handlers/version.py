"""The version document: handlers."""

from __future__ import annotations

from typing import Any

from bascule.north.octavia_v2.door import Call
from bascule.north.octavia_v2.schemas.version import Link, VersionAnswer, VersionsBody

_DATES = (
    "2016-12-11T00:00:00Z",
    "2018-04-20T00:00:00Z",
    "2018-07-31T00:00:00Z",
    "2018-12-18T00:00:00Z",
    "2018-12-19T00:00:00Z",
    "2019-01-21T00:00:00Z",
    "2019-01-25T00:00:00Z",
    "2018-01-25T12:00:00Z",
    "2019-02-12T00:00:00Z",
    "2019-03-04T00:00:00Z",
    "2019-03-05T00:00:00Z",
    "2019-06-24T00:00:00Z",
    "2019-09-11T00:00:00Z",
    "2019-09-13T00:00:00Z",
    "2019-11-10T00:00:00Z",
    "2020-03-10T00:00:00Z",
    "2020-03-15T00:00:00Z",
    "2020-04-29T00:00:00Z",
    "2020-04-29T01:00:00Z",
    "2020-05-12T00:00:00Z",
    "2020-08-02T00:00:00Z",
    "2020-09-03T00:00:00Z",
    "2020-09-04T00:00:00Z",
    "2020-09-07T00:00:00Z",
    "2020-10-15T00:00:00Z",
    "2021-10-02T00:00:00Z",
    "2022-08-29T00:00:00Z",
    "2023-05-05T00:00:00Z",
    "2023-11-08T00:00:00Z",
    "2024-10-15T00:00:00Z",
    "2025-02-26T00:00:00Z",
)
"""When each version of the original API came out, from v2.0 on. One of them is out of order there too."""


def index(call: Call) -> Any:
    """List the versions of this API."""
    link = Link(href=f"{call.request.prefix}/v2", rel="self")
    last = len(_DATES) - 1
    return VersionsBody(
        versions=[
            VersionAnswer(id=f"v2.{minor}", status="CURRENT" if minor == last else "SUPPORTED", updated=updated, links=[link])
            for minor, updated in enumerate(_DATES)
        ]
    )


def root(call: Call) -> Any:
    """Name the version, as the root of the collections does."""
    return "v2"
