"""Reads the table of statistics that HAProxy shows. It has about a hundred columns, of which few are of interest here."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from operator import itemgetter

COMMAND = "show stat -1 5 -1"
"""Asks for what listens (1) and for servers (4). Of backends as wholes nothing is of interest."""

COLUMNS = ("pxname", "svname", "scur", "slim", "stot", "bin", "bout", "ereq", "status", "weight")

Row = Mapping[str, str]

_BEGINNING = "# pxname,"


def rows(answer: str) -> Sequence[Row]:
    """The rows of the table in an answer, which may stand behind other answers. Raises OSError if there is none."""
    _, mark, table = answer.partition(_BEGINNING)
    if not mark:
        raise OSError("HAProxy does not tell what it counted")
    header, *found = csv.reader(table.splitlines())
    pick = itemgetter(*(["pxname", *header].index(column) for column in COLUMNS))
    return [dict(zip(COLUMNS, pick(row), strict=True)) for row in found if row]


def frontends(table: Sequence[Row]) -> Sequence[Row]:
    """The rows of listeners."""
    return [row for row in table if row["svname"] == "FRONTEND"]
