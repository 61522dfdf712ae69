"""Bascule's API inside this process, where it can be looked into. Nobody carries out what it writes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from falcon.testing import create_environ

from bascule.core.amphorae import Amphorae
from bascule.core.certificates import CertificateLibrary
from bascule.core.offers import Offers
from bascule.core.quotas import Quotas
from bascule.core.reader import Reader
from bascule.core.subnets import Subnets
from bascule.core.writer import Writer
from bascule.model.backend import Reads
from bascule.model.offers import OfferKind
from bascule.north.octavia_v2.app import application
from bascule.north.octavia_v2.door import Door
from bascule.south.memory import MemoryBackend
from bascule.store.engine import Database
from bench.standard import MEMBERS, PROJECT, VIPS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True, slots=True)
class Inside:
    """Bascule's API in this process, with nobody to carry out what it writes."""

    application: WSGIApplication
    database: Database


@contextmanager
def inside(url: str) -> Iterator[Inside]:
    """The API in this process, where it can be looked into."""
    database = Database(url)
    backends = {"memory": MemoryBackend(reads=Reads.RECORD)}
    subnets = Subnets([VIPS, MEMBERS])
    door = Door(
        reader=Reader(database),
        writer=Writer(database, backends, subnets),
        quotas=Quotas(database, {}),
        flavors=Offers(database, backends, OfferKind.FLAVOR),
        availability_zones=Offers(database, backends, OfferKind.AVAILABILITY_ZONE),
        amphorae=Amphorae(database, backends),
        subnets=subnets,
        certificates=CertificateLibrary(Path("/nonexistent")),
        providers={"memory": MemoryBackend.description},
        default_provider="memory",
        default_project_id=PROJECT,
        page_limit=1000,
        max_body=1024 * 1024,
    )
    try:
        yield Inside(application(door, allowed_hosts=()), database)
    finally:
        database.close()


def ask(application: WSGIApplication, method: str, path: str, body: Any = None) -> Any:
    """Send a request to a WSGI application and give the answer, read as JSON. Raises RuntimeError when it is refused."""
    where, _, query = path.partition("?")
    environ = create_environ(where, query_string=query, method=method, host="127.0.0.1", http_version="1.1")
    if body is not None:
        raw = json.dumps(body).encode()
        environ |= {"wsgi.input": io.BytesIO(raw), "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw))}
    said: list[str] = []

    def start_response(status: str, *_: Any) -> Any:
        said.append(status)

    content = b"".join(application(environ, start_response))
    if not said[0].startswith("2"):
        raise RuntimeError(f"{method} {path} was answered with {said[0]}: {content.decode(errors='replace')}")
    return json.loads(content)
