"""Whether this process can answer requests, for what shares them out among several: in the form that oslo.middleware has for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import falcon
import msgspec

LOG = logging.getLogger(__name__)

PATH = "/healthcheck"

REFRESH = 5.0
"""Seconds for which what was found is told again."""

_REASON = "The database cannot be used."


class Health(msgspec.Struct):
    """What is wrong, for whoever asks for JSON. There are never more details."""

    detailed: bool
    reasons: list[str]


class Healthcheck:
    """204 where all is well, 503 with the reason where not; to whoever asks for JSON, 200 and 503 with a list of reasons.

    `check` raises where something is wrong.
    """

    def __init__(self, check: Callable[[], object], refresh: float = REFRESH) -> None:
        self._check = check
        self._refresh = refresh
        self._lock = threading.Lock()
        self._next_check = 0.0
        self._reasons: list[str] = []

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer one request. This serves HEAD as well."""
        reasons = self._found()
        if req.client_prefers((falcon.MEDIA_TEXT, falcon.MEDIA_JSON)) == falcon.MEDIA_JSON:
            resp.status = 503 if reasons else 200
            resp.data = msgspec.json.encode(Health(detailed=False, reasons=reasons))
        elif reasons:
            resp.status = 503
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "\n".join(reasons)
        else:
            resp.status = 204

    on_head = on_get

    def _found(self) -> list[str]:
        with self._lock:
            if time.monotonic() >= self._next_check:
                self._reasons = self._look()
                self._next_check = time.monotonic() + self._refresh
            return self._reasons

    def _look(self) -> list[str]:
        try:
            self._check()
        except Exception:
            LOG.exception("The API cannot answer requests now")
            return [_REASON]
        return []
