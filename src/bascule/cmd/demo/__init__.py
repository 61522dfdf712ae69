"""The demo: a Bascule of its own, three tiny web servers, a pair of emulated BIG-IPs, three load balancers, real requests.

It uses Bascule the way anybody would, over HTTP and with the `openstack` client, and checks everything that it claims.
"""


class DemoFailed(Exception):
    """Something did not happen that should have. The text says what."""
