"""Objects of a BIG-IP that AS3 does not make, by iControl REST: the networks that load balancers are in.

`network` is pure: what a network is on a device. `inventory` is what a device has of it, and `networks` brings the two together.
Here is no load balancer: a backend hands in the plans of its network units.
"""

from bascule.south.icontrol.network import render
from bascule.south.icontrol.networks import Networks, is_network

__all__ = ["Networks", "is_network", "render"]
