"""Counts and times requests, for Prometheus."""

from __future__ import annotations

import time

import falcon
from prometheus_client import Counter, Histogram

_REQUESTS = Counter(
    "bascule_api_requests", "Requests to the API. route: `none` for paths that are not served.", ["method", "route", "code"]
)
_SECONDS = Histogram(
    "bascule_api_request_seconds",
    "How long requests took, from the first line of ours to the answer.",
    ["method"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_BEGUN = "bascule.begun"


class Counting:
    """Middleware of Falcon."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """A request has come."""
        req.env[_BEGUN] = time.perf_counter()

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool) -> None:
        """It is answered. Methods that nobody knows are counted as one, so that no client can make up metrics."""
        method = req.method if req.method in falcon.HTTP_METHODS else "other"
        _REQUESTS.labels(method, req.uri_template or "none", resp.status_code).inc()
        _SECONDS.labels(method).observe(time.perf_counter() - req.env[_BEGUN])
