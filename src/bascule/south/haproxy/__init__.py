"""HAProxy: one group of HAProxy processes on this machine for every load balancer.

`render` and what it calls is pure and knows the configuration language; `instance` and what it calls knows files, processes and
sockets. Neither knows the other: they meet in the documents.
"""

from bascule.south.haproxy.backend import HAProxyBackend
from bascule.south.haproxy.binary import Binary, BinaryNotFound, find_binary

__all__ = ["Binary", "BinaryNotFound", "HAProxyBackend", "find_binary"]
