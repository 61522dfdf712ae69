"""The Octavia v2 door: OpenStack's load-balancing API over HTTP.

`routes.py` lists every path. A path leads to `handlers/<noun>.py`, what it takes and gives stands in `schemas/<noun>.py`, and
its test in `tests/api/test_<noun>.py`. Nothing here writes to the database or decides what a load balancer may be: the first
is the writer's work in core, the second is in `bascule.model.rules`.
"""
