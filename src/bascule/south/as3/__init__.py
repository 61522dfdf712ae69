"""BIG-IP, driven by AS3 declarations: one tenant for every load balancer.

`render` and what it calls is pure and knows what AS3 and the device make of a declaration. It knows no device.
"""
