"""BIG-IP, driven by AS3 declarations: one tenant for every load balancer.

`render` and what it calls is pure and knows what AS3 and the device make of a declaration. It knows no device.
`backend` is what the worker calls; `post` sends declarations to a device group, and `outcomes` says what came of them.
"""

from bascule.south.as3.backend import AS3Backend, Site, lane_of
from bascule.south.as3.options import Options, Snat

__all__ = ["AS3Backend", "Options", "Site", "Snat", "lane_of"]
