"""Bascule, a load-balancer control plane.

People ask it for load balancers through a door (``north``); it makes backends (``south``) carry them and keeps them
carried. Imports go down only: ``cmd``, then ``north`` and ``south``, then ``core``, ``store``, ``model``.
"""

__version__ = "0.1.0"
